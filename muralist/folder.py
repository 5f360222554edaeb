"""The folder that a run leaves behind: never half-written, and nobody else's files are touched in it."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from muralist.tools.drawing import draw_layout
from muralist.tools.errors import StoreError
from muralist.tools.png import png
from muralist.view.view import page, view_of

from .result import Result

SIDE = 512
"""Longer side of each half of `layout.png`, in pixels."""

ABANDONED = 24 * 3600.0
"""Seconds after which nobody writes to a draft any more."""

RECORD = "run.json"
"""The record of a run; it lists the files that were written with it, and those alone are a later run's to replace."""
WRITTEN = re.compile(r"(final|layout|picture-[1-9]\d*)\.png|report\.html|run\.json")
"""The names of a run's files."""

_drafts: set[Path] = set()
_moving = threading.Lock()
"""Held while files are moved into place: a process that is to end at once waits for that, and only for that."""


def placed(out: Path | str) -> Path:
    """The folder that is meant, wherever the process goes to meanwhile."""
    return Path(out).expanduser().absolute()


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
            around = place if inside else place.parent
            _clear(around)
            draft = around / f".muralist-{secrets.token_hex(4)}.part"
            _drafts.add(draft)
            draft.mkdir()
        yield draft
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
            _drafts.discard(draft)
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def _clear(folder: Path) -> None:
    """Remove the drafts that processes left there which were killed, long ago."""
    for left in folder.glob(".muralist-????????.part"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left, ignore_errors=True)


def write(result: Result, draft: Path, place: Path) -> None:
    """Write all files to the draft, then move them into place; those of an earlier run there go.

    Raises StoreError, after which the place holds what it held before.
    """
    with _trouble(place):
        (draft / "final.png").write_bytes(png(result.image))
        layout_picture(result).save(draft / "layout.png")
        for image_id, picture in result.pictures.items():
            picture.save(draft / f"picture-{result.run.number(image_id)}.png")
        (draft / "report.html").write_text(report(result), encoding="utf-8")
        files = sorted([RECORD, *(file.name for file in draft.iterdir())])
        text = json.dumps({**record(result), "files": files}, indent=1, ensure_ascii=False)
        (draft / RECORD).write_text(text, encoding="utf-8")
        with _moving:
            if _is_folder(place):
                _exchange(draft, place)
            else:
                draft.rename(place)


def abandon(patience: float = 2.0) -> None:
    """Remove the drafts of a process that ends now; from then on it moves no file into place."""
    _moving.acquire(timeout=patience)
    for draft in list(_drafts):
        for _ in range(3):  # another thread may be writing to it
            shutil.rmtree(draft, ignore_errors=True)


def apart_from(picture: Path | str, out: Path | str) -> Path:
    """The folder `out`, or if a run into it would replace that picture, the first of out-2, out-3, ... that is free."""
    source, place = Path(picture).expanduser().resolve(), Path(out).expanduser().absolute()
    if all(file.resolve() != source for file in _written(place)):
        return place
    beside = (place.with_name(f"{place.name}-{number}") for number in count(2))
    return next(folder for folder in beside if not folder.exists() and not folder.is_symlink())


def report(result: Result) -> str:
    """The page of the run as one HTML file that holds everything it needs."""

    def picture(image_id: str) -> str:
        return f"data:image/png;base64,{base64.b64encode(png(result.pictures[image_id])).decode()}"

    return page(view_of(result.run, picture, conditions=result.conditions))


def record(result: Result) -> dict[str, Any]:
    """What run.json holds besides the files: the outcome, what equal bytes depend on, the ledger and the events."""
    return {
        "result": result.summary(),
        "conditions": result.conditions,
        "run": result.run.model_dump(mode="json"),
        "events": [event.model_dump(mode="json") for event in result.events],
    }


def layout_picture(result: Result) -> Image.Image:
    """The layout on white, and beside it over the picture."""
    picture = result.pictures[result.image_id]
    width, height = picture.size
    scale = SIDE / max(width, height)
    width, height = round(width * scale), round(height * scale)
    both = Image.new("RGB", (2 * width, height), "white")
    both.paste(draw_layout(result.layout, width, height), (0, 0))
    both.paste(draw_layout(result.layout, width, height, picture), (width, 0))
    return both


def _is_folder(place: Path) -> bool:
    """False if nothing is there yet. Raises StoreError if it is no folder, or if other files are where the run's go."""
    if place.is_symlink() and not place.exists():
        raise StoreError(f"cannot write to {place}: it is a link that leads nowhere; choose a folder")
    for above in (place, *place.parents):
        if above.exists():
            break
    if not above.is_dir():
        raise StoreError(f"cannot write to {place}: {'it' if above == place else above} is a file; choose a folder")
    if above != place:
        return False
    written = _written(place)
    for file in sorted(place.iterdir()):
        if not WRITTEN.fullmatch(file.name):
            continue
        folder = file.is_dir() and not file.is_symlink()
        if folder or file not in written:
            what = "is a folder" if folder else "was not written by muralist"
            raise StoreError(f"cannot write to {place}: {file.name} in it {what}; move it, or choose another place")
    return True


def _written(place: Path) -> list[Path]:
    """The files that an earlier run has written there, by its own record."""
    try:
        names = json.loads((place / RECORD).read_text(encoding="utf-8"))["files"]
        files = [place / name for name in names if WRITTEN.fullmatch(name)]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return []
    return [file for file in files if os.path.lexists(file)]


def _exchange(draft: Path, place: Path) -> None:
    """The draft's files for those of an earlier run; if one cannot be moved, all that were go back.

    The old record goes last and the new one comes first: whatever ends this midway, a record lists what is there.
    """
    before = draft / "before"
    before.mkdir()
    moves = [(old, before / old.name) for old in sorted(_written(place), key=_is_record)]
    moves += [(new, place / new.name) for new in sorted(_written(draft), key=_is_record, reverse=True)]
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


def _is_record(file: Path) -> bool:
    return file.name == RECORD


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
