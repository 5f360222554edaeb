"""The examples in the prompts: what a model copies from them has to be accepted."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from block_world import COLOURS, PAPER, BlockInspector, BlockPainter
from PIL import Image

from muralist.agent import OfflineDrafter
from muralist.prompts import load
from muralist.storage import FileStore
from muralist.tools.catalogue import TOOLS
from muralist.tools.edits import edit_layout
from muralist.tools.inspect_and_edit import InspectAndEditArgs
from muralist.tools.ports import Ports
from muralist.tools.run import Run


class AnyPainter(BlockPainter):
    def admit(self, scene: Any) -> Any:
        return scene


def examples(name: str) -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", load(name), re.DOTALL)]


@pytest.fixture
def ports(tmp_path: Path) -> Ports:
    store = FileStore(tmp_path)
    return Ports(AnyPainter(), BlockInspector(), OfflineDrafter(), store, lambda *_: None, threading.Event())


async def test_every_example_is_accepted_by_its_tool(ports: Ports) -> None:
    (scene,) = examples("recaption")
    recaptioned = (await TOOLS["recaption"].call(scene, Run.open(), ports)).run
    assert recaptioned.scene is not None
    plans = [(await TOOLS["plan"].call(example, recaptioned, ports)).run.layout for example in examples("plan")]
    assert [len(plan.regions) for plan in plans if plan] == [3, 3]
    (edits,) = examples("edit")
    assert len(edit_layout(InspectAndEditArgs.model_validate(edits).edits, recaptioned.scene).regions) == 2


async def test_the_example_of_a_wish_is_accepted_about_its_picture(ports: Ports) -> None:
    picture = Image.new("RGB", (128, 128), PAPER)
    for colour, left, top in (("red", 8, 8), ("blue", 80, 8), ("blue", 80, 80)):
        picture.paste(COLOURS[colour], (left, top, left + 32, top + 32))
    run = Run.open()
    run = run.changed(source=await ports.store.put_image(run.run_id, picture, {}))
    (wish,) = examples("wish")
    names = BlockInspector(names={"red": "cup", "blue": "book"})
    wished = (await TOOLS["recaption"].call(wish, run, replace(ports, inspector=names))).run
    assert wished.layout is not None
    assert [region.prompt for region in wished.layout.regions] == ["a blue book on sand"] * 2 + ["a pizza on sand"]


def test_what_a_model_reads_at_each_step_is_short() -> None:
    for name in ("recaption", "wish", "plan", "edit", "paint_anew"):
        assert len(load("agent")) + len(load(name)) < 6000
