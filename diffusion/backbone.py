"""Finding and loading the diffusion model that paints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muralist.tools.device_health import is_fatal, lost
from muralist.tools.device_memory import empty_cache
from muralist.tools.errors import BackboneError, DeviceLost, MuralistError
from muralist.tools.painting_settings import PaintingSettings

from .families import FAMILIES
from .model_files import GGUF, INDEX, PICKLES, SAFETENSORS, read_json

if TYPE_CHECKING:
    from .loading_ladder import Memory

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
    from .hub import cached

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


def load(backbone: str, painting: PaintingSettings | None = None, memory: Callable[[str], Memory] | None = None) -> Any:
    """The text-to-image pipeline, on the best device there is; takes seconds to minutes.

    Safetensors and GGUF only, no code from the hub, no safety checker. `painting` says what is not as the model has it;
    `memory` tells what is free on a device, by which `loading_ladder` decides how to load. Raises BackboneError and
    BadSettings in one line if it is missing, damaged, too large, unreachable or of an unsupported family; nothing is
    left in memory then.
    """
    from .opening import opened

    _quieten()
    try:
        return opened(backbone, painting or PaintingSettings(), **({"memory": memory} if memory else {}))
    except Exception as error:  # whatever the libraries raise on a broken file or connection
        trouble = _in_one_line(backbone, error, painting)
    # Only here are the frames gone that hold what was loaded by then.
    empty_cache()
    raise trouble


def _in_one_line(backbone: str, error: Exception, painting: PaintingSettings | None) -> MuralistError:
    """An error that holds on to nothing of what was loaded."""
    from .engine.device import chosen
    from .engine.memory import is_out_of_memory

    if is_fatal(error):
        return lost(chosen(painting.device if painting else None).place, error)
    if is_out_of_memory(error):
        return BackboneError(
            f"backbone '{backbone}' needs more memory than there is: free some, or choose a smaller one"
        )
    if isinstance(error, DeviceLost) or (isinstance(error, MuralistError) and not isinstance(error, BackboneError)):
        return type(error)(str(error))
    reason = str(error).strip().splitlines()[0][:400] if str(error).strip() else type(error).__name__
    if isinstance(error, BackboneError):  # says itself what would be right
        return BackboneError(
            reason if reason.startswith("backbone ") else f"backbone '{backbone}' could not be loaded: {reason}"
        )
    return BackboneError(
        f"backbone '{backbone}' could not be loaded ({reason}): check that it is complete, in safetensors, and that "
        "the hub can be reached if it is not a folder"
    )


def _quieten() -> None:
    """No progress bars, no warnings of what nobody here needs, and no errors in logs that are raised anyway."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        logging = library.utils.logging
        logging.disable_progress_bar()
        logging.set_verbosity(logging.CRITICAL)
