"""What a run does when something breaks, when its time is up, and how it is kept for the tools."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from scripted_model import ScriptedModel, call

import muralist
from muralist.diffusion import FileStore
from muralist.graphs import rpg
from muralist.graphs.state import Context
from muralist.tools.errors import MuralistError
from muralist.tools.ports import PaintSpec
from muralist.tools.run import Event, Run
from muralist.tools.scene import Scene

PROMPT = "a red cup to the left of a blue book"
FIRST_PICTURE = [call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]
Blocks = Callable[..., dict[str, Any]]


def only_at(seed: int, act: Callable[[], Any]) -> Callable[[PaintSpec], None]:
    """Do something when the picture of that seed is begun."""

    def on_paint(spec: PaintSpec) -> None:
        if spec.seed == seed:
            act()

    return on_paint


@pytest.fixture
def time_flies(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Calling it makes an hour pass."""
    passed, now = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: now() + passed[0])
    return lambda: passed.append(passed.pop() + 3600)


async def test_a_model_that_cannot_be_reached_ends_the_run_with_the_best_picture(
    blocks: Blocks, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE, ConnectionError("connection refused\nby the server")])
    named = blocks(BlockPainter(faults={0: [0]}), model=model)
    result = await muralist.adraw(PROMPT, out=tmp_path / "out", **named)
    assert result.run.status == "failed"
    assert result.reason == "model scripted failed: connection refused by the server"
    assert (tmp_path / "out" / "final.png").is_file()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None


async def test_a_model_that_cannot_be_reached_at_all_is_an_error_of_one_line(blocks: Blocks) -> None:
    with pytest.raises(MuralistError, match=r"^model scripted failed: ConnectionError$"):
        await muralist.adraw(PROMPT, **blocks(model=ScriptedModel(turns=[ConnectionError()])))


async def test_a_tool_that_breaks_ends_the_run_with_the_best_picture(blocks: Blocks) -> None:
    def invalid() -> None:
        Scene.model_validate({"prompt": 7})

    painter = BlockPainter(faults={0: [0, 1]}, on_paint=only_at(1, invalid))
    result = await muralist.adraw(PROMPT, **blocks(painter))
    assert (result.run.status, len(result.attempts)) == ("failed", 1)
    assert result.reason.startswith("tool ")
    assert "failed: prompt: Input should be a valid string" in result.reason
    assert "\n" not in result.reason


async def test_an_inspector_that_breaks_is_an_error_of_one_line(blocks: Blocks) -> None:
    class Blind(BlockInspector):
        async def inspect(self, *_: Any) -> Any:
            raise OSError("no light")

    with pytest.raises(MuralistError, match=r"^tool regional_diffuse failed: no light$"):
        await muralist.adraw(PROMPT, **blocks(inspector=Blind()))


async def test_painting_stops_within_a_step_when_the_time_is_up(blocks: Blocks, time_flies: Callable[[], None]) -> None:
    steps: list[Event] = []
    painter = BlockPainter(faults={0: [0, 1]}, on_paint=only_at(1, time_flies))
    result = await muralist.adraw(
        PROMPT, on_event=lambda event: event.kind == "step" and steps.append(event), **blocks(painter)
    )
    assert (result.run.status, result.reason) == ("done", "the 600 seconds are used up")
    assert len(result.attempts) == 1
    assert [step.data["number"] for step in steps] == [1, 1, 2]


async def test_time_that_is_up_during_the_first_picture_is_the_error(
    blocks: Blocks, time_flies: Callable[[], None]
) -> None:
    with pytest.raises(MuralistError, match=r"^the 9 seconds are used up$"):
        await muralist.adraw(PROMPT, seconds=9, **blocks(BlockPainter(on_paint=only_at(0, time_flies))))


async def test_a_run_is_kept_for_the_tools_when_it_ends(blocks: Blocks) -> None:
    named = blocks(BlockPainter(faults={0: [0]}))
    result = await muralist.adraw(PROMPT, **named)
    assert await FileStore(named["home"]).load_run(result.run_id, "local") == (result.run, 1)


async def test_a_kept_run_that_the_graph_goes_on_with_is_kept_again(blocks: Blocks) -> None:
    named = blocks()
    store, run = FileStore(named["home"]), Run.open()
    await store.save_run(run, 0)
    state = await draw_on(run, named)
    assert await store.load_run(run.run_id, "local") == (Run.model_validate(state["run"]), 2)


async def test_a_run_that_someone_else_changed_meanwhile_is_not_overwritten(blocks: Blocks) -> None:
    run = Run.open()
    named = blocks(BlockPainter(on_paint=only_at(0, lambda: store._save_run(run.changed(reason="theirs"), 1))))
    store = FileStore(named["home"])
    await store.save_run(run, 0)
    state = await draw_on(run, named)
    assert Run.model_validate(state["run"]).passed
    assert await store.load_run(run.run_id, "local") == (run.changed(reason="theirs"), 2)


async def draw_on(run: Run, named: dict[str, Any]) -> dict[str, Any]:
    context = Context(**{**named, "home": str(named["home"])})
    return await rpg.graph.ainvoke({"prompt": PROMPT, "run": run.model_dump(mode="json")}, context=context)
