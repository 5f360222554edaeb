"""What detectors are taught, and how their answers are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from muralist.picturebook.detector import (
    CELLS,
    CHANNELS,
    COLOUR_LIST,
    NOUN_LIST,
    SIZE,
    SPLIT,
    Detector,
    averaged,
    read,
)
from muralist.picturebook.training.detector import Targets, detection_loss
from muralist.picturebook.training.scenes import Labelled, Scene
from muralist.tools.detection import Detection
from muralist.tools.layout import Box

BLANK = np.zeros((128, 128, 3), np.uint8)


def labelled(box: tuple[float, float, float, float], noun: str = "cup", form: float = 1.0) -> Labelled:
    return Labelled(box, np.array([float(name == noun) for name in NOUN_LIST], np.float32), "blue", form)


def told(target: Targets) -> torch.Tensor:
    """The output of a network that has learnt a scene by heart."""
    output = torch.full((CHANNELS, CELLS, CELLS), -9.0)
    presence, nouns, colours, form, box = torch.split(output, SPLIT)
    asked = target.presence[0] == 1
    presence[0][asked] = 6.0
    form[0] = torch.logit(target.forms[0].clamp(0.01, 0.99))
    nouns[:] = 8 * target.nouns[0].permute(2, 0, 1)
    colours[:] = 8 * torch.nn.functional.one_hot(target.colours[0].clamp(min=0), len(COLOUR_LIST)).permute(2, 0, 1)
    box[:] = target.boxes[0].permute(2, 0, 1)
    return output


@pytest.mark.parametrize("shift", [(x, y) for x in range(0, 8, 3) for y in range(0, 8, 3)])
@pytest.mark.parametrize("side", [26, 40, 84])
def test_a_thing_is_read_the_same_wherever_it_lies_between_the_cells(shift: tuple[int, int], side: int) -> None:
    x, y = 16 + shift[0], 20 + shift[1]
    box = (float(x), float(y), float(x + side), float(y + side // 2))
    (found,) = read(told(Targets([Scene(BLANK, (labelled(box),))])), 0.3)
    assert found.confidence == pytest.approx(torch.tensor(6.0).sigmoid().item())
    assert (found.noun, found.colour) == ("cup", "blue")
    edges = (found.box.x0, found.box.y0, found.box.x1, found.box.y1)
    assert edges == pytest.approx([edge / 128 for edge in box], abs=1e-3)


def test_neighbours_are_two_and_a_badly_formed_one_is_no_less_there() -> None:
    scene = Scene(BLANK, (labelled((8, 40, 40, 72)), labelled((41, 40, 75, 72), "clock", 0.1)))
    cup, clock = sorted(read(told(Targets([scene])), 0.3), key=lambda thing: thing.box.x0)
    assert (cup.noun, clock.noun) == ("cup", "clock")
    assert clock.confidence == pytest.approx(cup.confidence)
    assert clock.is_a("clock") < 0.2
    assert clock.looks_like("clock") > 0.9
    assert "badly formed" in str(clock)
    assert "badly formed" not in str(cup)


def test_a_calibration_changes_probabilities_and_not_what_is_most_probable() -> None:
    output = told(Targets([Scene(BLANK, (labelled((8, 40, 40, 72), form=0.7),))]))
    (plain,) = read(output, 0.3)
    (careful,) = read(output, 0.3, (4.0, 4.0, 1.0, -2.0))
    assert (careful.noun, careful.colour) == (plain.noun, plain.colour)
    assert careful.nouns["cup"] < plain.nouns["cup"]
    assert careful.form < 0.3 < plain.form


def test_every_thing_counts_alike_however_many_cells_it_covers_and_unknown_places_are_not_asked() -> None:
    scene = Scene(BLANK, (labelled((4, 4, 30, 30)), labelled((40, 40, 124, 124))), ((4, 60, 30, 100),))
    target = Targets([scene])
    assert float(target.weight.sum()) == pytest.approx(2)
    assert bool((target.presence[0, 8:12, 1:3] == -1).all())
    untaught = torch.zeros(1, CHANNELS, CELLS, CELLS)
    assert detection_loss(told(target)[None], target) < 0.3 * detection_loss(untaught, target)


@pytest.mark.parametrize("side", range(24, 100, 4))
def test_no_probability_rounds_above_one(side: int) -> None:
    output = told(Targets([Scene(BLANK, (labelled((8, 8, 8 + side, 8 + side)),))]))
    presence = torch.split(output, SPLIT)[0]
    presence[presence > 0] = torch.linspace(0.1, 3.0, int((presence > 0).sum()))
    for found in read(output, 0.3, (0.01, 0.01, 100.0, 0.0)):
        assert max(*found.nouns.values(), *found.colours.values(), found.form) <= 1


def seen(x: float, confidence: float = 0.9, form: float = 0.8, noun: str = "cup") -> Detection:
    box = Box(x0=x, y0=0.3, x1=x + 0.3, y1=0.6)
    nouns = {name: float(name == noun) for name in NOUN_LIST}
    return Detection(box, confidence, nouns, dict.fromkeys(COLOUR_LIST, 0.1), form)


def test_several_looks_see_a_thing_once_by_their_mean() -> None:
    (found,) = averaged([[seen(0.30, 0.8, 0.9)], [seen(0.32, 0.6, 0.5)]])
    assert (found.confidence, found.form) == (pytest.approx(0.7), pytest.approx(0.7))
    assert found.box.x0 == pytest.approx(0.31)


def test_a_look_that_does_not_see_it_makes_it_less_sure_and_no_worse_formed() -> None:
    (found,) = averaged([[seen(0.3)], [], [seen(0.3)]])
    assert (found.confidence, found.form) == (pytest.approx(0.6), pytest.approx(0.8))


def test_neighbours_stay_two_and_halves_of_one_look_are_one_with_another_looks_whole() -> None:
    assert len(averaged([[seen(0.1), seen(0.5)], [seen(0.51), seen(0.11)]])) == 2
    half = replace(seen(0.3, 0.5), box=Box(x0=0.3, y0=0.3, x1=0.44, y1=0.6))
    rest = replace(seen(0.3, 0.5), box=Box(x0=0.45, y0=0.3, x1=0.6, y1=0.6))
    assert len(averaged([[seen(0.3)], [half, rest]])) == 1


class Brightest(Detector):
    """Sees one thing, two cells large, around the brightest cell."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        cells = torch.nn.functional.avg_pool2d(pictures.mean(1, keepdim=True), SIZE // CELLS).flatten(1)
        outputs = torch.full((len(pictures), CHANNELS, CELLS, CELLS), -9.0)
        outputs[:, -4:] = torch.tensor([0.0, 0.0, 0.69, 0.69])[:, None, None]
        for output, at in zip(outputs, cells.argmax(1), strict=True):
            output[0].view(-1)[at] = 6.0
        return outputs


@pytest.mark.parametrize("place", [(0, 0), (7, 9), (15, 15)])
def test_what_a_shifted_look_sees_is_told_where_it_is_in_the_picture(place: tuple[int, int]) -> None:
    picture = Image.new("L", (SIZE, SIZE))
    x, y = (8 * cell for cell in place)
    picture.paste(255, (x + 1, y + 1, x + 7, y + 7))
    (found,) = Brightest().eval().detect(picture.convert("RGB"))
    away = max(abs(found.box.centre[0] * SIZE - x - 4), abs(found.box.centre[1] * SIZE - y - 4))
    assert away < 5, "each look is off by its shift, until it is taken back"
