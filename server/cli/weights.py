"""Whether weights on disk can be read, judged without loading them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def sound(place: Path) -> str:
    """What is wrong with the safetensors in a folder, or one file of them, in one line; empty if nothing is.

    A header has to be readable and to account for every byte of its file, so a file cut short is found.
    """
    from safetensors import SafetensorError, safe_open

    paths = _weights(place)
    if not paths:
        return f"there are no weights at {place}"
    for path in paths:
        try:
            with safe_open(path, framework="np") as file:
                if not list(file.keys()):
                    return f"{path} holds no weights"
        except (SafetensorError, OSError) as error:
            return f"{path} is damaged: {error}"
    return ""


def incomplete(folder: Path) -> str:
    """What a folder in diffusers format lacks of the parts that its index names, in one line; empty if nothing."""
    index = folder / "model_index.json"
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return f"there is no {index}"
    except (OSError, ValueError, RecursionError) as error:
        return f"{index} cannot be read: {error}"
    if not isinstance(parts, dict):
        return f"{index} is no index: it has to be a JSON object that names the parts"
    named = [name for name, kind in parts.items() if isinstance(kind, list) and kind and kind[0] is not None]
    lacking = [name for name in named if not (folder / name).is_dir()]
    return f"{folder} lacks {', '.join(lacking)}" if lacking else ""


def summed(place: Path) -> str:
    """How many files and megabytes of weights, and a digest of their bytes to compare installations by."""
    digest, size, paths = hashlib.sha256(), 0, _weights(place)
    for path in paths:
        size += path.stat().st_size
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{len(paths)} files, {size / 1e6:.1f} MB, sha256 {digest.hexdigest()[:12]}"


def _weights(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.rglob("*.safetensors"))
