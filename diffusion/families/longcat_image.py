"""LongCat-Image: joint attention, [text, image], a call for each side.

Every prompt is padded to 512 tokens by the pipeline, and its padding attended like text. What stands in quotation marks
is read letter by letter, in regions' prompts too; they are not rewritten by the pipeline as its own prompt may be.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.batch_grouping import ConditioningState
from muralist.diffusion.dit import DiTFamily
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.regional_attention import RegionalJointAttention

from .call_per_side import named_sides
from .position_ids import canvas, text_places


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By Qwen2.5-VL, (512, C) each."""
    embeddings: torch.Tensor = pipe.encode_prompt(prompt=prompts)[0]
    return tuple(embeddings)


sides = named_sides

FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=False), canvas, text_places(1, 2), frozenset({"img_ids", "txt_ids"})
)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
