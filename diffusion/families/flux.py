"""FLUX.1: joint attention, [text, image], guidance distilled or with a call for each side.

The pooled embedding conditions the whole canvas: it stays the base prompt's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.batch_grouping import ConditioningState
from muralist.diffusion.dit import DiTFamily
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.long_prompts import Padding, length_for
from muralist.diffusion.regional_attention import RegionalJointAttention

from .call_per_side import named_sides
from .position_ids import canvas, text_places

PADDING = Padding(
    needed=lambda pipe, prompt: length_for(pipe.tokenizer_2, prompt),
    padded=lambda pipe, call: int(call["encoder_hidden_states"].shape[1]),
)


def encoded(pipe: Any, prompts: list[str], length: int) -> tuple[torch.Tensor, ...]:
    """By T5, (length, C) each."""
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompts, prompt_2=None, device=pipe._execution_device, max_sequence_length=length
    )[0]
    return tuple(embeddings)


sides = named_sides
FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=False), canvas, text_places(), frozenset({"img_ids", "txt_ids"})
)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
