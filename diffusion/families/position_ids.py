"""Transformers that are given position ids, (image, row, column, ...), per token: their grid, and the texts' places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from muralist.diffusion.batch_grouping import Call
from muralist.diffusion.dit import TokenSpans

_grids: Any = WeakIdKeyDictionary()
"""What was read off places before: reading makes the CPU wait for the GPU, and the steps of a picture share them."""


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """Packed patches; pictures after the first are references."""
    ids = call["img_ids"]
    return grid_of(ids), ids.shape[-2]


def grid_of(places: torch.Tensor, start: int = 0) -> tuple[int, int]:
    """(height, width) of the first picture, which begins at the token `start`."""
    if places not in _grids:
        ids = (places[0] if places.ndim == 3 else places)[start:]  # all rows have the same
        own = ids[ids[:, 0] == ids[0, 0]][:, 1:3]
        height, width = (own.amax(0) - own.amin(0) + 1).tolist()
        _grids[places] = int(height), int(width)
    found: tuple[int, int] = _grids[places]
    return found


def text_places(*axes: int) -> Callable[[Call, TokenSpans], Call]:
    """The places of the regions' tokens beside the base prompt's: each prompt's counted from 0 along these axes."""

    def token_arguments(call: Call, tokens: TokenSpans) -> Call:
        ids = call["txt_ids"]  # (T, axes), or (B, T, axes)
        added = ids.new_zeros(sum(tokens.texts), ids.shape[-1])
        for axis in axes:
            added[:, axis] = torch.cat([torch.arange(length) for length in tokens.texts]).to(ids)
        return {"txt_ids": torch.cat([ids, added.expand(*ids.shape[:-2], -1, -1)], -2)}

    return token_arguments
