"""`muralist words`, as somebody meets it who wants to know what can be drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from block_world import BlockPainter, install
from command_line import assert_mistake, run
from PIL import Image

from muralist.tools.ports import PaintSpec, Vocabulary

KNOWN = Vocabulary(("cup", "book", "key"), ("red", "green"), ("sand",), {"mug": "cup", "tome": "book", "beaker": "cup"})


@pytest.fixture
def painted() -> list[PaintSpec]:
    """What a painter of few words is asked to paint."""
    asked: list[PaintSpec] = []
    install(BlockPainter(vocabulary=KNOWN, on_paint=asked.append))
    return asked


def test_the_words_are_listed_by_kind() -> None:
    install(BlockPainter(vocabulary=KNOWN))
    assert run("words").stdout.splitlines() == [
        "nouns: cup, book, key",
        "colours: red, green",
        "grounds: sand",
        "understood, too: tome as book; mug, beaker as cup",
    ]


def test_picturebook_knows_its_words() -> None:
    words = json.loads(run("words", "--backbone", "picturebook", "--json").stdout)
    assert (len(words["nouns"]), len(words["colours"]), len(words["grounds"])) == (24, 10, 5)
    assert words["synonyms"]["kitten"] == "cat"
    assert not words["anything"]


def test_of_an_open_backbone_it_is_said_that_it_takes_any_words() -> None:
    assert "blocks takes any words" in run("words").stdout
    assert json.loads(run("words", "--json").stdout) == {"backbone": "blocks", "anything": True}


def test_one_sheet_shows_every_noun_colour_and_ground(tmp_path: Path, painted: list[PaintSpec]) -> None:
    result = run("words", "--picture", str(tmp_path / "new" / "words.png"))
    assert result.exit_code == 0
    assert "painting 3 of 3: a red key on sand" in result.stderr
    assert str(tmp_path / "new" / "words.png") in result.stdout
    prompts = [spec.layout.base_prompt for spec in painted]
    assert prompts == ["a red cup on sand", "a green book on sand", "a red key on sand"]
    with Image.open(tmp_path / "new" / "words.png") as sheet:
        assert [sheet.getpixel((128 * number + 64, 64)) for number in range(3)] == [
            (200, 30, 30), (30, 160, 60), (200, 30, 30),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [("words", "a name like words.png"), ("there.png", "is a folder"), ("file/words.png", "is a file")],
)
def test_a_sheet_that_cannot_be_saved_is_found_out_before_painting(
    tmp_path: Path, painted: list[PaintSpec], name: str, said: str
) -> None:
    (tmp_path / "there.png").mkdir()
    (tmp_path / "file").write_text("")
    assert_mistake(run("words", "--picture", str(tmp_path / name)), said)
    assert painted == []


def test_there_is_no_sheet_of_an_open_backbone(tmp_path: Path) -> None:
    assert_mistake(run("words", "--picture", str(tmp_path / "words.png")), "leave --picture out")
