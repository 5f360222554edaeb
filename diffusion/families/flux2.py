"""FLUX.2: joint attention, [text, image], guidance distilled or, in Klein, with a call for each side."""

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

TEMPLATE = 96
"""Tokens left for the chat template and its instruction."""


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By a language model; padded, as the pipeline's own prompts are."""
    return tuple(_encoded(pipe, prompt) for prompt in prompts)


def _encoded(pipe: Any, prompt: str) -> torch.Tensor:
    tokenizer = getattr(pipe.tokenizer, "tokenizer", pipe.tokenizer)  # inside of a processor for pictures
    length = length_for(tokenizer, prompt, TEMPLATE)
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompt, device=pipe._execution_device, max_sequence_length=length
    )[0]
    return embeddings[0]


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """A call is all of one side."""
    return (side_of(pipe.transformer),) * len(call["hidden_states"])


def beside(call: Call, tokens: Tokens) -> Call:
    """Every prompt's tokens are counted from 0."""
    ids = call["txt_ids"]
    places = torch.cat([torch.arange(length, device=ids.device, dtype=ids.dtype) for length in tokens.texts])
    counted = torch.nn.functional.pad(places[:, None], (3, 0)).expand(len(ids), -1, -1)
    return {"txt_ids": torch.cat([ids, counted], 1)}


FAMILY = Family(partial(JointAttention, image_first=False), canvas, beside, frozenset({"img_ids", "txt_ids"}))


def attached(pipe: Any) -> AbstractContextManager[Denoising]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
