"""Files of the configured folders, and no others."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from muralist.tools.errors import BadImage, NotAllowed

SYSTEM = [Path("/proc"), Path("/sys"), Path("/dev")]
"""Not files of anybody, whatever the roots are."""


def read(path: str, roots: Sequence[Path], limit: int) -> bytes:
    """The bytes of a regular file inside one of `roots`, `limit` at most.

    Symbolic links are resolved first, and what they lead to has to be inside as well. The resolved path is then opened
    folder by folder without following links, so that a folder swapped for one meanwhile is refused. What lies outside
    is answered alike whether it exists or not. Raises NotAllowed and BadImage.
    """
    if not roots:
        raise NotAllowed("no folder is open for reading: set MURALIST_ROOTS, or give the picture as base64")
    if os.open not in os.supports_dir_fd:
        raise NotAllowed("files cannot be read safely on this system: give the picture as base64")
    root, real = _resolved(path, roots)
    try:
        with ExitStack() as stack:
            return _read(_opened(root, real, stack), limit)
    except OSError as error:
        raise NotAllowed(f"the file cannot be read ({error.strerror}): give the path of a picture") from None


def _resolved(path: str, roots: Sequence[Path]) -> tuple[Path, Path]:
    """The root that a path lies in, and where it really leads."""
    try:
        given = Path(path)
        real = given.resolve() if given.is_absolute() else None
    except (OSError, ValueError, RuntimeError):  # a loop of links, a null byte
        real = None
    root = next((root for root in roots if real and real != root and real.is_relative_to(root)), None)
    if real is None or root is None or any(real.is_relative_to(place) for place in SYSTEM):
        raise NotAllowed(
            "the path does not lead into a folder that is open for reading: "
            f"give an absolute path inside {' or '.join(map(str, roots))}"
        )
    return root, real


def _opened(root: Path, real: Path, stack: ExitStack) -> int:
    """A descriptor of the file; every one opened on the way is closed by the stack."""
    *folders, name = real.relative_to(root).parts
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder: int | None = None
    for part in [str(root), *folders]:
        folder = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
        stack.callback(os.close, folder)
    # Without O_NONBLOCK, opening a fifo waits for somebody to write into it.
    file = os.open(name, flags | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=folder)
    stack.callback(os.close, file)
    return file


def _read(file: int, limit: int) -> bytes:
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode):
        raise NotAllowed("the path leads to no regular file: give the path of a picture")
    if about.st_size > limit:
        raise BadImage(f"the file has {about.st_size:,} bytes: at most {limit:,} are taken")
    with os.fdopen(os.dup(file), "rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:  # it grew
        raise BadImage(f"the file has more than {limit:,} bytes: that many are taken")
    return data
