"""The shipped detectors on perfect pictures, and how their reliability is told."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from muralist.evals.instrument import at_every_offset, at_random, curve, inspectors, perfect, reliability
from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS

drawing = pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")


@drawing
@pytest.mark.parametrize("name", inspectors())
def test_perfect_stills_pass_whole(name: str) -> None:
    for number, stills in ((1, 48), (4, 12), (6, 12)):
        found = perfect(inspectors()[name], at_random(number, stills, seed=11))
        assert found.things > 0.97
        assert found.stills > 0.9


@drawing
@pytest.mark.parametrize("name", inspectors())
def test_it_does_not_matter_where_between_the_cells_a_thing_lies(name: str) -> None:
    places = at_every_offset(1)
    assert len(places) == 64
    assert perfect(inspectors()[name], [still for stills in places.values() for still in stills]).things > 0.95


@pytest.mark.parametrize("name", inspectors())
@pytest.mark.parametrize("colour", ["red", "black", "yellow"])
def test_a_blob_passes_for_nothing(name: str, colour: str) -> None:
    picture = Image.new("RGB", (128, 128), BACKGROUNDS["sand"])
    ImageDraw.Draw(picture).ellipse((40, 44, 92, 88), fill=COLOURS[colour], outline=(36, 30, 34), width=2)
    for thing in inspectors()[name].things(picture):
        assert max(thing.is_a(noun) for noun in thing.nouns) < 0.6


def test_reliability_is_told_by_bins_of_what_was_said() -> None:
    rows = reliability([(0.82, 1.0), (0.88, 1.0), (0.84, 0.0), (0.86, 1.0), (0.05, 0.0), (1.0, 1.0)])
    assert rows == [(0.05, 0.0, 1), (pytest.approx(0.85), 0.75, 4), (1.0, 1.0, 1)]
    assert "0.85 -> 0.75 (4)" in curve({"detector": rows})
