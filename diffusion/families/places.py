"""The canvas of transformers whose tokens come with their places, (picture, row, column, ...)."""

from __future__ import annotations

from typing import Any

from torch.utils.weak import WeakIdKeyDictionary

from muralist.diffusion.by_rows import Call

_canvases: Any = WeakIdKeyDictionary()
"""What was read off places before: reading makes the CPU wait for the GPU, and the steps of a picture share them."""


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """Packed patches; pictures after the first are references."""
    places = call["img_ids"]
    if places not in _canvases:
        ids = places[0] if places.ndim == 3 else places  # all rows have the same
        own = ids[ids[:, 0] == ids[0, 0]]
        height, width = (int(side) + 1 for side in own[:, 1:3].amax(0))
        _canvases[places] = (height, width), len(ids)
    found: tuple[tuple[int, int], int] = _canvases[places]
    return found
