"""A process that gets a signal at a chosen point of its work, from itself: as if somebody had sent it just then.

`STRIKE="SIGKILL save 3"` is before the third time that a run is saved, `"SIGKILL save 3 after"` after it. Points:
`import NAME` (a module that is imported for the first time), `save`, `record` (in the journal), `image` (a picture is
stored), `verdicts`, `checkpoint`, `step` (of denoising), `write` (a file of the result). `POINTS=FILE` notes all that
the process comes by.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

_counted: Counter[str] = Counter()
_wanted = os.environ.get("STRIKE", "").split()


def passing(point: str, when: str = "before") -> None:
    """The process comes by a point."""
    if when == "before":
        _counted[point] += 1
        if (notes := os.environ.get("POINTS")) is not None:
            with Path(notes).open("a", encoding="utf-8") as file:
                file.write(f"{point} {_counted[point]}\n")
    if len(_wanted) < 2 or _wanted[1] != point:
        return
    number = int(_wanted[2]) if len(_wanted) > 2 else 1
    if _counted[point] == number and (_wanted[3] if len(_wanted) > 3 else "before") == when:
        _counted[point] += 0 if when == "before" else 1  # once
        os.kill(os.getpid(), getattr(signal, _wanted[0]))


class _Imports(MetaPathFinder):
    """Sees every import, and finds nothing."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if _wanted[1:3] == ["import", name]:
            del _wanted[:]
            os.kill(os.getpid(), getattr(signal, os.environ["STRIKE"].split()[0]))


def _around(kind: Any, name: str, point: str) -> None:
    """Note each call of a method, before and after."""
    plain: Callable[..., Any] = getattr(kind, name)

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        passing(point)
        done = plain(self, *args, **kwargs)
        passing(point, "after")
        return done

    setattr(kind, name, noted)


def _around_async(kind: Any, name: str, point: str) -> None:
    plain: Callable[..., Any] = getattr(kind, name)

    async def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        passing(point)
        done = await plain(self, *args, **kwargs)
        passing(point, "after")
        return done

    setattr(kind, name, noted)


def watch() -> None:
    """From here on, watch for the point that the environment names."""
    if _wanted[1:2] == ["import"]:
        sys.meta_path.insert(0, _Imports())
        return
    if not _wanted and "POINTS" not in os.environ:
        return
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from PIL import Image

    from muralist.storage import FileStore

    for method, point in {
        "_save_run": "save", "_record": "record", "_put_image": "image", "_append_verdicts": "verdicts",
    }.items():  # fmt: skip
        _around(FileStore, method, point)
    _around_async(AsyncSqliteSaver, "aput", "checkpoint")
    plain = Image.Image.save

    def save(self: Image.Image, fp: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(fp, Path):
            passing("write")
        plain(self, fp, *args, **kwargs)

    setattr(Image.Image, "save", save)  # noqa: B010 - a method, to the type checker
