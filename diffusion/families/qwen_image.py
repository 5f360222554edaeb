"""Qwen-Image: joint attention, [text, image], a call for each side.

Each region's prompt is placed, by rotary embeddings, where it would be as the only prompt.
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
from muralist.diffusion.overlay import overlaid
from muralist.diffusion.routes import JointAttention


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By Qwen2.5-VL."""
    return tuple(pipe.encode_prompt(prompt=prompt, device=pipe._execution_device)[0][0] for prompt in prompts)


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """A call is all of one side."""
    return (side_of(pipe.transformer),) * len(call["hidden_states"])


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """Packed patches; pictures after the first are references."""
    shapes = call["img_shapes"][0]
    _, height, width = shapes[0] if isinstance(shapes, list) else shapes
    return (height, width), call["hidden_states"].shape[1]


def beside(call: Call, tokens: Tokens) -> Call:
    """Regions' prompts have no padding: their mask is 1."""
    mask = call["encoder_hidden_states_mask"]
    if mask is None:
        return {}
    return {"encoder_hidden_states_mask": torch.cat([mask, mask.new_ones(len(mask), sum(tokens.texts))], 1)}


def placed(transformer: Any, tokens: Tokens) -> AbstractContextManager[None]:
    """Every prompt begins at the place where the base prompt does."""
    plain = transformer.pos_embed.forward
    lengths = (tokens.base, *tokens.texts)

    def forward(*args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        image, text = plain(*args, **kwargs | {"max_txt_seq_len": max(lengths)})
        return image, torch.cat([text[:length] for length in lengths])

    return overlaid(transformer.pos_embed, "forward", forward)


FAMILY = Family(partial(JointAttention, image_first=False), canvas, beside, during=placed)


def attached(pipe: Any) -> AbstractContextManager[Denoising]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
