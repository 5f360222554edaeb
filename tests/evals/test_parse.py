"""Scoring the parser on prompt files."""

import json
from pathlib import Path

import pytest

from muralist.evals import parse, prompt_templates
from muralist.evals.expectation import Link, Named, Thing, compare, read
from muralist.parsing import parse_prompt
from muralist.tools.errors import BadSettings
from muralist.tools.scene import Scene


def test_templates_are_read_without_the_parser() -> None:
    kinds = frozenset({"colour"})
    two = prompt_templates.two_things("a red car and leather gloves", kinds)
    assert two is not None
    assert two.things == (
        Thing("car", frozenset({"red"}), 1, kinds),
        Thing("glove", frozenset({"leather"}), None, kinds),
    )
    placed = prompt_templates.placed("a stop sign on side of a airplane")
    assert placed is not None
    assert placed.links == (Link(frozenset({0}), frozenset({"next to"}), (1,)),)
    counted = prompt_templates.counted("two knives, one bus and three traffic lights")
    assert counted is not None
    assert [str(thing) for thing in counted.things] == ["2 knife", "bus", "3 traffic light"]
    sentence = prompt_templates.sentence("The round clock was on the left of the rectangular picture frame")
    assert sentence is not None
    assert sentence.things == (Named("round clock"), Named("rectangular picture frame"))
    assert prompt_templates.sentence("The sun shone down on the sea") is None


def test_a_position_in_metadata_is_that_of_its_own_entry() -> None:
    include = [
        {"class": "fork", "count": 1},
        {"class": "kite", "count": 1, "color": "red", "position": ["above", 0]},
    ]
    expected = prompt_templates.geneval({"include": include})
    assert compare(parse_prompt("a photo of a red kite above a fork"), expected).exact
    assert not compare(parse_prompt("a photo of a red kite below a fork"), expected).exact


@pytest.fixture
def scene() -> Scene:
    return parse_prompt("two small red cups on a table")


@pytest.mark.parametrize(
    ("things", "links", "differences"),
    [
        ("2 small, red: cup; table", "0 on/above 1", ()),
        ("many red, small: cup; table", "0 on 1; ? 1 below 0", ()),
        ("3 small, red: cup; table", "? 0 on 1",
         ("no '3 red, small: cup'", "'2 small red cup' too many", "'cup on table' too many")),
        ("2 red: cup; table", "0 on 1",
         ("no '2 red: cup'", "no '0 on 1'", "'2 small red cup' too many", "'cup on table' too many")),
        ("2 small, red: cup; table; chair", "0 on 1", ("no 'chair'",)),
        ("2 small, red: cup; table", "1 on 0", ("no '1 on 0'", "'cup on table' too many")),
    ],
)  # fmt: skip
def test_every_difference_is_named(scene: Scene, things: str, links: str, differences: tuple[str, ...]) -> None:
    assert compare(scene, read(things, links)).differences == differences


def test_a_hundred_complex_prompts_are_labelled() -> None:
    labels = parse._labels()
    assert len(labels) == 100
    assert all(len(label.things) == 2 for label in labels.values())


def test_a_folder_is_scored_by_category_and_what_differs_is_shown(tmp_path: Path) -> None:
    (tmp_path / "color.txt").write_text("a red fox and a blue drum\na loud fox and a blue drum\n")
    (tmp_path / "complex.txt").write_text("The old fox was next to the blue drum.\nA glow cast a light.\n")
    entry = {"tag": "counting", "include": [{"class": "fox", "count": 2}], "prompt": "a photo of two foxes"}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(entry))
    readings = parse.measure(tmp_path)
    table = [line.split() for line in parse.table(readings).splitlines()]
    assert table[1][:3] == ["colour", "2", "50.0"]
    assert table[2][:6] == ["complex", "of", "template", "form", "1", "100.0"]
    assert table[3][:5] == ["complex,", "not", "scored", "1", "-"]
    assert table[4][:4] == ["GenEval", "counting", "1", "100.0"]
    shown = parse.shown(readings)
    assert "colour: a loud fox and a blue drum" in shown
    assert "no 'loud: fox'" in shown
    assert "A glow cast a light." in shown
    assert "a red fox" not in shown


def test_a_folder_without_prompts_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="no prompts in"):
        parse.measure(tmp_path)
