"""Finding and loading the diffusion model that paints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from muralist.tools.errors import BackboneError

PICTUREBOOK = "picturebook"
FAMILIES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

CELL = 8
"""Pixels per latent cell where the backbone's configuration is not at hand."""


def locate(backbone: str) -> Path | str:
    """The folder of a backbone, or its hub id. Cheap: looks at the disk only.

    `backbone` is `picturebook`, a folder in diffusers format, or `owner/name` on the hub. Raises BackboneError.
    """
    if backbone == PICTUREBOOK:
        from muralist import picturebook

        folder = Path(str(picturebook.__file__)).parent / "weights" / "backbone"
        if not (folder / "model_index.json").is_file():
            raise BackboneError(f"the picturebook weights are missing from {folder}: install muralist anew")
        return folder
    folder = Path(backbone).expanduser()
    if (folder / "model_index.json").is_file():
        return folder.resolve()
    if folder.is_dir():
        raise BackboneError(f"backbone folder {backbone} has no model_index.json: give a folder in diffusers format")
    if HUB_ID.fullmatch(backbone):
        return backbone
    raise BackboneError(
        f"backbone '{backbone}' is neither 'picturebook', nor a folder in diffusers format, nor a hub id (owner/name)"
    )


def cell_size(backbone: str) -> int:
    """Pixels along the side of a latent cell; read from the autoencoder's configuration where that is on disk."""
    try:
        place = locate(backbone)
        if isinstance(place, Path):
            config = json.loads((place / "vae" / "config.json").read_text(encoding="utf-8"))
            return int(2 ** (len(config["block_out_channels"]) - 1))
    except (BackboneError, OSError, ValueError, LookupError, TypeError):
        pass  # whether it can be loaded at all is said by `load`
    return CELL


def load(backbone: str) -> Any:
    """The text-to-image pipeline, on the GPU if there is one; takes seconds to minutes.

    Safetensors only, no code from the hub, no safety checker. float32 on the CPU and for picturebook, else float16.
    Raises BackboneError in one line if it is missing, damaged, unreachable or of a family that is not supported.
    """
    place = locate(backbone)
    import diffusers
    import torch
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()  # it warns of autoencoders other than the first one it knew
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # it warns about image processors that nobody here needs
    try:
        family = diffusers.DiffusionPipeline.load_config(place)["_class_name"]
        if family not in FAMILIES:
            raise BackboneError(f"backbone '{backbone}' is a {family}: one of {', '.join(FAMILIES)} is needed")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.float32 if device == "cpu" or backbone == PICTUREBOOK else torch.float16
        extra = {"safety_checker": None, "requires_safety_checker": False} if family == FAMILIES[0] else {}
        pipe = getattr(diffusers, family).from_pretrained(place, dtype=dtype, use_safetensors=True, **extra)
        pipe = pipe.to(device)
    except BackboneError:
        raise
    except (
        Exception
    ) as error:  # whatever the libraries raise on a broken file or connection, it is the backbone's fault
        reason = str(error).strip().splitlines()
        raise BackboneError(
            f"backbone '{backbone}' could not be loaded ({reason[0][:200] if reason else type(error).__name__}): "
            "check that it is complete, in safetensors, and that the hub can be reached if it is not a folder"
        ) from error
    pipe.set_progress_bar_config(disable=True)
    return pipe
