"""Chroma: FLUX.1 without its pooled embedding; joint attention, [text, image], a call for each side, not named.

Each prompt has a mask, 1 up to the first token of padding and then 0, which diffusers adds to the scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.guidance_side import recording_repeats
from muralist.diffusion.long_prompts import Padding, length_for
from muralist.diffusion.regional_attention import RegionalJointAttention

from .call_per_side import unnamed_sides
from .masked_text import MaskedText, appended
from .position_ids import canvas, text_places

PADDING = Padding(
    needed=lambda pipe, prompt: length_for(pipe.tokenizer, prompt),
    padded=lambda pipe, call: int(call["encoder_hidden_states"].shape[1]),
)


def encoded(pipe: Any, prompts: list[str], length: int) -> tuple[MaskedText, ...]:
    """By T5, (length, C) each, and its mask."""
    embeddings, _, masks, *_ = pipe.encode_prompt(
        prompt=prompts, device=pipe._execution_device, do_classifier_free_guidance=False, max_sequence_length=length
    )
    return tuple(map(MaskedText, embeddings, masks))


sides = unnamed_sides


def append_prompts(call: Call, texts: Sequence[MaskedText]) -> tuple[Call, list[int]]:
    """Regions' prompts and masks after the base prompt's; the mask is of the whole sequence, (B, T + image)."""
    base, mask = call["encoder_hidden_states"], call.get("attention_mask")
    if mask is None:
        mask = base.new_ones(len(base), base.shape[1] + call["hidden_states"].shape[1])
    own, image = mask[:, : base.shape[1]], mask[:, base.shape[1] :]
    masks = torch.cat([appended(own, (text.mask for text in texts)), image], 1)
    sequence = appended(base, (text.embedding for text in texts))
    lengths = [base.shape[1], *(len(text.mask) for text in texts)]
    return {"encoder_hidden_states": sequence, "attention_mask": masks}, lengths


FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=False), canvas, text_places(), frozenset({"img_ids", "txt_ids"}),
    append_prompts=append_prompts,
)  # fmt: skip


@contextmanager
def attached(pipe: Any) -> Iterator[ConditioningState]:
    """By a forward of our own on the transformer."""
    with recording_repeats(pipe.transformer), attached_to_transformer(pipe.transformer, FAMILY) as state:
        yield state
