"""Repainting regions changes them and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from muralist.diffusion import Region
from muralist.diffusion.retouch import CLEARING, FITTING, alpha, passes, paste, retouch, strokes, touched_cells
from muralist.tools.layout import Instance, Layout

LAYOUT = Layout(
    regions=[Region("a red car", 0.25, 0.25, 0.5, 0.75), Region("a dog", 0.75, 0, 1, 0.3)], base_prompt="a street"
)


def test_alpha_is_zero_outside_of_the_boxes_full_in_their_middle_and_soft_between() -> None:
    weight = alpha(LAYOUT.regions, 128, 64, feather=4)
    inside = np.zeros((64, 128), bool)
    inside[16:48, 32:64] = True
    inside[0:19, 96:128] = True
    assert not weight[~inside].any()
    assert (weight[inside] > 0).all()
    assert (weight[20:44, 36:60] == 1).all()
    assert weight[30, 32] == pytest.approx(0.125)
    assert weight[0, 127] == 1, "the canvas's own edge needs no rim"


@settings(deadline=None, max_examples=50)
@given(x=st.floats(0, 0.9), y=st.floats(0, 0.9), width=st.floats(0.0625, 1), height=st.floats(0.0625, 1))
def test_every_changed_pixel_lies_in_a_repainted_cell_and_vice_versa(
    x: float, y: float, width: float, height: float
) -> None:
    region = Region("a cat", x, y, min(1.0, x + width), min(1.0, y + height))
    weight = alpha([region], 128, 96, feather=4)
    cells = np.asarray(touched_cells(weight, 8)) > 0
    assert cells[weight > 0].all()
    for row in range(0, 96, 8):
        for column in range(0, 128, 8):
            block = np.s_[row : row + 8, column : column + 8]
            assert cells[block].any() == cells[block].all() == (weight[block] > 0).any()


def test_pasting_keeps_the_bytes_outside_and_blends_on_the_rim() -> None:
    source, painted = Image.new("RGB", (128, 64), (11, 22, 33)), Image.new("RGB", (128, 64), (200, 100, 0))
    weight = alpha(LAYOUT.regions, 128, 64, feather=4)
    result = np.asarray(paste(source, painted, weight, blend=lambda source, painted, weight: painted))
    assert (result[weight == 0] == (11, 22, 33)).all()
    assert (result[weight == 1] == (200, 100, 0)).all()
    assert result[30, 32].tolist() == [35, 32, 29]


def test_a_mask_is_repainted_instead_of_its_box() -> None:
    mask = [[0.0, 0.0, 0.0, 1.0]] * 4
    weight = alpha([Region("a cat", 0, 0, 0.5, 1, mask=mask)], 64, 64, feather=4)
    assert not weight[:, :32].any()
    assert (weight[:, 60:] == 1).all()


def test_each_region_is_repainted_by_its_own_prompt(pipe: StableDiffusionPipeline) -> None:
    source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 128, 3), np.uint8))

    def painted(layout: Layout, by_region: bool = True) -> np.ndarray:
        random = torch.Generator().manual_seed(0)
        return np.asarray(retouch(pipe, source, layout, steps=2, by_region=by_region, generator=random))

    other = LAYOUT.model_copy(update={"regions": [LAYOUT.regions[0], Region("a hat", 0.75, 0, 1, 0.3)]})
    assert painted(LAYOUT).shape == (64, 128, 3)
    assert not np.array_equal(painted(LAYOUT), painted(other))
    assert np.array_equal(painted(LAYOUT, by_region=False), painted(other, by_region=False))
    assert not np.array_equal(painted(LAYOUT), painted(LAYOUT, by_region=False))


def test_small_boxes_get_a_window_each_and_large_ones_share_the_whole_picture() -> None:
    regions = [Region("a cup", 0.1, 0.1, 0.3, 0.3), Region("a sea", 0, 0.5, 1, 1), Region("a key", 0.8, 0.8, 1, 1)]
    cup, key, sea = passes(Layout(regions=regions, base_prompt="a beach"))
    assert [each.outlines[0].prompt for each in (cup, key, sea)] == ["a cup", "a key", "a sea"]
    assert cup.window.width == pytest.approx(0.3)
    assert (key.window.x1, key.window.y1) == (1, 1), "shifted onto the canvas"
    assert (sea.window.width, sea.window.height) == (1, 1)
    inner = cup.regions[0]
    assert (inner.x0, inner.y0, inner.x1, inner.y1) == pytest.approx((1 / 6, 1 / 6, 5 / 6, 5 / 6))


def test_what_is_cleared_comes_first_and_what_is_new_is_painted_by_itself_and_then_fitted_in() -> None:
    cup, key = Instance(entity="cup"), Instance(entity="key")
    regions = [
        Region("a cup", 0.1, 0.1, 0.3, 0.3, instances=[cup]),
        Region("a key", 0.6, 0.1, 0.8, 0.3, instances=[key], strength=0.5),
        Region("nothing", 0.1, 0.6, 0.3, 0.8),
    ]
    planned = [
        (stroke.outlines[0].prompt, strength, alone)
        for each in passes(Layout(regions=regions, base_prompt="nothing"))
        for stroke, strength, alone in strokes(each, 1.0)
    ]
    assert planned == [
        ("nothing", CLEARING, False), ("a cup", 1.0, True), ("a cup", FITTING, False), ("a key", 0.5, False),
    ]  # fmt: skip
    (new,) = passes(Layout(regions=regions[:1], base_prompt="nothing"))
    assert [(strength, alone) for _, strength, alone in strokes(new, 0.7)] == [(0.7, False)]


def test_every_stroke_takes_as_many_steps(pipe: StableDiffusionPipeline) -> None:
    regions = [Region("a cup", 0.1, 0.1, 0.4, 0.4), Region("nothing", 0.5, 0.5, 0.9, 0.9)]
    told: list[tuple[int, int, int]] = []

    def watch(number: int, total: int) -> Callable[..., dict[str, Any]]:
        def called(running: Any, step: int, _: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
            told.append((number, total, running.num_timesteps))
            return kwargs

        return called

    layout = Layout(regions=regions, base_prompt="nothing")
    retouch(pipe, Image.new("RGB", (128, 64)), layout, steps=4, watch=watch, generator=torch.Generator().manual_seed(0))
    assert told == [(number, 3, 4) for number in range(3) for _ in range(4)]


def test_ten_edits_in_a_row_leave_every_pixel_outside_of_their_boxes_alone(pipe: StableDiffusionPipeline) -> None:
    random = np.random.default_rng(1)
    source = picture = Image.fromarray(random.integers(0, 255, (64, 128, 3), np.uint8))
    touched = np.zeros((64, 128), bool)
    for number in range(10):
        x, y = random.uniform(0, 0.4, 2)
        region = Region("a red cup", x, y, x + 0.25, y + 0.3)
        touched |= alpha([region], 128, 64, feather=4) > 0
        edit = Layout(regions=[region], base_prompt="a street")
        picture = retouch(pipe, picture, edit, steps=1, generator=torch.Generator().manual_seed(number))
    changed = (np.asarray(source) != np.asarray(picture)).any(axis=2)
    assert not changed[~touched].any()
    assert changed[touched].mean() > 0.9


@pytest.mark.parametrize(("size", "cells"), [((256, 256), (32, 32)), ((512, 384), (14, 18))])
def test_a_picture_with_too_many_pixels_for_the_model_is_repainted_at_the_models_size(
    pipe: StableDiffusionPipeline, size: tuple[int, int], cells: tuple[int, int]
) -> None:
    shapes = set()
    hook = pipe.unet.register_forward_pre_hook(lambda _, args: shapes.add(tuple(args[0].shape[-2:])))
    source = Image.fromarray(np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8))
    edited = retouch(pipe, source, LAYOUT, steps=2, generator=torch.Generator().manual_seed(0))
    hook.remove()
    assert shapes == {cells}
    outside = alpha(LAYOUT.regions, *size, feather=4) == 0
    assert edited.size == size
    assert (np.asarray(edited) == np.asarray(source))[outside].all()
    assert not (np.asarray(edited) == np.asarray(source))[~outside].all()
