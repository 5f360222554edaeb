"""Z-Image: joint attention, [image, text], both sides in one batch of lists, [positive, negative].

Each region's prompt is refined alone, and placed, by rotary embeddings, before the image as it would be as the only
prompt. Image and texts are padded by tokens that are learned, and attended like others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch.nn.functional import pad

from muralist.diffusion.batch_grouping import Call, ConditioningState
from muralist.diffusion.dit import DiTFamily, TokenSpans
from muralist.diffusion.dit import attached as attached_to_transformer
from muralist.diffusion.patching import patched
from muralist.diffusion.region_schedule import Side
from muralist.diffusion.regional_attention import RegionalJointAttention
from muralist.tools.errors import BadSettings

from .cfg_batch import cfg_sides

MULTIPLE = 32
"""What the lengths of image and texts are padded to."""


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By Qwen3."""
    return tuple(pipe.encode_prompt(prompt, pipe._execution_device, False)[0][0] for prompt in prompts)


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides; it may stop doing so on the way, at `cfg_truncation`.

    Raises BadSettings for Omni, whose rows are lists of pictures.
    """
    if isinstance(call["x"][0], list):
        raise BadSettings(
            f"regional attention does not know the sequences of {type(pipe).__name__}: use ZImagePipeline"
        )
    stop = pipe._cfg_truncation
    guided = pipe.do_classifier_free_guidance and (stop is None or stop >= 1 or float(call["t"][0]) <= stop)
    return cfg_sides(len(call["x"]), guided)[::-1]


def padded(length: int) -> int:
    """Tokens, with those that pad them."""
    return -(-length // MULTIPLE) * MULTIPLE


def canvas(transformer: Any, call: Call) -> tuple[tuple[int, int], int]:
    """Of latents (C, 1, h, w), a token per patch."""
    patch = call.get("patch_size", 2)
    height, width = (side // patch for side in call["x"][0].shape[-2:])
    return (height, width), padded(height * width)


def append_prompts(call: Call, appended: Sequence[torch.Tensor]) -> tuple[Call, list[int]]:
    """Regions' prompts after those of the rows, which are all of one length."""
    captions = call["cap_feats"]
    lengths = [padded(len(text)) for text in (captions[0], *appended)]
    return {"cap_feats": [*captions, *(text.to(captions[0]) for text in appended)]}, lengths


def token_arguments(call: Call, tokens: TokenSpans) -> Call:
    """A ControlNet adds nothing to regions' prompts."""
    samples = call.get("controlnet_block_samples")
    if samples is None:
        return {}
    own, more = tokens.image + tokens.base, sum(tokens.texts)
    return {"controlnet_block_samples": {n: pad(each[:, :own], (0, 0, 0, more)) for n, each in samples.items()}}


@contextmanager
def refined_alone(transformer: Any, tokens: TokenSpans) -> Iterator[None]:
    """Regions' prompts go through the context refiner as rows of their own, and join every row's sequence after it."""
    patchify, unify = transformer.patchify_and_embed, transformer._build_unified_sequence
    end = max(tokens.base, *tokens.texts)  # all end where the image begins

    def patchified(images: list[torch.Tensor], captions: list[torch.Tensor], *sizes: int) -> tuple[Any, ...]:
        rows = len(images)
        pictures = [*images, *images[:1] * len(tokens.texts)]
        image, text, shape, image_places, text_places, image_pads, text_pads = patchify(pictures, captions, *sizes)
        for places, length in zip(text_places, [tokens.base] * rows + [*tokens.texts], strict=True):
            places[:, 0] += end - length
        for places in image_places:
            places[:, 0] += end - tokens.base
        return image[:rows], text, shape[:rows], image_places[:rows], text_places, image_pads[:rows], text_pads

    def unified(*given: Any) -> Any:
        image, freqs, lengths, noise, captions, text_freqs, _, *rest = given
        rows = len(lengths)
        appended = [(number, slice(length)) for number, length in enumerate(tokens.texts, rows)]

        def joined(every: torch.Tensor) -> torch.Tensor:  # (B + K, T, C) -> (B, all texts, C)
            own = torch.cat([every[one] for one in appended]).expand(rows, -1, -1)
            return torch.cat([every[:rows, : tokens.base], own], 1)

        text = (joined(captions), joined(text_freqs), [tokens.text] * rows)
        return unify(image, freqs, lengths, noise, *text, *rest)

    with (
        patched(transformer, "patchify_and_embed", patchified),
        patched(transformer, "_build_unified_sequence", unified),
    ):
        yield


FAMILY = DiTFamily(
    partial(RegionalJointAttention, image_first=True),
    canvas,
    token_arguments,
    context=refined_alone,
    append_prompts=append_prompts,
    registers=True,
)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
