"""FLUX.1: joint attention, [text, image], guidance distilled or with a call for each side.

The pooled embedding conditions the whole canvas: it stays the base prompt's.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def tokens(transformer: Any, call: Call, texts: Sequence[torch.Tensor]) -> Tokens:
    """Packed patches, whose places the ids tell: (picture, row, column); pictures after the first are references."""
    ids = call["img_ids"]
    canvas = ids[ids[:, 0] == ids[0, 0]]
    height, width = (int(side) + 1 for side in canvas[:, 1:].amax(0))
    base = call["encoder_hidden_states"].shape[1]
    return Tokens((height, width), len(ids), base, tuple(len(text) for text in texts))


def append(transformer: Any, call: Call, texts: Sequence[torch.Tensor]) -> Call:
    """All texts are at the same place, 0."""
    base = call["encoder_hidden_states"]
    regions = torch.cat(list(texts)).to(base).expand(len(base), -1, -1)
    ids = torch.cat([call["txt_ids"], call["txt_ids"].new_zeros(regions.shape[1], 3)])
    return call | {"encoder_hidden_states": torch.cat([base, regions], 1), "txt_ids": ids}


FAMILY = Family(partial(JointAttention, image_first=False), tokens, append, frozenset({"img_ids", "txt_ids"}))


def attached(pipe: Any) -> AbstractContextManager[Denoising]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
