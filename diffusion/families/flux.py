"""FLUX.1: joint attention, [text, image], guidance distilled or with a call for each side.

The pooled embedding conditions the whole canvas: it stays the base prompt's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.appended import Family, Tokens
from muralist.diffusion.appended import attached as attached_to_transformer
from muralist.diffusion.by_rows import Call, Denoising
from muralist.diffusion.calls_by_side import side_of
from muralist.diffusion.control import Side
from muralist.diffusion.long_prompts import length_for
from muralist.diffusion.routes import JointAttention

from .places import canvas


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By T5."""
    return tuple(_encoded(pipe, prompt) for prompt in prompts)


def _encoded(pipe: Any, prompt: str) -> torch.Tensor:
    length = length_for(pipe.tokenizer_2, prompt)
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompt, prompt_2=None, device=pipe._execution_device, max_sequence_length=length
    )[0]
    return embeddings[0]


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """A call is all of one side."""
    return (side_of(pipe.transformer),) * len(call["hidden_states"])


def beside(call: Call, tokens: Tokens) -> Call:
    """All texts are at the same place, 0."""
    ids = call["txt_ids"]
    return {"txt_ids": torch.cat([ids, ids.new_zeros(sum(tokens.texts), 3)])}


FAMILY = Family(partial(JointAttention, image_first=False), canvas, beside, frozenset({"img_ids", "txt_ids"}))


def attached(pipe: Any) -> AbstractContextManager[Denoising]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
