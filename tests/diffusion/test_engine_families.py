"""Backbones of other families than Stable Diffusion, loaded from their folders and painted with one after the other."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_pipelines import PIPELINES, tiny

from muralist.diffusion import DiffusionPainter, Region
from muralist.diffusion.engine import release
from muralist.diffusion.engine.picture import paint as picture_of
from muralist.tools.errors import BadSettings, Cancelled
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec

pytestmark = pytest.mark.slow

LAYOUT = Layout(
    regions=[Region("a red car", 0, 0, 0.5, 1), Region("a blue vase", 0.5, 0.25, 1, 1)],
    base_prompt="a red car beside a blue vase",
)
SPEC = PaintSpec(LAYOUT, seed=7, width=96, height=64, steps=3)
PROCESSED = ["Qwen-Image-2.1", "LongCat-Image"]
"""Whose processors for pictures need torchvision: they are painted with as they are, not from a folder."""
OTHERS = [family for family in PIPELINES if family not in ("SD", "SDXL", *PROCESSED)]


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], DiffusionPainter]]:
    painters: dict[str, DiffusionPainter] = {}

    def painter_of(family: str) -> DiffusionPainter:
        if family not in painters:
            folder = tmp_path_factory.mktemp("backbones") / family
            tiny(family).save_pretrained(folder)
            painters[family] = DiffusionPainter(str(folder))
        return painters[family]

    yield painter_of
    release()


async def paint(painter: DiffusionPainter, on_step: Any = lambda *_: None, cancel: Any = None, **change: Any) -> bytes:
    picture = await painter.paint(dataclasses.replace(SPEC, **change), on_step, cancel or threading.Event())
    assert (picture.mode, picture.size) == ("RGB", (SPEC.width, SPEC.height))
    return picture.tobytes()


@pytest.mark.parametrize("family", OTHERS)
async def test_it_is_painted_by_region_step_by_step_and_the_same_bytes_again(painter: Any, family: str) -> None:
    seen: list[tuple[int, int]] = []
    first = await paint(painter(family), lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    variants = [await paint(painter(family), **change) for change in ({"regional": False}, {"seed": 8})]
    assert len({first, *variants}) == 3
    assert await paint(painter(family)) == first


@pytest.mark.parametrize("family", OTHERS)
async def test_cancelling_stops_within_one_step(painter: Any, family: str) -> None:
    cancel, seen = threading.Event(), []

    def on_step(step: int, steps: int) -> None:
        seen.append(step)
        if step == 2:
            cancel.set()

    with pytest.raises(Cancelled, match="at step 2 of 20"):
        await paint(painter(family), on_step, cancel, steps=20)
    assert seen == [1, 2]


@pytest.mark.parametrize("family", OTHERS)
async def test_guidance_and_negative_prompts_are_heard_or_refused(painter: Any, family: str) -> None:
    pictures = {await paint(painter(family), guidance=guidance) for guidance in (2.0, 8.0)}
    assert len(pictures) == 2
    if family == "FLUX.2":
        with pytest.raises(BadSettings, match="takes no negative prompt: leave it out"):
            await paint(painter(family), negative_prompt="rain")
        assert await paint(painter(family), guidance=8.0, absent=("rain",)) in pictures
    else:
        pictures |= {await paint(painter(family), guidance=8.0, negative_prompt="rain")}
        assert len(pictures) == 3


@pytest.mark.parametrize("family", OTHERS)
async def test_regions_of_a_picture_are_repainted_or_it_is_said_that_they_cannot_be(painter: Any, family: str) -> None:
    source = np.random.default_rng(0).integers(0, 255, (SPEC.height, SPEC.width, 3), np.uint8)
    layout = Layout(regions=[Region("a dog", 0.25, 0.25, 0.75, 0.75)], base_prompt="a dog")
    change = {"layout": layout, "source": Image.fromarray(source), "strength": 0.9, "negative_prompt": ""}
    seen: list[tuple[int, int]] = []
    if not painter(family).abilities.edits:
        with pytest.raises(BadSettings, match="cannot repaint parts of a picture"):
            await paint(painter(family), **change)
        return
    first = await paint(painter(family), lambda *step: seen.append(step), **change)
    changed = (np.frombuffer(first, np.uint8).reshape(source.shape) != source).any(2)
    assert changed[20:44, 28:68].mean() > 0.9
    changed[16:48, 24:72] = False
    assert not changed.any()
    assert [step for step, _ in seen] == list(range(1, seen[0][1] + 1))
    assert await paint(painter(family), **change) == first


@pytest.mark.parametrize("family", PROCESSED)
def test_one_whose_processor_is_not_there_is_painted_by_region_step_by_step(family: str) -> None:
    pipe, seen = tiny(family), []

    def painted(**change: Any) -> bytes:
        spec = dataclasses.replace(SPEC, guidance=4.0, **change)
        picture = picture_of(pipe, spec, lambda *step: seen.append(step))
        assert picture.size == (SPEC.width, SPEC.height)
        return picture.tobytes()

    first = painted()
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert len({first, painted(regional=False), painted(seed=8), painted(negative_prompt="rain")}) == 4
    assert painted() == first
