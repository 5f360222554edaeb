"""The size of the pictures that a pipeline was trained on, and others brought to it."""

from __future__ import annotations

import math
from typing import Any

from muralist.tools.limits import MAX_SIDE

from .families import side_of_pictures

LARGER = 4
"""How many times as many pixels as in training a picture may have: beyond, it shows everything several times over."""
NEAR = 1.25
"""Up to this factor from its side, pictures are painted at their own size: resizing blurs."""


def native_side(pipe: Any) -> int:
    """Side in pixels of the square pictures that it was trained on, as its configuration says, or most have it."""
    size = getattr(getattr(pipe, "unet", None) or pipe.transformer, "config", None)
    cells = getattr(size, "sample_size", None) or getattr(pipe, "default_sample_size", None) or 128
    return int((cells if isinstance(cells, int) else max(cells)) * pipe.vae_scale_factor)


def brought_to(side: int, pipe: Any, width: int, height: int) -> tuple[int, int]:
    """Width and height of as many pixels as a square of that side, in the same proportion, as the pipeline can."""
    scale = side / math.sqrt(width * height)
    scale = 1.0 if 1 / NEAR <= scale <= NEAR else scale
    scale = min(scale, MAX_SIDE / max(width, height))
    cell = side_of_pictures(pipe)
    return max(cell, round(width * scale / cell) * cell), max(cell, round(height * scale / cell) * cell)


def bearable(pipe: Any, width: int, height: int) -> tuple[int, int]:
    """That size, or the native one if it has too many pixels."""
    side = native_side(pipe)
    return (width, height) if width * height <= LARGER * side**2 else brought_to(side, pipe, width, height)
