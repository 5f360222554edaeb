"""Sana: cross-attention in a transformer, both sides in one batch, [negative, positive]."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.region_schedule import Side
from muralist.diffusion.regional_attention import RegionalCrossAttention

from .cfg_batch import cfg_sides
from .patch_grid import canvas
from .pixart import token_arguments, unpadded


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By Gemma, without the instruction that enriches short prompts; without padding, which the base prompt masks."""
    both = {} if distilled(pipe) else {"do_classifier_free_guidance": False}
    return tuple(unpadded(pipe, prompt, **both) for prompt in prompts)


def distilled(pipe: Any) -> bool:
    """Whether it is Sprint, which knows nothing of two sides."""
    return not hasattr(pipe, "do_classifier_free_guidance")


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides."""
    return cfg_sides(len(call["hidden_states"]), not distilled(pipe) and pipe.do_classifier_free_guidance)


FAMILY = DiTFamily(RegionalCrossAttention, canvas, token_arguments)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
