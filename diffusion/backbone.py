"""Finding and loading the diffusion model that paints."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from muralist.tools.errors import BackboneError

from .families import FAMILIES

PICTUREBOOK = "picturebook"
STABLE_DIFFUSION = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
SIDES = {pipeline: family.side for family in FAMILIES for pipeline in family.pipelines}
"""The pipelines that can be loaded, and of what their pictures' sides are multiples; None: of a latent cell."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

SAFETENSORS = ".safetensors"
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")

CELL = 8
"""Pixels per latent cell where the backbone's configuration is not at hand."""


def locate(backbone: str) -> Path | str:
    """The folder or file of a backbone, or its hub id. Cheap: looks at the disk only.

    `backbone` is `picturebook`, a folder in diffusers format, a safetensors file of a whole checkpoint, or `owner/name`
    on the hub. Raises BackboneError.
    """
    if backbone == PICTUREBOOK:
        from muralist import picturebook

        folder = Path(str(picturebook.__file__)).parent / "weights" / "backbone"
        if not (folder / "model_index.json").is_file():
            raise BackboneError(f"the picturebook weights are missing from {folder}: install muralist anew")
        return folder
    place = Path(backbone).expanduser()
    if place.suffix in PICKLES:
        raise BackboneError(
            f"backbone {backbone} is a pickle, which may run code when it is loaded: give a .safetensors file"
        )
    if (place / "model_index.json").is_file() or (place.is_file() and place.suffix == SAFETENSORS):
        return place.resolve()
    if place.is_dir():
        raise BackboneError(f"backbone folder {backbone} has no model_index.json: give a folder in diffusers format")
    if place.suffix == SAFETENSORS:
        raise BackboneError(f"there is no backbone file {backbone}: give the path of a .safetensors checkpoint")
    if HUB_ID.fullmatch(backbone):
        return backbone
    raise BackboneError(
        f"backbone '{backbone}' is neither 'picturebook', nor a folder in diffusers format, nor a .safetensors file, "
        "nor a hub id (owner/name)"
    )


def cell_size(backbone: str) -> int:
    """What width and height in pixels are multiples of, read from the configurations where they are on disk.

    The side of a latent cell, and in families that take cells together in patches, of a patch.
    """
    try:
        place = locate(backbone)
        if isinstance(place, Path):
            index = json.loads((place / "model_index.json").read_text(encoding="utf-8"))
            if side := SIDES.get(index["_class_name"]):
                return side
            config = json.loads((place / "vae" / "config.json").read_text(encoding="utf-8"))
            return int(2 ** (len(config["block_out_channels"]) - 1))
    except (BackboneError, OSError, ValueError, LookupError, TypeError):
        pass  # whether it can be loaded at all is said by `load`
    return CELL


def load(backbone: str) -> Any:
    """The text-to-image pipeline, on the best device there is; takes seconds to minutes.

    Safetensors only, no code from the hub, no safety checker. float32 on the CPU and for picturebook, else half
    precision. Raises BackboneError in one line if it is missing, damaged, unreachable or of an unsupported family.
    """
    place = locate(backbone)
    if isinstance(place, str):
        from .hub import at_hand

        place = at_hand(place)
    import diffusers
    import torch
    import transformers

    from .engine.device import best
    from .engine.memory import is_out_of_memory

    diffusers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.set_verbosity_error()  # it warns of autoencoders other than the first one it knew
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # it warns about image processors that nobody here needs
    single = isinstance(place, Path) and place.is_file()
    try:
        family = _family_in(place) if single else diffusers.DiffusionPipeline.load_config(place)["_class_name"]
        if family not in SIDES:
            raise BackboneError(f"backbone '{backbone}' is a {family}: one of {', '.join(SIDES)} is needed")
        device = best()
        dtype = torch.float32 if backbone == PICTUREBOOK else device.torch_dtype
        if dtype == torch.float16 and family not in STABLE_DIFFUSION:
            dtype = torch.bfloat16  # they overflow in float16
        extra: dict[str, Any] = {"safety_checker": None, "requires_safety_checker": False}
        extra = extra if family == STABLE_DIFFUSION[0] else {}
        made = getattr(diffusers, family)
        if single:
            folder = Path(place).parent  # configurations beside the file spare a look at the hub
            config = str(folder) if (folder / "model_index.json").is_file() else None
            pipe = made.from_single_file(str(place), config=config, dtype=dtype, **extra)
        else:
            pipe = made.from_pretrained(place, dtype=dtype, use_safetensors=True, **extra)
        pipe = pipe.to(device.kind)
    except BackboneError:
        raise
    except Exception as error:  # whatever the libraries raise on a broken file or connection
        if is_out_of_memory(error):
            raise BackboneError(
                f"backbone '{backbone}' needs more memory than there is: free some, or choose a smaller one"
            ) from error
        reason = str(error).strip().splitlines()
        raise BackboneError(
            f"backbone '{backbone}' could not be loaded ({reason[0][:200] if reason else type(error).__name__}): "
            "check that it is complete, in safetensors, and that the hub can be reached if it is not a folder"
        ) from error
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _family_in(file: Path | str) -> str:
    """The pipeline that a single-file checkpoint is for, by the names of its text encoders' weights."""
    from safetensors import safe_open

    with safe_open(file, framework="np") as weights:
        names = list(weights.keys())
    for family, prefix in zip(STABLE_DIFFUSION, ("cond_stage_model.", "conditioner.embedders.1."), strict=True):
        if any(name.startswith(prefix) for name in names):
            return family
    raise BackboneError(
        f"{file} holds no whole checkpoint of Stable Diffusion 1.x, 2.x or XL (no text encoder is in it): give one, or "
        "a folder in diffusers format"
    )
