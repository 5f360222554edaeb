"""Stable Diffusion XL: the UNet as before, two text encoders side by side.

The pooled embedding and the size ids condition the whole canvas: they stay the base prompt's.
"""

from __future__ import annotations

from typing import Any

import torch

from muralist.diffusion.long_prompts import chunks

from .stable_diffusion import attached, sides

__all__ = ["attached", "encoded", "sides"]


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By both CLIPs, or the second alone as in the refiner; a long prompt in several chunks, one after the other."""
    tokenizer = pipe.tokenizer_2 if pipe.tokenizer is None else pipe.tokenizer
    return tuple(torch.cat([_encoded(pipe, chunk) for chunk in chunks(tokenizer, prompt)]) for prompt in prompts)


def _encoded(pipe: Any, prompt: str) -> torch.Tensor:
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompt, device=pipe._execution_device, num_images_per_prompt=1, do_classifier_free_guidance=False
    )[0]
    return embeddings[0]
