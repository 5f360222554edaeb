"""Files named by the SHA-256 of their bytes: written beside their place and moved into it, never edited."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from .database import trouble


class Blobs:
    """The folder `blobs/` of a home; methods raise StoreError if it cannot be read or written."""

    def __init__(self, home: Path) -> None:
        self.root = home / "blobs"

    def path(self, sha256: str, suffix: str) -> Path:
        """Where a blob lies, whether or not it is there."""
        return self.root / sha256[:2] / f"{sha256}{suffix}"

    def put(self, data: bytes, suffix: str) -> str:
        """Keep the bytes; gives their SHA-256. A damaged file of that name is replaced."""
        sha256 = hashlib.sha256(data).hexdigest()
        with trouble():
            path = self.path(sha256, suffix)
            if not (path.is_file() and path.read_bytes() == data):
                _write(path, data)
        return sha256

    def get(self, sha256: str, suffix: str) -> bytes | None:
        """The bytes; None if they are missing or damaged."""
        path = self.path(sha256, suffix)
        with trouble():
            data = path.read_bytes() if path.is_file() else b""
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def has(self, sha256: str, suffix: str) -> bool:
        """Whether there is such a file, sound or not."""
        with trouble():
            return self.path(sha256, suffix).is_file()

    def drop(self, sha256: str, suffix: str) -> None:
        """Delete the file, if it is there."""
        with trouble():
            self.path(sha256, suffix).unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if os.name == "posix":  # make the rename last through a power cut, where the system allows to open folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
