"""Repainted parts take on the shade of what surrounds them, whatever the backbone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_pipelines import tiny

from muralist.diffusion import Region
from muralist.diffusion.retouch import alpha, feather_of, retouch
from muralist.diffusion.seams import cleared, matched, seam
from muralist.tools.layout import Layout

WEIGHT = alpha([Region("a cat", 0.25, 0.25, 0.75, 0.75)], 64, 64, feather=1)
GROUND = np.full((64, 64, 3), (200, 180, 140), np.float32)


def test_another_shade_of_the_ground_is_matched_and_what_stands_on_it_stays() -> None:
    painted = GROUND + np.array([6, -4, 9], np.float32)
    painted[28:36, 28:36] -= 90
    result = matched(GROUND, painted, WEIGHT)
    assert np.abs(result[17:27, 17:47] - GROUND[17:27, 17:47]).max() < 1
    assert np.abs((result[30, 30] - result[22, 22]) - (painted[30, 30] - painted[22, 22])).max() < 1


def test_a_shade_that_changes_along_the_border_is_followed() -> None:
    slope = np.linspace(-10, 10, 64, dtype=np.float32)[None, :, None]
    result = matched(GROUND, GROUND + slope, WEIGHT)
    assert np.abs(result - GROUND)[WEIGHT > 0].mean() < 0.25 * np.abs(slope[:, 16:48]).mean()


def test_what_is_meant_to_be_another_ground_stays_one() -> None:
    painted = np.full((64, 64, 3), (40, 60, 120), np.float32)
    assert np.abs(matched(GROUND, painted, WEIGHT) - painted).max() < 3


def test_outside_nothing_changes_and_a_whole_canvas_has_no_border() -> None:
    painted = GROUND + 5
    assert np.array_equal(matched(GROUND, painted, WEIGHT)[WEIGHT == 0], painted[WEIGHT == 0])
    assert np.array_equal(matched(GROUND, painted, np.ones((64, 64), np.float32)), painted)


@pytest.mark.parametrize("size", [(64, 64), (50, 37)])
def test_free_forms_of_any_size_are_matched(size: tuple[int, int]) -> None:
    rows, columns = np.indices(size)
    weight = (np.hypot(rows - size[0] / 2, columns - size[1] / 2) < 12).astype(np.float32)
    ground = np.full((*size, 3), 150, np.float32)
    assert np.abs(matched(ground, ground + 8, weight) - ground)[weight > 0].max() < 1


def test_a_thing_that_ends_at_the_border_casts_no_shade_inside() -> None:
    source = GROUND.copy()
    source[20:40, 8:16] -= 120  # up to the border, on the left
    off = (matched(source, GROUND + 6, WEIGHT) - GROUND)[WEIGHT > 0]
    assert off.min() > -3, "no smear of the thing"
    assert np.median(off) < 1, "the shade of the ground is matched"


def test_what_is_cleared_begins_as_the_ground_around_it_and_nothing_outside_changes() -> None:
    slope = np.linspace(-20, 20, 64, dtype=np.float32)[None, :, None]
    source = GROUND + slope
    source[20:44, 20:44] = (200, 30, 30)
    source[0:14, 30:40] = (30, 30, 200)  # another thing nearby
    bare = cleared(source, WEIGHT > 0)
    assert np.abs(bare - GROUND - slope)[WEIGHT > 0].max() < 8
    assert np.array_equal(bare[WEIGHT == 0], source[WEIGHT == 0])
    assert np.array_equal(cleared(source, np.ones((64, 64), bool)), source), "nothing is around"


def test_a_seam_is_a_step_across_the_border() -> None:
    pixels = GROUND.copy()
    pixels[WEIGHT > 0] += 10
    across, elsewhere = seam(Image.fromarray(pixels.astype(np.uint8)), WEIGHT, 2)
    assert (across, elsewhere) == (10, 0)


@pytest.mark.parametrize("family", ["SD", "SDXL"])
def test_it_holds_for_pictures_that_a_pipeline_repaints(family: str) -> None:
    """Their weights are random: what they paint has another colour than the ground."""
    pipe = tiny(family)
    layout = Layout(regions=[Region("a cat", 0.25, 0.25, 0.75, 0.75)], base_prompt="a street")
    weight = alpha(layout.regions, 128, 128, feather_of(pipe))
    probe = retouch(pipe, Image.new("RGB", (128, 128), (128, 128, 128)), layout, steps=2, generator=_random())
    shade = np.asarray(probe)[40:88, 40:88].mean((0, 1)) + 8  # about what it paints, a little lighter
    source = Image.new("RGB", (128, 128), tuple(int(value) for value in np.clip(shade, 0, 255)))
    steps = {}
    for name, blend in {"unmatched": lambda source, painted, weight: painted, "matched": matched}.items():
        picture = retouch(pipe, source, layout, steps=2, blend=blend, generator=_random())
        steps[name] = seam(picture, weight, 8)[0]
    print(f"{family}: mean step across the border {steps['unmatched']:.2f} unmatched, {steps['matched']:.2f} matched")
    assert steps["matched"] < steps["unmatched"]


def _random() -> torch.Generator:
    return torch.Generator().manual_seed(0)
