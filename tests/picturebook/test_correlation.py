"""The judge without a network knows every glyph, and no blob."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from muralist.picturebook.correlation import CLEAR, colour, look, things
from muralist.picturebook.evaluation import evaluation_prompts, measure
from muralist.picturebook.forms import features, fit, form, labelled
from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.training.fakes import drawn as glyph_of
from muralist.picturebook.training.fakes import fake, laid
from muralist.picturebook.training.scenes import painted
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, NOUNS
from muralist.picturebook.world import Still, Thing, render, sample_still

pytestmark = pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")


def picture(still: Still) -> Image.Image:
    return Image.fromarray(render(still, np.random.default_rng(0)))


def test_everything_on_a_still_is_found_with_its_noun_and_colour_and_nothing_else() -> None:
    rng = np.random.default_rng(3)
    for count in (1, 3, 6):
        still = sample_still(rng, count)
        shown = picture(still)
        found = things(shown, at_least=0.6)
        seen = {(colour(shown, match), match.noun) for match in found}
        assert seen == {(thing.colour, thing.noun) for thing in still.things}
        assert all(match.value > CLEAR for match in found)
        for thing in still.things:
            (near,) = [match for match in found if np.hypot(*np.subtract(match.centre, thing.centre)) < 4]
            assert near.noun == thing.noun


@pytest.mark.parametrize("noun", ["cat", "airplane", "book"])
def test_a_glyph_is_called_what_it_is_and_a_blob_in_its_place_is_not(noun: str) -> None:
    box = (40, 40, 88, 88)
    drawing = glyph_of(noun, "blue", 48)
    shown, placed = laid(np.random.default_rng(0), drawing)
    seen = look(shown, placed)
    assert (seen.noun, form(seen) > 0.8) == (noun, True)

    blob = Image.new("RGB", (128, 128), BACKGROUNDS["sand"])
    ImageDraw.Draw(blob).ellipse(box, fill=COLOURS["blue"], outline=(36, 30, 34), width=2)
    assert form(look(blob, box)) < 0.5


def test_the_glyphs_tell_a_person_s_labels_of_things_they_were_not_fitted_to() -> None:
    rows, labels = labelled()
    order = np.random.default_rng(1).permutation(len(labels))
    right = 0
    for part in range(5):
        held, rest = order[part::5], np.delete(order, np.arange(part, len(order), 5))
        weights = fit([rows[number] for number in rest], labels[rest])
        right += sum((_p(rows[number], weights) >= 0.5) == labels[number] for number in held)
    assert right / len(labels) > 0.85


def _p(row: tuple[str, float, float, float, float], weights: np.ndarray) -> float:
    from muralist.picturebook.forms import _design, _probabilities

    return float(_probabilities(_design([row]), weights)[0])


def test_marks_tell_what_is_missing_too_many_or_of_another_colour() -> None:
    cup, car = Thing("cup", "blue", (10, 40, 58, 88)), Thing("car", "red", (70, 50, 118, 82))
    both = picture(Still("sand", (cup, car)))
    right = measure(both, [("blue", "cup"), ("red", "car")])
    assert (right.right, right.extra, right.coloured) == (True, 0, 1)
    assert measure(both, [("blue", "cup")]).extra == 1
    assert measure(both, [("green", "cup"), ("red", "car")]).coloured == 0.5
    assert measure(picture(Still("sand", (cup,))), [("blue", "cup"), ("red", "car")]).recognised == 0.5


def test_the_evaluation_is_always_the_same_and_asks_for_every_noun() -> None:
    prompts = evaluation_prompts(1, 48)
    assert prompts == evaluation_prompts(1, 48)
    assert {noun for prompt in prompts for _, noun in prompt.named} == set(NOUNS)
    assert all(prompt.prompt.count(" to the left of ") == 1 for prompt in evaluation_prompts(2, 24))


def test_fakes_are_like_their_glyphs_and_worse() -> None:
    rng = np.random.default_rng(5)
    made = [fake(rng) for _ in range(24)]
    forms = [form(each.look) for each in made]
    assert np.mean([value < 0.5 for value in forms]) > 0.5
    assert any(value > 0.5 for value in forms), "a little spoilt, some can still be named"
    for each in made:
        noun, value, inside, _, side = features(each.look)
        assert noun in NOUNS
        assert max(each.look.likeness.values()) == pytest.approx(value)
        assert -1 <= inside <= 1
        assert side >= 8


def test_a_painting_is_labelled_by_what_stands_out_from_its_ground() -> None:
    cup = Thing("cup", "blue", (10, 40, 58, 88))
    shown = picture(Still("sand", (cup,)))
    ImageDraw.Draw(shown).ellipse((80, 30, 110, 70), fill=COLOURS["red"], outline=(36, 30, 34), width=2)
    scene = painted(shown)
    assert len(scene.things) == 2
    drawing, blob = sorted(scene.things, key=lambda thing: thing.box[0])
    assert (list(NOUNS)[int(drawing.nouns.argmax())], drawing.colour) == ("cup", "blue")
    assert drawing.form > 0.7
    assert blob.form < 0.4
