"""The folder that a run leaves behind."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockPainter

import muralist
from muralist.tools.errors import StoreError
from muralist.tools.ports import PaintSpec

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def prompt_in(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text(encoding="utf-8"))["run"]["scene"]["prompt"])


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system here")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def test_into_an_existing_folder_nothing_beside_it_is_touched(blocks: Blocks, tmp_path: Path) -> None:
    (tmp_path / "above" / "out").mkdir(parents=True)
    seen: list[list[str]] = []
    painter = BlockPainter(on_paint=lambda spec: seen.append(names(tmp_path / "above")))
    muralist.draw(PROMPT, out=tmp_path / "above" / "out", **blocks(painter))
    assert seen == [["out"]]
    assert "final.png" in names(tmp_path / "above" / "out")
    assert not [name for name in names(tmp_path / "above" / "out") if name.startswith(".")]


def test_what_a_killed_process_left_there_long_ago_goes(blocks: Blocks, tmp_path: Path) -> None:
    old, new = tmp_path / ".muralist-01234567.part", tmp_path / ".muralist-89abcdef.part"
    for left in (old, new):
        left.mkdir()
        (left / "final.png").write_bytes(b"half")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (long_ago, long_ago))
    muralist.draw(PROMPT, out=tmp_path / "out", **blocks())
    assert not old.exists()
    assert new.is_dir()


def test_a_link_to_a_folder_on_another_disk_is_written_to(blocks: Blocks, tmp_path: Path, other_disk: Path) -> None:
    (tmp_path / "link").symlink_to(other_disk)
    result = muralist.draw(PROMPT, out=tmp_path / "link", **blocks())
    assert result.path is not None
    assert result.path.is_file()
    assert (other_disk / "report.html").is_file()


@pytest.mark.parametrize("name", ["report.html", "picture-3.png"])
def test_a_folder_where_a_file_has_to_go_is_found_out_before_painting(
    blocks: Blocks, tmp_path: Path, name: str
) -> None:
    painted: list[PaintSpec] = []
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(StoreError, match=rf"{name} in it is a folder; move it, or choose another place$"):
        muralist.draw(PROMPT, out=tmp_path / "out", **blocks(BlockPainter(on_paint=painted.append)))
    assert painted == []
    assert names(tmp_path / "out") == [name]


def test_if_a_file_cannot_be_moved_the_earlier_run_is_there_as_before(
    blocks: Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "out", Path.rename
    muralist.draw(PROMPT, out=out, **blocks(BlockPainter(faults={0: [0]})))
    before = {file.name: file.read_bytes() for file in out.iterdir()}

    def failing(self: Path, target: Path) -> Path:
        if target == out / "report.html" and self.parent.name != "before":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", failing)
        with pytest.raises(StoreError, match="input/output error"):
            muralist.draw("a green apple", out=out, **blocks())
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    assert prompt_in(out) == PROMPT


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("file", "it is a file; choose a folder"),
        ("file/below/it", "file is a file; choose a folder"),
        ("nowhere", "it is a link that leads nowhere"),
        ("new/" + "x" * 300, "choose a folder that can be written"),
        ("/proc/out", "choose a folder that can be written"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_out_before_painting(
    blocks: Blocks, tmp_path: Path, place: str, message: str
) -> None:
    painted: list[PaintSpec] = []
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(StoreError, match=message):
        muralist.draw(PROMPT, out=tmp_path / place, **blocks(BlockPainter(on_paint=painted.append)))
    assert painted == []
    assert not (tmp_path / "new").exists()


def test_a_second_run_into_the_same_folder_leaves_nothing_of_the_first(blocks: Blocks, tmp_path: Path) -> None:
    out = tmp_path / "out"
    muralist.draw(PROMPT, out=out, **blocks(BlockPainter(faults={0: [0]})))
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    (out / "attempt-7.png").write_text("mine, too", encoding="utf-8")
    muralist.draw("a green apple", out=out, **blocks())
    assert not (out / "picture-2.png").exists()
    assert (out / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (out / "attempt-7.png").read_text(encoding="utf-8") == "mine, too"
    assert prompt_in(out) == "a green apple"
    assert not [name for name in (*names(tmp_path), *names(out)) if name.endswith(".part")]


@pytest.mark.parametrize("record", [None, "[]", '{"files": ["../final.png", "notes.txt", 7]}', '{"files": 7}'])
def test_a_file_that_no_run_wrote_is_found_out_before_painting_and_stays(
    blocks: Blocks, tmp_path: Path, record: str | None
) -> None:
    painted: list[PaintSpec] = []
    out = tmp_path / "out"
    out.mkdir()
    if record is not None:
        (out / "run.json").write_text(record, encoding="utf-8")
    mine = [tmp_path / "final.png", out / "notes.txt", out / "final.png"]
    for file in mine:
        file.write_text("mine", encoding="utf-8")
    with pytest.raises(StoreError, match=r"final\.png in it was not written by muralist; move it, or choose another"):
        muralist.draw(PROMPT, out=out, **blocks(BlockPainter(on_paint=painted.append)))
    assert painted == []
    assert [file.read_text(encoding="utf-8") for file in mine] == ["mine"] * 3
