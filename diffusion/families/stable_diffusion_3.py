"""Stable Diffusion 3 and 3.5: joint attention, [image, text], both sides in one batch, [negative, positive].

The pooled embedding conditions the whole canvas: it stays the base prompt's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch

from muralist.diffusion.appended import Family
from muralist.diffusion.appended import attached as attached_to_transformer
from muralist.diffusion.by_rows import Call, Denoising
from muralist.diffusion.control import Side
from muralist.diffusion.long_prompts import length_for
from muralist.diffusion.routes import JointAttention

from .halves import halves
from .patches import canvas


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By CLIP, which cuts what is beyond its window, and T5, which reads on."""
    return tuple(_encoded(pipe, prompt) for prompt in prompts)


def _encoded(pipe: Any, prompt: str) -> torch.Tensor:
    length = length_for(pipe.tokenizer_3 or pipe.tokenizer, prompt)
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompt, prompt_2=None, prompt_3=None, device=pipe._execution_device, do_classifier_free_guidance=False,
        max_sequence_length=length,
    )[0]  # fmt: skip
    return embeddings[0]


def sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """Halves, if the pipeline guides; the extra call of skip-layer guidance has the positive half alone."""
    alone = call.get("skip_layers") is not None
    return halves(len(call["hidden_states"]), pipe.do_classifier_free_guidance and not alone)


FAMILY = Family(partial(JointAttention, image_first=True), canvas)


def attached(pipe: Any) -> AbstractContextManager[Denoising]:
    """By a forward of our own on the transformer."""
    return attached_to_transformer(pipe.transformer, FAMILY)
