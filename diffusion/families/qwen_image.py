"""Qwen-Image: joint attention, [text, image], a call for each side.

Each region's prompt is placed, by rotary embeddings, where it would be as the only prompt.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily, TokenSpans
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.patching import patched
from muralist.diffusion.regional_attention import RegionalJointAttention

from .call_per_side import named_sides


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By Qwen2.5-VL."""
    return tuple(pipe.encode_prompt(prompt=prompt, device=pipe._execution_device)[0][0] for prompt in prompts)


sides = named_sides


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """Packed patches; pictures after the first are references."""
    shapes = call["img_shapes"][0]
    _, height, width = shapes[0] if isinstance(shapes, list) else shapes
    return (height, width), call["hidden_states"].shape[1]


def token_arguments(call: Call, tokens: TokenSpans) -> Call:
    """Regions' prompts have no padding: their mask is 1."""
    mask = call["encoder_hidden_states_mask"]
    if mask is None:
        return {}
    return {"encoder_hidden_states_mask": torch.cat([mask, mask.new_ones(len(mask), sum(tokens.texts))], 1)}


def placed(transformer: Any, tokens: TokenSpans) -> AbstractContextManager[None]:
    """Every prompt begins at the place where the base prompt does."""
    plain = transformer.pos_embed.forward
    lengths = (tokens.base, *tokens.texts)

    def forward(*args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        image, text = plain(*args, **kwargs | {"max_txt_seq_len": max(lengths)})
        return image, torch.cat([text[:length] for length in lengths])

    return patched(transformer.pos_embed, "forward", forward)


FAMILY = DiTFamily(partial(RegionalJointAttention, image_first=False), canvas, token_arguments, context=placed)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
