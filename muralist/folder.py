"""The folder that a run leaves behind: never half-written."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image

from muralist.tools.drawing import draw_layout
from muralist.tools.errors import StoreError

from .report import report
from .result import Result

SIDE = 512
"""Longer side of each half of `layout.png`, in pixels."""

NAMED = ("final.png", "layout.png", "report.html", "run.json")
"""Files of every run, besides its attempts."""


@contextmanager
def drafted(place: Path) -> Iterator[Path]:
    """A new hidden folder to write to first: in `place` if that is there, else beside it. Gone afterwards.

    Raises StoreError at once where `write` would fail. Folders made on the way to `place` go if they stay empty.
    """
    made: list[Path] = []
    draft: Path | None = None
    try:
        with _trouble(place):
            inside = _is_folder(place)
            made = [] if inside else [folder for folder in place.parents if not folder.exists()]
            place.parent.mkdir(parents=True, exist_ok=True)
            inside = _is_folder(place)  # asked again: only now is too long a name found
            draft = (place if inside else place.parent) / f".muralist-{secrets.token_hex(4)}.part"
            draft.mkdir()
        yield draft
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def write(result: Result, draft: Path, place: Path) -> None:
    """Write all files to the draft, then move them into place; those of an earlier run there go.

    Raises StoreError, after which the place holds what it held before.
    """
    names = {attempt.image_id: f"attempt-{number}.png" for number, attempt in enumerate(result.attempts)}
    with _trouble(place):
        result.image.save(draft / "final.png")
        layout_picture(result).save(draft / "layout.png")
        for image_id, picture in result.pictures.items():
            picture.save(draft / names[image_id])
        (draft / "report.html").write_text(report(result), encoding="utf-8")
        text = json.dumps(record(result), indent=1, ensure_ascii=False)
        (draft / "run.json").write_text(text, encoding="utf-8")
        if _is_folder(place):
            _exchange(draft, place)
        else:
            draft.rename(place)


def record(result: Result) -> dict[str, Any]:
    """The contents of run.json: the outcome, what equal bytes depend on, the ledger and the events."""
    return {
        "result": result.summary(),
        "conditions": result.conditions,
        "run": result.run.model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for event in result.events],
    }


def layout_picture(result: Result) -> Image.Image:
    """The layout on white, and beside it over the picture."""
    width, height = result.image.size
    scale = SIDE / max(width, height)
    width, height = round(width * scale), round(height * scale)
    both = Image.new("RGB", (2 * width, height), "white")
    both.paste(draw_layout(result.layout, width, height), (0, 0))
    both.paste(draw_layout(result.layout, width, height, result.image), (width, 0))
    return both


def _is_folder(place: Path) -> bool:
    """False if nothing is there yet. Raises StoreError if it is no folder, or holds folders where files have to go."""
    if place.is_symlink() and not place.exists():
        raise StoreError(f"cannot write to {place}: it is a link that leads nowhere; choose a folder")
    for above in (place, *place.parents):
        if above.exists():
            break
    if not above.is_dir():
        raise StoreError(f"cannot write to {place}: {'it' if above == place else above} is a file; choose a folder")
    if above != place:
        return False
    for file in _files_of_a_run(place):
        if file.is_dir() and not file.is_symlink():
            raise StoreError(
                f"cannot write to {place}: {file.name} in it is a folder; move it, or choose another place"
            )
    return True


def _files_of_a_run(folder: Path) -> list[Path]:
    attempts = (file for file in folder.glob("attempt-*.png") if file.stem.removeprefix("attempt-").isdecimal())
    return [*(folder / name for name in NAMED if (folder / name).exists()), *attempts]


def _exchange(draft: Path, place: Path) -> None:
    """The draft's files for those of an earlier run; if one cannot be moved, all that were go back."""
    before = draft / "before"
    before.mkdir()
    moves = [(old, before / old.name) for old in _files_of_a_run(place)]
    moves += [(new, place / new.name) for new in _files_of_a_run(draft)]
    done: list[tuple[Path, Path]] = []
    try:
        for origin, target in moves:
            origin.rename(target)
            done.append((origin, target))
    except OSError:
        for origin, target in reversed(done):
            with suppress(OSError):
                target.rename(origin)
        raise


@contextmanager
def _trouble(place: Path) -> Iterator[None]:
    """What the disk has to say, as one line."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(
            f"cannot write to {place}: {reason}; choose a folder that can be written and has room"
        ) from error
