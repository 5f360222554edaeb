"""Krea 2: joint attention, [text, image], a call for each side, not named.

Each prompt is fused and refined alone, as a row of its own, before it joins the sequence; padding is masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily, TokenSpans
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.guidance_side import recording_repeats
from muralist.diffusion.patching import patched
from muralist.diffusion.regional_attention import RegionalJointAttention

from .call_per_side import unnamed_sides
from .masked_text import MaskedText, appended
from .position_ids import grid_of


def encoded(pipe: Any, prompts: list[str]) -> tuple[MaskedText, ...]:
    """By Qwen3-VL, the tapped layers of each token, (T, layers, C); without padding, which the mask leaves out."""
    embeddings, masks = pipe.encode_prompt(prompt=prompts, device=pipe._execution_device)
    return tuple(MaskedText(each[mask], mask[mask]) for each, mask in zip(embeddings, masks, strict=True))


sides = unnamed_sides


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """Packed patches, whose places come after the texts'."""
    places, image = call["position_ids"], call["hidden_states"].shape[1]
    return grid_of(places, len(places) - image), image


def append_prompts(call: Call, texts: Sequence[MaskedText]) -> tuple[Call, list[int]]:
    """Regions' prompts and masks after the base prompt's; all texts are at the same place, 0."""
    base, mask, places = (call[name] for name in ("encoder_hidden_states", "encoder_attention_mask", "position_ids"))
    mask = base.new_ones(base.shape[:2], dtype=torch.bool) if mask is None else mask
    lengths = [base.shape[1], *(len(text.mask) for text in texts)]
    return {
        "encoder_hidden_states": appended(base, (text.embedding for text in texts)),
        "encoder_attention_mask": appended(mask, (text.mask for text in texts)),
        "position_ids": torch.cat([places.new_zeros(sum(lengths[1:]), places.shape[1]), places]),
    }, lengths


@contextmanager
def fused_alone(transformer: Any, tokens: TokenSpans) -> Iterator[None]:
    """No prompt is fused with another."""
    fuse, lengths = transformer.text_fusion.forward, [tokens.base, *tokens.texts]

    def forward(texts: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        parts = zip(torch.split(texts, lengths, 1), torch.split(attention_mask, lengths, 3), strict=True)
        base, *regions = (
            fuse(*part) if number == 0 else fuse(*(each[:1] for each in part)) for number, part in enumerate(parts)
        )
        return torch.cat([base, *(each.expand(len(base), -1, -1) for each in regions)], 1)

    with patched(transformer.text_fusion, "forward", forward):
        yield


FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=False), canvas, shared=frozenset({"position_ids"}),
    context=fused_alone, append_prompts=append_prompts,
)  # fmt: skip


@contextmanager
def attached(pipe: Any) -> Iterator[ConditioningState]:
    """By a forward of our own on the transformer."""
    with recording_repeats(pipe.transformer), attached_to_transformer(pipe.transformer, FAMILY) as state:
        yield state
