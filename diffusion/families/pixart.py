"""PixArt-Alpha and -Sigma: cross-attention in a transformer, both sides in one batch, [negative, positive]."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from muralist.diffusion.appended import Family, Tokens
from muralist.diffusion.appended import attached as attached_to_transformer
from muralist.diffusion.by_rows import Call, Denoising, bound
from muralist.diffusion.control import Side
from muralist.diffusion.overlay import overlaid
from muralist.diffusion.routes import CrossAttention

from .halves import halves
from .patches import canvas


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By T5; without padding, which the base prompt masks."""
    return tuple(unpadded(pipe, prompt, do_classifier_free_guidance=False) for prompt in prompts)


def unpadded(pipe: Any, prompt: str, **options: bool) -> torch.Tensor:
    """What the pipeline's mask keeps of a prompt, (T, C)."""
    embeddings, mask = pipe.encode_prompt(prompt=prompt, device=pipe._execution_device, **options)[:2]
    kept: torch.Tensor = embeddings[0][mask[0].bool()]
    return kept


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides."""
    return halves(len(call["hidden_states"]), pipe.encode_prompt.guided)


def beside(call: Call, tokens: Tokens) -> Call:
    """Regions' prompts have no padding: their mask is 1."""
    mask = call["encoder_attention_mask"]
    return {"encoder_attention_mask": torch.cat([mask, mask.new_ones(len(mask), sum(tokens.texts))], 1)}


FAMILY = Family(CrossAttention, canvas, beside)


@contextmanager
def attached(pipe: Any) -> Iterator[Denoising]:
    """By a forward of our own on the transformer; and by listening whether the pipeline guides."""

    plain = pipe.encode_prompt

    def encode_prompt(*args: Any, **kwargs: Any) -> Any:
        given = bound(plain, args, kwargs)
        encode_prompt.guided = given.get("do_classifier_free_guidance", True)  # type: ignore[attr-defined]
        return plain(*args, **kwargs)

    with overlaid(pipe, "encode_prompt", encode_prompt), attached_to_transformer(pipe.transformer, FAMILY) as denoising:
        yield denoising
