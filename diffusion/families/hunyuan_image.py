"""HunyuanImage-2.1: joint attention, [image, text], a call for each side by the pipeline's guider.

A prompt is its glyphs (what stands in quotation marks, by ByT5) and its words, refined alone by the denoiser's own
refiner. Texts have no places, so that their order does not matter: each prompt's tokens lie together here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import torch

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily, TokenSpans
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.patching import patched
from muralist.diffusion.regional_attention import RegionalJointAttention

from .call_per_side import named_sides


class Text(NamedTuple):
    """A prompt, without padding."""

    words: torch.Tensor
    """(T, C), by Qwen2.5-VL."""
    glyphs: torch.Tensor
    """(G, C'), by ByT5; none for a prompt without quotation marks."""

    @property
    def tokens(self) -> int:
        """Of both."""
        return len(self.glyphs) + len(self.words)


def encoded(pipe: Any, prompts: list[str]) -> tuple[Text, ...]:
    """As the pipeline encodes its own, without what it masks."""
    found = []
    for prompt in prompts:
        words, mask, glyphs, glyph_mask = pipe.encode_prompt(prompt=prompt, device=pipe._execution_device)
        found.append(Text(words[0][mask[0].bool()], glyphs[0][glyph_mask[0].bool()]))
    return tuple(found)


sides = named_sides


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """A token per patch."""
    sizes = zip(call["hidden_states"].shape[-2:], transformer.config.patch_size[-2:], strict=True)
    height, width = (side // patch for side, patch in sizes)
    return (height, width), height * width


def append_prompts(call: Call, texts: Sequence[Text]) -> tuple[Call, list[int]]:
    """All that `refined_alone` makes a sequence of, in place of the base prompt's words; and that sequence's mask."""
    glyphs = call.get("encoder_hidden_states_2")
    own = [call["encoder_attention_mask_2"]] * (glyphs is not None) + [call["encoder_attention_mask"]]
    mask = torch.cat([each.bool() for each in own], 1)
    lengths = [mask.shape[1], *(text.tokens for text in texts)]
    return {
        "encoder_hidden_states": (call["encoder_hidden_states"], call["encoder_attention_mask"].bool(), glyphs, texts),
        "encoder_attention_mask": torch.cat([mask, mask.new_ones(len(mask), sum(lengths[1:]))], 1),
        "encoder_hidden_states_2": None,
        "encoder_attention_mask_2": None,
    }, lengths


def refined_alone(transformer: Any, tokens: TokenSpans) -> AbstractContextManager[None]:
    """No prompt is refined with another; the base prompt's glyphs and words come first, then each region's."""
    refine, project = transformer.context_embedder.forward, transformer.context_embedder_2

    def forward(given: Any, timestep: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        words, mask, glyphs, texts = given
        parts = [*([] if glyphs is None else [project(glyphs)]), refine(words, timestep, mask)]
        for text in texts:
            if glyphs is not None:
                parts.append(project(text.glyphs[None].to(glyphs)))
            there = mask.new_ones(1, len(text.words))
            parts.append(refine(text.words[None].to(words), timestep[:1], there))
        return torch.cat([part.expand(len(words), -1, -1) for part in parts], 1)

    return patched(transformer.context_embedder, "forward", forward)


FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=True), canvas, context=refined_alone, append_prompts=append_prompts
)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
