"""The colour of the thing in a box, told by its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from muralist.agent.inspectors.colours import called, colour_terms
from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.world import SIZE, render, sample_still
from muralist.tools.layout import Box

MIDDLE = Box(x0=0.3, y0=0.3, x1=0.7, y1=0.7)

GROUNDS = ("#ffffff", "#203040", "#5a8f3c", "#9ccbf0")
SHADES = {
    "red": "#c01010", "orange": "#ff8c00", "yellow": "#ffd700", "green": "#228b22", "blue": "#1e60d0",
    "purple": "#7a1f9a", "pink": "#ff69b4", "brown": "#7a4518", "black": "#101010", "white": "#f8f8f8",
    "grey": "#808080",
}  # fmt: skip


def painted(ground: str, *shapes: tuple[tuple[int, int, int, int], str]) -> Image.Image:
    picture = Image.new("RGB", (200, 200), ground)
    for corners, colour in shapes:
        ImageDraw.Draw(picture).ellipse(corners, fill=colour)
    return picture


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("colour", SHADES)
def test_the_colour_of_a_thing_is_told_on_any_ground(colour: str, ground: str) -> None:
    terms = colour_terms(painted(ground, ((60, 60, 139, 139), SHADES[colour])), MIDDLE)
    assert max(terms, key=lambda term: terms[term]) == colour
    assert [term for term, p in terms.items() if p > 0.4] == [colour]


def test_a_red_car_is_red_though_more_of_it_is_tyres_and_windows() -> None:
    parts = [((60, 60, 139, 139), "#c01010"), ((62, 92, 98, 128), "#181818"), ((102, 92, 138, 128), "#181818"),
             ((80, 64, 120, 92), "#181818")]  # fmt: skip
    terms = colour_terms(painted("#b0c8b0", *parts), MIDDLE)
    assert max(terms, key=lambda term: terms[term]) == "red"


def test_of_a_thing_that_is_half_red_and_half_blue_both_hold() -> None:
    picture = Image.new("RGB", (200, 200), "#ffffff")
    ImageDraw.Draw(picture).rectangle((60, 60, 99, 139), fill=SHADES["red"])
    ImageDraw.Draw(picture).rectangle((100, 60, 139, 139), fill=SHADES["blue"])
    terms = colour_terms(picture, MIDDLE)
    assert [term for term, p in terms.items() if p > 0.6] == ["red", "blue"]


def test_other_words_for_colours_are_told_by_the_basic_ones() -> None:
    terms = dict.fromkeys(SHADES, 0.1) | {"blue": 0.8, "grey": 0.7}
    assert called("dark blue", terms) == called("turquoise", terms) == 0.8
    assert called("gray", terms) == 0.7
    assert called("Light-Blue", terms) == 0.8
    assert called("colourful", terms) is None
    assert called("black and white", terms) is None


@pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")
def test_the_colours_of_shaded_things_on_textured_grounds_are_told_by_boxes_that_are_not_quite_right() -> None:
    rng = np.random.default_rng(11)
    right, wrong = [], []
    for _ in range(80):
        still = sample_still(rng, int(rng.integers(1, 6)))
        picture = Image.fromarray(render(still, rng))
        for thing in still.things:
            x0, y0, x1, y1 = np.clip(np.array(thing.box) + rng.normal(0, 1, 4), 0, SIZE) / SIZE
            terms = colour_terms(picture, Box(x0=x0, y0=y0, x1=x1, y1=y1))
            right.append(terms.pop(thing.colour) >= 0.6)
            wrong += [p >= 0.6 for p in terms.values()]
    assert np.mean(right) >= 0.95
    assert np.mean(wrong) <= 0.02
    print(f"{len(right)} things: {np.mean(right):.1%} pass the colour they have, {np.mean(wrong):.1%} another")
