"""Ovis-Image: joint attention, [text, image], a call for each side."""

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

LONGEST = 256
"""Tokens that the pipeline takes."""


def needed(pipe: Any, prompt: str) -> int:
    """Tokens for a prompt in its chat template, less the instruction that is cut off."""
    (message,) = pipe._get_messages(prompt)
    return min(LONGEST, length_for(pipe.tokenizer, message, -pipe.user_prompt_begin_id))


PADDING = Padding(needed, padded=lambda pipe, call: int(call["encoder_hidden_states"].shape[1]))


def encoded(pipe: Any, prompts: list[str], length: int) -> tuple[torch.Tensor, ...]:
    """By Qwen3, (length, C) each; padding is 0, and attended like text."""
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompts, device=pipe._execution_device, do_classifier_free_guidance=False, max_sequence_length=length
    )[0]
    return tuple(embeddings)


sides = named_sides

FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=False), canvas, text_places(1, 2), frozenset({"img_ids", "txt_ids"})
)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
