"""Stable Diffusion 3 and 3.5: joint attention, [image, text], both sides in one batch, [negative, positive].

The pooled embedding conditions the whole canvas: it stays the base prompt's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.long_prompts import Padding, length_for
from muralist.diffusion.region_schedule import Side
from muralist.diffusion.regional_attention import RegionalJointAttention

from .cfg_batch import cfg_sides
from .patch_grid import canvas

PADDING = Padding(
    needed=lambda pipe, prompt: length_for(pipe.tokenizer_3 or pipe.tokenizer, prompt),
    padded=lambda pipe, call: int(call["encoder_hidden_states"].shape[1]) - pipe.tokenizer_max_length,
)


def encoded(pipe: Any, prompts: list[str], length: int) -> tuple[torch.Tensor, ...]:
    """By CLIP, which cuts what is beyond its window, and T5, which reads `length` tokens."""
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompts, prompt_2=None, prompt_3=None, device=pipe._execution_device, do_classifier_free_guidance=False,
        max_sequence_length=length,
    )[0]  # fmt: skip
    return tuple(embeddings)


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides; the extra call of skip-layer guidance has the positive half alone."""
    alone = call.get("skip_layers") is not None
    return cfg_sides(len(call["hidden_states"]), pipe.do_classifier_free_guidance and not alone)


FAMILY = DiTFamily(partial(RegionalJointAttention, image_first=True), canvas)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
