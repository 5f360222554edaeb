"""PixArt-Alpha and -Sigma: cross-attention in a transformer, both sides in one batch, [negative, positive]."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily, TokenSpans
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.region_schedule import Side
from muralist.diffusion.regional_attention import RegionalCrossAttention

from .cfg_batch import cfg_sides
from .patch_grid import canvas


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By T5; without padding, which the base prompt masks."""
    return tuple(unpadded(pipe, prompt, do_classifier_free_guidance=False) for prompt in prompts)


def unpadded(pipe: Any, prompt: str, **options: bool) -> torch.Tensor:
    """What the pipeline's mask keeps of a prompt, (T, C)."""
    embeddings, mask = pipe.encode_prompt(prompt=prompt, device=pipe._execution_device, **options)[:2]
    kept: torch.Tensor = embeddings[0][mask[0].bool()]
    return kept


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides, which it says to its text encoder alone."""
    return cfg_sides(len(call["hidden_states"]), pipe.encode_prompt.guided)


def token_arguments(call: Call, tokens: TokenSpans) -> Call:
    """Regions' prompts have no padding: their mask is 1."""
    mask = call["encoder_attention_mask"]
    return {"encoder_attention_mask": torch.cat([mask, mask.new_ones(len(mask), sum(tokens.texts))], 1)}


FAMILY = DiTFamily(RegionalCrossAttention, canvas, token_arguments)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
