"""Where the diffusion model that paints lies, and what its configurations say where they are on disk."""

from __future__ import annotations

import re
from pathlib import Path

from muralist.tools.errors import BackboneError

from .families import FAMILIES
from .hub import cached
from .model_files import GGUF, INDEX, PICKLES, SAFETENSORS, read_json

PICTUREBOOK = "picturebook"
SIDES = {pipeline: family.side for family in FAMILIES for pipeline in family.pipelines}
"""The pipelines that can be loaded, and of what their pictures' sides are multiples; None: of a latent cell."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
FILES = (SAFETENSORS, GGUF)

CELL = 8
"""Pixels per latent cell where the backbone's configuration is not at hand."""


def locate(backbone: str) -> Path | str:
    """The folder or file of a backbone, or its hub id. Cheap: looks at the disk only.

    `backbone` is `picturebook`, a folder in diffusers format, a safetensors file of a whole checkpoint, a safetensors
    or GGUF file in such a folder, whose denoiser it replaces, or `owner/name` on the hub. Raises BackboneError.
    """
    if backbone == PICTUREBOOK:
        from muralist import picturebook

        folder = Path(str(picturebook.__file__)).parent / "weights" / "backbone"
        if not (folder / INDEX).is_file():
            raise BackboneError(f"the picturebook weights are missing from {folder}: install muralist anew")
        return folder
    place = Path(backbone).expanduser()
    if place.suffix in PICKLES:
        raise BackboneError(
            f"backbone {backbone} is a pickle, which may run code when it is loaded: give a .safetensors file"
        )
    if (place / INDEX).is_file() or (place.is_file() and place.suffix in FILES):
        return place.resolve()
    if place.is_dir():
        raise BackboneError(f"backbone folder {backbone} has no model_index.json: give a folder in diffusers format")
    if place.suffix in FILES:
        raise BackboneError(f"there is no backbone file {backbone}: give the path of a .safetensors or .gguf file")
    if HUB_ID.fullmatch(backbone):
        return backbone
    raise BackboneError(
        f"backbone '{backbone}' is neither 'picturebook', nor a folder in diffusers format, nor a .safetensors or "
        ".gguf file, nor a hub id (owner/name)"
    )


def on_disk(backbone: str, revision: str | None = None) -> Path | None:
    """Where a backbone lies, in the hub's cache too; None if it is not on this machine. Raises BackboneError."""
    place = locate(backbone)
    return place if isinstance(place, Path) else cached(place, revision)


def pipeline_of(backbone: str, revision: str | None = None) -> str:
    """The class of the backbone's pipeline, if a folder on disk says it; else nothing."""
    try:
        folder = _folder(backbone, revision)
    except BackboneError:
        return ""  # whether it can be loaded at all is said by `load`
    return "" if folder is None else _pipeline_in(folder)


def _folder(backbone: str, revision: str | None) -> Path | None:
    """Where the backbone's configurations lie, if it is on this machine."""
    place = on_disk(backbone, revision)
    return place if place is None or place.is_dir() else place.parent


def _pipeline_in(folder: Path) -> str:
    return str(read_json(folder / INDEX).get("_class_name", ""))


def cell_size(backbone: str, revision: str | None = None) -> int:
    """What width and height in pixels are multiples of, read from the configurations where they are on disk.

    The side of a latent cell, and in families that take cells together in patches, of a patch.
    """
    try:
        folder = _folder(backbone, revision)
        if folder is not None:
            if side := SIDES.get(_pipeline_in(folder)):
                return side
            return int(2 ** (len(read_json(folder / "vae" / "config.json")["block_out_channels"]) - 1))
    except (BackboneError, LookupError, TypeError):
        pass  # whether it can be loaded at all is said by `load`
    return CELL
