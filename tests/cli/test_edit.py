"""`muralist edit`, as somebody meets it who has a picture already."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import assert_mistake, run
from PIL import Image

DRAWN = "a red car to the left of a blue vase"
WISH = "a red car to the left of a green vase"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    assert run("draw", DRAWN, "-o", str(tmp_path / "drawn"), "--seed", "7").exit_code == 0
    return tmp_path / "drawn" / "final.png"


def test_what_does_not_hold_is_repainted_and_the_given_picture_stays(tmp_path: Path, picture: Path) -> None:
    given = picture.read_bytes()
    result = run("edit", str(picture), WISH, "-o", str(tmp_path / "out"), "--seed", "7")
    assert result.exit_code == 0
    assert "passed: 8 of 8 questions" in result.stdout
    assert "Is the vase green?" in result.stdout
    assert picture.read_bytes() == given
    before, after = (np.asarray(Image.open(file).convert("RGB")) for file in (picture, tmp_path / "out" / "final.png"))
    assert (before != after).any()
    assert (before == after)[:, :32].all(), "the car's side is as it was"


def test_what_lies_in_the_folder_to_be_written_stays_and_the_place_of_the_result_is_told(picture: Path) -> None:
    given = picture.read_bytes()
    result = run("edit", str(picture), WISH, "-o", str(picture.parent))
    assert f"holds the given picture, which stays: the result is in {picture.parent}-2" in result.stderr
    assert f"{picture.parent}-2/final.png" in result.stdout
    assert picture.read_bytes() == given


def test_a_script_gets_one_object(tmp_path: Path, picture: Path) -> None:
    result = run("edit", str(picture), WISH, "-o", str(tmp_path / "out"), "--json")
    report = json.loads(result.stdout)
    assert report["passed"]
    assert report["prompt"] == WISH
    assert Path(report["files"]["report"]).is_file()


@pytest.mark.parametrize(
    ("name", "wish", "said"),
    [
        ("nosuch.png", WISH, "nosuch.png"),
        ("text.png", WISH, "text.png"),
        ("odd.png", WISH, "100"),
        ("fine.png", " ", "the prompt is empty"),
    ],
)
def test_a_mistake_ends_with_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wish: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.png").write_text("no picture")
    Image.new("RGB", (100, 100)).save("odd.png")
    Image.new("RGB", (128, 128)).save("fine.png")
    assert_mistake(run("edit", name, wish), said)
    assert not (tmp_path / "out").exists()
