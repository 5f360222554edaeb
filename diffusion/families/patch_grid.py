"""The token grid of transformers that take latents (B, C, h, w) and patchify them themselves."""

from __future__ import annotations

from typing import Any

from muralist.diffusion.batch_grouping import Call


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """A token per patch."""
    patch = transformer.config.patch_size
    height, width = (side // patch for side in call["hidden_states"].shape[-2:])
    return (height, width), height * width
