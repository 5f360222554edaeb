"""A placement decides whether regions are painted by attention, told in the prompt, or both; by the real pipelines."""

from __future__ import annotations

import copy
import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_pipelines import PIPELINES, tiny

from muralist.diffusion import DiffusionPainter, Region, regional
from muralist.diffusion.engine import release
from muralist.diffusion.engine.picture import paint
from muralist.diffusion.engine.threads import _timing, fastest, kept
from muralist.diffusion.families import info_of
from muralist.diffusion.layout_prompts import FORMATS, FormatName
from muralist.diffusion.placement import placing
from muralist.diffusion.retouch import inpainting
from muralist.tools.abilities import ALL, Placement
from muralist.tools.errors import BadLayout, BadPrompt, BadSettings
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec

LAYOUT = Layout(
    regions=[Region("a red car", 0, 0, 0.5, 1), Region("a blue vase", 0.5, 0.25, 1, 1)],
    base_prompt="two things, on sand",
)
SPEC = PaintSpec(LAYOUT, seed=7, width=96, height=64, steps=2)
NATIVE: list[tuple[str, FormatName]] = [("Ideogram 4", "ideogram"), ("FIBO", "fibo"), ("FIBO 2", "fibo")]


@pytest.fixture(scope="module")
def pipelines() -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda family: made.setdefault(family, None) or made.update({family: tiny(family)}) or made[family]


def painted(pipe: Any, placement: Placement, **change: Any) -> tuple[bytes, list[str], list[int]]:
    """The picture's bytes, the prompts that the pipeline was called with, and how many regions had attention."""
    prompts: list[str] = []
    attended: list[int] = []

    kind, plain = type(pipe), type(pipe).__call__

    @wraps(plain)
    def call(own: Any, **options: Any) -> Any:
        prompts.append(options["prompt"])
        return plain(own, **options)

    @contextmanager
    def attend(pipe: Any, regions: Any, base_ratio: Any) -> Iterator[None]:
        attended.append(len(regions))
        with regional(pipe, regions, base_ratio):
            yield

    spec = dataclasses.replace(SPEC, **change)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "__call__", call)
        picture = paint(pipe, spec, lambda *_: None, attend, placement=placement)
    assert (picture.mode, picture.size) == ("RGB", (spec.width, spec.height))
    return picture.tobytes(), prompts, attended


@pytest.mark.parametrize(("family", "name"), NATIVE)
def test_a_model_that_knows_boxes_alone_is_told_the_layout_in_its_own_format(
    pipelines: Callable[[str], Any], family: str, name: FormatName
) -> None:
    expected = FORMATS[name].write(LAYOUT, 96, 64)
    first, prompts, attended = painted(pipelines(family), "auto")
    assert (prompts, attended) == ([expected], [])
    assert painted(pipelines(family), "native")[0] == first
    mirrored = Layout(
        base_prompt=LAYOUT.base_prompt,
        regions=[each.model_copy(update={"x0": 1 - each.x1, "x1": 1 - each.x0}) for each in LAYOUT.regions],
    )
    assert painted(pipelines(family), "auto", layout=mirrored)[0] != first  # it hears where things are to be
    plain = painted(pipelines(family), "auto", regional=False)
    assert plain[1:] == ([LAYOUT.base_prompt], [])


@pytest.mark.parametrize("family", [family for family, _ in NATIVE])
def test_where_no_attention_is_known_it_is_refused_in_one_line(pipelines: Callable[[str], Any], family: str) -> None:
    pipe = pipelines(family)
    for placement in ("attention", "both"):
        with pytest.raises(BadSettings, match=f"^placement '{placement}' needs regional attention.*choose 'native'"):
            painted(pipe, placement)  # type: ignore[arg-type]
    with (
        pytest.raises(BadSettings, match=r"^no regional attention is known for .*Pipeline"),
        regional(pipe, LAYOUT.regions),
    ):
        pass
    with pytest.raises(BadSettings, match=r"^diffusers cannot repaint parts of a picture with a"):
        painted(pipe, "auto", source=Image.new("RGB", (96, 64)))


def test_flux2_paints_by_attention_by_its_own_json_or_by_both(pipelines: Callable[[str], Any]) -> None:
    pipe, told = pipelines("FLUX.2"), FORMATS["flux2"].write(LAYOUT, 96, 64)
    auto, prompts, attended = painted(pipe, "auto")
    assert (prompts, attended) == ([LAYOUT.base_prompt], [2])
    assert painted(pipe, "attention")[0] == auto
    native, prompts, attended = painted(pipe, "native")
    assert (prompts, attended) == ([told], [])
    both, prompts, attended = painted(pipe, "both")
    assert (prompts, attended) == ([told], [2])
    assert len({auto, native, both}) == 3


def test_a_model_that_reads_no_layouts_says_which_ones_do(pipelines: Callable[[str], Any]) -> None:
    assert painted(pipelines("SD"), "attention")[1:] == ([LAYOUT.base_prompt], [2])
    for placement in ("native", "both"):
        with pytest.raises(
            BadSettings,
            match=f"^placement '{placement}' needs a model that reads layouts, .*StableDiffusion.* Ideogram4",
        ):
            painted(pipelines("SD"), placement)  # type: ignore[arg-type]
    assert placing("NobodysPipeline", None, "auto").attention  # composed in noise space


def test_a_layout_longer_than_what_the_pipeline_reads_is_refused_and_not_cut(pipelines: Callable[[str], Any]) -> None:
    long = Layout(base_prompt="things", regions=[Region("x" * 1990, 0, 0, 0.5, 1)])
    with pytest.raises(BadPrompt, match=r"^the layout comes to \d+ tokens, and Ideogram4Pipeline reads 2048: shorten"):
        painted(pipelines("Ideogram 4"), "auto", layout=long)


def test_guidance_holds_at_every_step_of_ideogram_4_and_negative_prompts_are_refused(
    pipelines: Callable[[str], Any],
) -> None:
    assert len({painted(pipelines("Ideogram 4"), "auto", guidance=guidance)[0] for guidance in (2.0, 8.0)}) == 2
    with pytest.raises(BadSettings, match="takes no negative prompt"):
        painted(pipelines("Ideogram 4"), "auto", negative_prompt="rain")


@pytest.mark.parametrize("family", [family for family, _ in NATIVE])
def test_its_threads_can_be_measured(pipelines: Callable[[str], Any], family: str, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        assert kept(tmp_path / "record.json", lambda: fastest(_timing(pipelines(family)), [1])) == 1
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("backbones") / "ideogram"
    tiny("Ideogram 4").save_pretrained(folder)
    yield folder
    release()


async def test_it_is_a_backbone_loaded_from_its_folder_and_painted_with_by_the_engine(folder: Path) -> None:
    painter = DiffusionPainter(str(folder))
    seen: list[tuple[int, int]] = []
    first = await painter.paint(SPEC, lambda *step: seen.append(step), threading.Event())
    assert seen == [(1, 2), (2, 2)]
    assert (await painter.paint(SPEC, lambda *_: None, threading.Event())).tobytes() == first.tobytes()
    with pytest.raises(BadSettings, match="width 72 cannot be painted: it has to be a multiple of 16"):
        painter.check(dataclasses.replace(SPEC, width=72))


def test_what_it_cannot_do_is_said_before_anything_is_loaded(folder: Path, tmp_path: Path) -> None:
    found = DiffusionPainter(str(folder)).abilities
    assert (found.places, found.edits, found.negative_prompt) == ("boxes", False, False)
    with pytest.raises(BadSettings, match=r"^placement 'attention' needs regional attention"):
        DiffusionPainter(str(folder), placement="attention").check(SPEC)
    without = Region("a cat", 0, 0, 0.5, 1, negative_prompt="a hat")
    layout = Layout(base_prompt="a cat", regions=[without])
    with pytest.raises(BadLayout, match=r"^region 'a cat' has a negative prompt"):
        DiffusionPainter(str(folder)).check(dataclasses.replace(SPEC, layout=layout))
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    assert DiffusionPainter(str(tmp_path)).abilities == ALL
    with pytest.raises(BadSettings, match=r"^placement 'native' needs a model that reads layouts"):
        DiffusionPainter(str(tmp_path), placement="native").check(SPEC)


@pytest.mark.slow
@pytest.mark.parametrize("family", [*PIPELINES, *(family for family, _ in NATIVE)])
def test_a_painter_claims_edits_where_its_pipeline_has_one_that_repaints(
    pipelines: Callable[[str], Any], family: str, tmp_path: Path
) -> None:
    pipe, edits = copy.copy(pipelines(family)), True
    try:
        inpainting(pipe)
    except BadSettings:
        edits = False
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": type(pipe).__name__}))
    assert DiffusionPainter(str(tmp_path)).abilities.edits is edits


@pytest.mark.parametrize(("name", "edits"), [("Flux2Pipeline", False), ("Flux2KleinPipeline", True)])
def test_of_one_family_a_pipeline_may_repaint_and_another_not(tmp_path: Path, name: str, edits: bool) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
    assert DiffusionPainter(str(tmp_path)).abilities.edits is edits


@pytest.mark.parametrize(
    ("pipeline", "placement", "attention", "format"),
    [
        ("StableDiffusionXLPipeline", "auto", True, None),
        ("Flux2Pipeline", "auto", True, None),
        ("Flux2Pipeline", "both", True, "flux2"),
        ("Ideogram4Pipeline", "auto", False, "ideogram"),
        ("BriaFiboPipeline", "native", False, "fibo"),
        ("BriaFibo2Pipeline", "auto", False, "fibo"),
    ],
)
def test_the_table_of_families_says_what_a_placement_comes_to(
    pipeline: str, placement: Placement, attention: bool, format: FormatName | None
) -> None:
    chosen = placing(pipeline, info_of(pipeline), placement)
    assert (chosen.attention, chosen.format) == (attention, FORMATS[format] if format else None)
