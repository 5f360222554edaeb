"""Whether a folder can be written to, asked before the work and without leaving a trace."""

from __future__ import annotations

import tempfile
from pathlib import Path

from muralist.tools.errors import BadSettings


def check_writable(folder: Path, what: str) -> None:
    """Raise BadSettings if files cannot be made in `folder`; of one that is not there yet, in the nearest above it."""
    nearest = folder.expanduser().absolute()
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise BadSettings(f"{what} {folder} cannot be a folder: {nearest} is a file; choose another place")
    try:
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(b"\0" * 4096)
    except OSError as error:
        reason = error.strerror or error
        raise BadSettings(f"{what} {folder} cannot be written ({reason}): choose another place") from None
