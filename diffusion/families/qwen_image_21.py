"""Qwen-Image-2.1: one sequence, [text, image], in which text sees only the text before it; a call for each side.

Each region's prompt is placed before the image, by rotary embeddings, where it would be as the only prompt. Texts are
read anew at every step: the pipeline's cache of them is for a single prompt.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from typing import Any

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState, bound, sample
from muralist.diffusion.dit import DiTFamily, TokenSpans
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.patching import forward_of, patched, patched_forward
from muralist.diffusion.region_schedule import Side
from muralist.diffusion.regional_attention import RegionalCausalTextAttention
from muralist.tools.errors import BadSettings

from .call_per_side import named_sides
from .masked_text import appended


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By Qwen3-VL, (T, C)."""
    return tuple(pipe.encode_prompt(prompt=prompt, device=pipe._execution_device)[0][0] for prompt in prompts)


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """A call is all of one side. Raises BadSettings for pictures between the texts."""
    if len(call["img_shapes"][0]) > 1:
        raise BadSettings(
            f"regional attention does not know pictures among the texts of {type(pipe).__name__}: leave out its image"
        )
    return named_sides(pipe, call)


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """A token per latent cell."""
    _, height, width = call["img_shapes"][0][-1]
    return (height, width), height * width


def append_prompts(call: Call, texts: Sequence[torch.Tensor]) -> tuple[Call, list[int]]:
    """Regions' prompts after the base prompt's, before the slots of the image; they have no padding."""
    base, slots, mask = (call[name] for name in ("encoder_hidden_states", "img_mask", "encoder_hidden_states_mask"))
    length, added = base.shape[1], sum(map(len, texts))
    changed = {
        "encoder_hidden_states": appended(base, texts),
        "img_mask": torch.cat([slots[:, :length], slots.new_zeros(len(slots), added), slots[:, length:]], 1),
        "encoder_hidden_states_mask": None if mask is None else torch.cat([mask, mask.new_ones(len(mask), added)], 1),
    }
    return changed, [length, *map(len, texts)]


def placed(transformer: Any, tokens: TokenSpans) -> AbstractContextManager[None]:
    """Every prompt ends, along the first axis, where the image begins; along the others it begins at 0."""
    embed = transformer.pos_embed
    plain, base = embed.forward, tokens.base

    def forward(shapes: Any, slots: torch.Tensor, device: torch.device) -> torch.Tensor:
        own = plain(shapes, torch.cat([slots[:base], slots[tokens.text :]]), device)
        frame, height, width = embed.freqs  # from 0 on; those before 0 are at the end
        texts = [
            torch.cat([frame[torch.arange(base - length, base)], height[:length], width[:length]], -1)
            for length in tokens.texts
        ]
        return torch.cat([own[:base], *texts, own[base:]])

    return patched(embed, "forward", forward)


FAMILY = DiTFamily(
    RegionalCausalTextAttention, canvas, context=placed, append_prompts=append_prompts, attentions_a_block=2
)


@contextmanager
def attached(pipe: Any) -> Iterator[ConditioningState]:
    """By a forward of our own on the transformer, without its cache, whose outputs are the image alone."""
    transformer = pipe.transformer
    plain = forward_of(transformer)

    @wraps(plain)
    def forward(*args: Any, **kwargs: Any) -> Any:
        call = bound(plain, args, kwargs) | {"kv_cache": None, "kv_cache_mode": None}
        output = plain(**call)
        image = sample(output)[:, -math.prod(call["img_shapes"][0][-1]) :]
        return (image,) if isinstance(output, tuple) else type(output)(sample=image)

    if hasattr(plain, "plain"):  # of outer regions, which inner ones take the place of
        with attached_to_transformer(transformer, FAMILY) as state:
            yield state
        return
    with patched_forward(transformer, forward), attached_to_transformer(transformer, FAMILY) as state:
        yield state
