"""Editing a picture repaints what was asked for, and leaves every other byte and the pipeline as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import PNDMScheduler, StableDiffusionInpaintPipeline, StableDiffusionPipeline
from PIL import Image, ImageDraw

from muralist.diffusion import Region, edit_region
from muralist.tools.errors import BadLayout, BadPrompt, BadSettings, MuralistError
from muralist.tools.layout import Box

WIDTH, HEIGHT = 150, 101
"""No multiples of a latent cell."""


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))


def disc(x: int, y: int, radius: int) -> Image.Image:
    mask = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(mask).circle((x, y), radius, fill=255)
    return mask


def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[int(y0 * HEIGHT) : int(np.ceil(y1 * HEIGHT)), int(x0 * WIDTH) : int(np.ceil(x1 * WIDTH))] = True
    return inside


PLACES: dict[str, tuple[Any, np.ndarray]] = {
    "a small box": ((0.1, 0.2, 0.3, 0.5), rectangle(0.1, 0.2, 0.3, 0.5)),
    "a large box": (Box(x0=0.05, y0=0, x1=1, y1=0.9), rectangle(0.05, 0, 1, 0.9)),
    "a region": (Region("a dog", 0.5, 0.5, 1, 1), rectangle(0.5, 0.5, 1, 1)),
    "a contour": ([(0.5, 0.1), (0.9, 0.9), (0.2, 0.8)], rectangle(0.19, 0.09, 0.91, 0.91)),
    "a mask": (disc(70, 50, 20), np.asarray(disc(70, 50, 20)) > 0),
    "a mask of booleans": (np.asarray(disc(20, 20, 9)) > 0, np.asarray(disc(20, 20, 9)) > 0),
    "a soft mask": (np.asarray(disc(70, 50, 45)) / 510, np.asarray(disc(70, 50, 45)) > 0),
    "a pixel": (rectangle(0.5, 0.5, 0.5 + 1 / WIDTH, 0.5 + 1 / HEIGHT), rectangle(0.49, 0.49, 0.52, 0.52)),
}


@pytest.mark.parametrize(("where", "inside"), PLACES.values(), ids=PLACES.keys())
def test_only_what_is_inside_changes(
    pipe: StableDiffusionPipeline, picture: Image.Image, where: Any, inside: np.ndarray
) -> None:
    edited = edit_region(pipe, picture, where, "a red cup", steps=2, seed=3)
    changed = (np.asarray(edited) != np.asarray(picture)).any(2)
    assert edited.size == picture.size
    assert changed.any()
    assert not changed[~inside].any()


def test_ten_edits_leave_every_pixel_outside_of_all_of_them_alone(
    pipe: StableDiffusionPipeline, picture: Image.Image
) -> None:
    edited, touched = picture, np.zeros((HEIGHT, WIDTH), bool)
    for number in range(10):
        where, inside = list(PLACES.values())[(0, 4, 5)[number % 3]]
        edited = edit_region(pipe, edited, where, "a red cup", 0.7, steps=2, seed=number, scene="a table")
        touched |= inside
    assert (np.asarray(edited) == np.asarray(picture))[~touched].all()


def test_prompt_seed_and_scene_matter_and_equal_arguments_give_equal_bytes(
    pipe: StableDiffusionPipeline, picture: Image.Image
) -> None:
    def edited(prompt: str = "a cup", seed: int = 0, scene: str | None = None) -> bytes:
        return edit_region(pipe, picture, (0, 0, 0.9, 0.9), prompt, steps=2, seed=seed, scene=scene).tobytes()

    assert edited() == edited()
    variants = [edited(), edited("a dog"), edited(seed=1), edited(scene="a street"), edited("a dog", scene="a street")]
    assert len(set(variants)) == len(variants)


def test_a_weaker_edit_stays_closer_to_the_picture(pipe: StableDiffusionPipeline) -> None:
    plain = Image.new("RGB", (96, 96), (120, 60, 30))

    def latents_kept(strength: float) -> float:
        edited = edit_region(pipe, plain, (0, 0, 1, 1), "a cup", strength, steps=10, guidance=1, seed=0)
        nothing = edit_region(pipe, plain, (0, 0, 1, 1), "a cup", 0.1, steps=10, guidance=1, seed=0)
        return float(np.abs(np.asarray(edited, int) - np.asarray(nothing, int)).mean())

    assert latents_kept(0.2) < latents_kept(1.0)


def test_the_pipeline_is_left_as_it_was(pipe: StableDiffusionPipeline, picture: Image.Image) -> None:
    before, scheduler = dict(pipe.unet.attn_processors), pipe.scheduler
    timesteps = scheduler.timesteps.clone()
    edit_region(pipe, picture, (0, 0, 1, 1), "a cup", steps=2, scene="a table")
    assert pipe.unet.attn_processors == before
    assert pipe.scheduler is scheduler
    assert scheduler.timesteps.equal(timesteps)


def test_an_inpainting_pipeline_edits_just_as_well(pipe: StableDiffusionPipeline, picture: Image.Image) -> None:
    inpaint = StableDiffusionInpaintPipeline(**pipe.components, requires_safety_checker=False)
    inpaint.set_progress_bar_config(disable=True)
    one, other = (edit_region(each, picture, (0.2, 0.2, 0.6, 0.6), "a cup", steps=2) for each in (pipe, inpaint))
    assert one.tobytes() == other.tobytes()


@pytest.mark.filterwarnings("ignore:The configuration file of this scheduler")
def test_a_solver_that_inpainting_cannot_use_stays_as_it_is(
    pipe: StableDiffusionPipeline, picture: Image.Image
) -> None:
    pipe.scheduler = PNDMScheduler(skip_prk_steps=False, steps_offset=1)
    edit_region(pipe, picture, (0, 0, 1, 1), "a cup", steps=2)
    assert not pipe.scheduler.config.skip_prk_steps


def test_what_is_transparent_in_a_mask_is_not_repainted(pipe: StableDiffusionPipeline, picture: Image.Image) -> None:
    mask = Image.new("RGBA", picture.size, "white")
    mask.putalpha(disc(70, 50, 20))
    one, other = (edit_region(pipe, picture, each, "a cup", steps=1) for each in (mask, disc(70, 50, 20)))
    assert one.tobytes() == other.tobytes()


EMPTY = np.zeros((HEIGHT, WIDTH))
WRONG: dict[str, tuple[dict[str, Any], type[MuralistError], str]] = {
    "mask size": ({"where": np.ones((10, 20))}, BadLayout, "20x10 pixels, the picture 150x101: make it as large"),
    "mask channels": ({"where": np.ones((HEIGHT, WIDTH, 3))}, BadLayout, "with one channel"),
    "empty mask": ({"where": EMPTY}, BadLayout, "the mask is empty"),
    "no numbers": ({"where": EMPTY + np.nan}, BadLayout, "numbers from 0 to 1"),
    "box in pixels": ({"where": (10, 10, 90, 90)}, BadLayout, "fractions from 0 to 1"),
    "inside out": ({"where": (0.9, 0.1, 0.2, 0.5)}, BadLayout, "x0 < x1"),
    "words": ({"where": "on the left"}, BadLayout, "cannot be a str: give a box"),
    "a file": ({"where": Path("mask.png")}, BadLayout, "cannot be a .*Path: give a box .* or a mask"),
    "ragged": ({"where": [(0.1, 0.1), (0.5,), (0.2, 0.3)]}, BadLayout, "cannot be a list: give a box"),
    "two points": ({"where": [(0.1, 0.1), (0.5, 0.5)]}, BadLayout, "at least three points"),
    "prompt": ({"prompt": " "}, BadPrompt, "is empty"),
    "strength": ({"strength": 0.1}, BadSettings, "leaves nothing to do"),
    "steps": ({"steps": 0}, BadSettings, "choose 1 to"),
    "guidance": ({"guidance": float("nan")}, BadSettings, "guidance nan"),
    "seed": ({"seed": -1}, BadSettings, "seed -1"),
    "feather": ({"feather": -2}, BadSettings, "feather -2"),
}


@pytest.mark.parametrize(("change", "error", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_told_in_one_line(
    pipe: StableDiffusionPipeline,
    picture: Image.Image,
    change: dict[str, Any],
    error: type[MuralistError],
    message: str,
) -> None:
    given: dict[str, Any] = {"where": (0, 0, 1, 1), "prompt": "a cup", "steps": 2} | change
    with pytest.raises(error, match=message) as caught:
        edit_region(pipe, picture, **given)
    assert "\n" not in str(caught.value)
