"""Whatever is wrong with what somebody gives: one line that says what would be right, and the pipeline as it was.

Through all doors: `regional`, `edit_region`, and the engine, one by one and in batches. What is wrong with a backbone
on disk or on the hub is in `test_painter.py`, what else with a mask in `test_regional.py` and `test_editing.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMPipeline, StableDiffusionPipeline, UNet2DModel
from PIL import Image
from tiny_pipelines import tiny

from muralist.diffusion import DiffusionPainter, Region, edit_region, regional
from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.tools.errors import BackboneError, BadLayout, BadSettings, MuralistError
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec

HALVES = [Region("a red car", 0, 0, 0.5, 1), Region("a blue vase", 0.5, 0, 1, 1)]
PICTURE = Image.new("RGB", (64, 64), "grey")


def by_regional(pipe: Any, regions: list[Region] = HALVES) -> None:
    with regional(pipe, regions):
        pipe("a car beside a vase", num_inference_steps=2, width=64, height=64, output_type="latent")


def by_edit(pipe: Any, **change: Any) -> None:
    edit_region(pipe, **{"image": PICTURE, "where": (0, 0, 0.9, 0.9), "prompt": "a cup", "steps": 2} | change)


def by_edit_in_a_scene(pipe: Any) -> None:
    by_edit(pipe, scene="a table")


def by_engine(pipe: Any, batch: int = 1, **change: Any) -> None:
    layout = Layout(regions=change.pop("regions", HALVES), base_prompt="a car beside a vase")
    spec = PaintSpec(layout, **{"seed": 0, "width": 64, "height": 64, "steps": 2} | change)
    engine = Engine("tiny", EngineSettings(batch=batch), loader=lambda _: pipe)
    try:
        engine.submit(Request(spec)).result()
    finally:
        engine.release().result()  # the picture is answered a little before the pipeline is let go


def by_batch(pipe: Any) -> None:
    by_engine(pipe, 8)


def by_engines_edit(pipe: Any) -> None:
    by_engine(pipe, source=PICTURE)


def nothing(pipe: Any) -> None:
    """The fault is in the arguments."""


def damaged(part: str) -> Callable[[Any], None]:
    def damage(pipe: Any) -> None:
        for parameter in getattr(pipe, part).parameters():
            parameter.data.fill_(float("nan"))

    return damage


def short_of_memory(pipe: Any) -> None:
    pipe.unet.conv_out.register_forward_pre_hook(lambda *_: torch.empty(10**14) and None)


Door = Callable[[Any], None]
Case = tuple[Callable[[Any], None], dict[str, Door], type[MuralistError], str]

PAINTING: dict[str, Door] = {
    "edit_region": by_edit, "edit_region in a scene": by_edit_in_a_scene,
    "engine": by_engine, "batch": by_batch, "engine, editing": by_engines_edit,
}  # fmt: skip
CASES: dict[str, Case] = {
    "a denoiser of no numbers": (
        damaged("unet"), {"regional": by_regional, **PAINTING}, BackboneError, "weights may be damaged",
    ),
    "a text encoder of no numbers": (
        damaged("text_encoder"), {"regional": by_regional, **PAINTING}, BackboneError, "weights may be damaged",
    ),
    "an autoencoder of no numbers": (damaged("vae"), PAINTING, BackboneError, "weights may be damaged"),
    "not enough memory": (short_of_memory, PAINTING, BackboneError, r"ran out of memory at \d+x\d+: choose a smaller"),
    "seventeen regions": (
        nothing,
        {
            "regional": lambda pipe: by_regional(pipe, HALVES * 8 + HALVES[:1]),
            "engine": lambda pipe: by_engine(pipe, regions=[Region("a", parts=HALVES), *HALVES * 7]),
            "batch": lambda pipe: by_engine(pipe, 8, regions=[Region("a", parts=HALVES), *HALVES * 7]),
        },
        BadLayout, "17 regions: give 1 to 16",
    ),
    "a mask of another size": (
        nothing, {"edit_region": lambda pipe: by_edit(pipe, where=np.ones((9, 9)))}, BadLayout, "make it as large",
    ),
    "a mask of zeros": (
        nothing,
        {
            "regional": lambda pipe: by_regional(pipe, [Region("a cat", mask=np.zeros((8, 8)))]),
            "edit_region": lambda pipe: by_edit(pipe, where=np.zeros((64, 64))),
        },
        BadLayout, "above 0|the mask is empty: mark what is to be repainted",
    ),
}  # fmt: skip


def traces(pipe: Any) -> dict[str, Any]:
    """All that somebody could leave behind on a pipeline."""
    modules = [
        module for part in pipe.components.values() if isinstance(part, torch.nn.Module) for module in part.modules()
    ]
    return {
        "attributes": [sorted(vars(pipe)), *(sorted(vars(module)) for module in modules)],
        "hooks": [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in modules],
        "processors": {name: type(each).__name__ for name, each in pipe.unet.attn_processors.items()},
        "solver": (id(pipe.scheduler), dict(pipe.scheduler.config), pipe.scheduler.timesteps.tolist()),
        "autoencoder": (pipe.vae.dtype, pipe.vae.use_slicing, pipe.vae.use_tiling),
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value encountered")  # NaN on its way to a picture
@pytest.mark.parametrize(("case", "door"), [(case, door) for case, (_, doors, *_) in CASES.items() for door in doors])
def test_a_mistake_is_told_in_one_line_and_the_pipeline_is_as_it_was(
    pipe: StableDiffusionPipeline, case: str, door: str
) -> None:
    spoil, doors, error, message = CASES[case]
    spoil(pipe)
    before = traces(pipe)
    with pytest.raises(error, match=message) as caught:
        doors[door](pipe)
    assert len(str(caught.value).splitlines()) == 1
    after = traces(pipe)
    if door == "regional" and case != "seventeen regions":
        before.pop("solver"), after.pop("solver")  # the pipeline was called, and sets its own solver's steps
        before.pop("attributes"), after.pop("attributes")  # and keeps its guidance
    assert after == before


NO_PIPELINES: dict[str, tuple[Callable[[], Any], str]] = {
    "no pipeline": (object, "edit_region needs a diffusers pipeline of latent diffusion: object is none"),
    "one that draws pixels": (
        lambda: DDPMPipeline(UNet2DModel(block_out_channels=(32,) * 4), DDIMScheduler()),
        "DDPMP",
    ),
    "one that cannot inpaint": (
        lambda: tiny("Sana"),
        "cannot repaint parts of a picture with a SanaPipeline: use StableDiffusionPipeline",
    ),
}


@pytest.mark.parametrize("name", NO_PIPELINES)
def test_a_pipeline_that_cannot_edit_is_told_in_one_line(name: str) -> None:
    make, message = NO_PIPELINES[name]
    with pytest.raises(BadSettings, match=message) as caught:
        by_edit(make())
    assert len(str(caught.value).splitlines()) == 1


def test_too_many_regions_are_told_before_a_backbone_is_loaded() -> None:
    layout = Layout(regions=[Region("a", parts=HALVES), *HALVES * 7], base_prompt="a room")
    with pytest.raises(BadLayout, match="17 regions with their parts: give 1 to 16"):
        DiffusionPainter().check(PaintSpec(layout, seed=0))
