"""PixArt-Alpha and -Sigma: cross-attention in a transformer, both sides in one batch, [negative, positive]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By T5; without padding, which the base prompt masks."""
    return tuple(_encoded(pipe, prompt) for prompt in prompts)


def _encoded(pipe: Any, prompt: str) -> torch.Tensor:
    embeddings, mask = pipe.encode_prompt(
        prompt=prompt, device=pipe._execution_device, do_classifier_free_guidance=False
    )[:2]
    kept: torch.Tensor = embeddings[0][mask[0].bool()]
    return kept


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides."""
    return halves(len(call["hidden_states"]), pipe.encode_prompt.guided)


def tokens(transformer: Any, call: Call, texts: Sequence[torch.Tensor]) -> Tokens:
    """A token per patch."""
    patch = transformer.config.patch_size
    height, width = (side // patch for side in call["hidden_states"].shape[-2:])
    base = call["encoder_hidden_states"].shape[1]
    return Tokens((height, width), height * width, base, tuple(len(text) for text in texts))


def append(transformer: Any, call: Call, texts: Sequence[torch.Tensor]) -> Call:
    """Regions' prompts have no padding: their mask is 1."""
    base, mask = call["encoder_hidden_states"], call["encoder_attention_mask"]
    regions = torch.cat(list(texts)).to(base).expand(len(base), -1, -1)
    return call | {
        "encoder_hidden_states": torch.cat([base, regions], 1),
        "encoder_attention_mask": torch.cat([mask, mask.new_ones(regions.shape[:2])], 1),
    }


FAMILY = Family(CrossAttention, tokens, append)


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
