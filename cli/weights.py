"""Whether weights on disk can be read, judged without loading them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from muralist.tools.errors import BackboneError


def sound(file: Path) -> str:
    """What is wrong with a file of safetensors, in one line; empty if nothing is.

    A header has to be readable and to account for every byte of its file, so a file cut short is found.
    """
    from muralist.diffusion.model_files import header

    if not file.is_file():
        return f"there are no weights at {file}"
    try:
        header(file)
    except BackboneError as error:
        return str(error)
    return ""


def summed(files: Sequence[Path]) -> str:
    """How many files and megabytes of weights, and a digest of their bytes to compare installations by."""
    digest, size = hashlib.sha256(), 0
    for path in files:
        size += path.stat().st_size
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{len(files)} files, {size / 1e6:.1f} MB, sha256 {digest.hexdigest()[:12]}"
