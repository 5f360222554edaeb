"""edit and aedit, as a caller sees them who has a picture already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from block_world import BlockPainter
from PIL import Image

import muralist
from muralist.tools.errors import BadSettings

Blocks = Callable[..., dict[str, Any]]


@pytest.fixture
def picture(blocks: Blocks, tmp_path: Path) -> Path:
    """A red cup to the left of a blue book."""
    muralist.draw("a red cup to the left of a blue book", seed=7, out=tmp_path / "drawn", **blocks())
    return tmp_path / "drawn" / "final.png"


def changed(one: Image.Image, other: Image.Image) -> np.ndarray:
    return (np.asarray(one) != np.asarray(other)).any(2)


def test_only_what_does_not_hold_is_repainted(blocks: Blocks, picture: Path, tmp_path: Path) -> None:
    before = Image.open(picture).convert("RGB")
    result = muralist.edit(
        picture, "a red cup to the left of a green book", seed=1, out=tmp_path / "edited", **blocks()
    )
    assert result.passed
    assert result.attempts[0].action == "given"
    assert result.pictures[result.attempts[0].image_id].tobytes() == before.tobytes(), (
        "the first picture is the given one"
    )
    assert {attempt.action for attempt in result.attempts[1:]} == {"edit"}
    assert changed(before, result.image).any()
    outside = np.ones((128, 128), bool)
    for region in result.attempt.layout.regions:
        box = region.box
        outside[int(box.y0 * 128) : int(np.ceil(box.y1 * 128)), int(box.x0 * 128) : int(np.ceil(box.x1 * 128))] = False
    assert not changed(before, result.image)[outside].any()
    assert (tmp_path / "edited" / "final.png").is_file()


async def test_a_picture_that_shows_it_already_is_handed_back(blocks: Blocks, picture: Path) -> None:
    before = Image.open(picture).convert("RGB")
    result = await muralist.aedit(before, "a red cup to the left of a blue book", **blocks())
    assert result.passed
    assert len(result.attempts) == 1
    assert result.image.tobytes() == before.tobytes()


def test_a_picture_of_the_folder_that_is_written_to_stays(blocks: Blocks, picture: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in picture.parent.iterdir()}
    wish = "a red cup to the left of a green book"
    taken = [muralist.edit(picture, wish, out=picture.parent, **blocks()).path for _ in range(2)]
    assert taken == [tmp_path / "drawn-2" / "final.png", tmp_path / "drawn-3" / "final.png"]
    assert {file.name: file.read_bytes() for file in picture.parent.iterdir()} == before
    (tmp_path / "drawn" / "mine.png").write_bytes(picture.read_bytes())
    result = muralist.edit(tmp_path / "drawn" / "mine.png", wish, out=tmp_path / "drawn", **blocks())
    assert result.path == picture, "only what a run would replace is in the way"


def test_the_whole_picture_is_never_painted_anew(blocks: Blocks, picture: Path) -> None:
    never = BlockPainter(faults={seed: [0, 1] for seed in range(50)})
    result = muralist.edit(picture, "a red cup to the left of a green book", **blocks(never))
    assert [attempt.action for attempt in result.attempts].count("given") == 1
    assert {attempt.action for attempt in result.attempts} <= {"given", "edit"}


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "there is no picture"), (b"no picture", "is no picture"), ((100, 128), "100x128 pixels: crop or resize")],
)
def test_what_is_no_picture_is_told_in_one_line(blocks: Blocks, tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "picture.png"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        Image.new("RGB", content).save(path)
    with pytest.raises(BadSettings, match=message) as caught:
        muralist.edit(path, "a red cup", **blocks())
    assert "\n" not in str(caught.value)
