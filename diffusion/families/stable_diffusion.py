"""Stable Diffusion 1.x and 2.x: cross-attention in a UNet, both sides in one batch, [negative, positive]."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch

from muralist.diffusion.long_prompts import chunks
from muralist.diffusion.region_schedule import Side
from muralist.diffusion.unet_attention import ConditioningState
from muralist.diffusion.unet_attention import attached as attached_to_unet
from muralist.tools.errors import BadSettings

from .cfg_batch import cfg_sides

CONDITIONS = (None, "ip_image_proj")
"""What the UNet may take besides text: nothing, or IP-Adapter's pictures."""


def encoded(pipe: Any, prompts: list[str]) -> tuple[torch.Tensor, ...]:
    """By CLIP; a long prompt in several chunks, one after the other."""
    return tuple(torch.cat([_encoded(pipe, chunk) for chunk in chunks(pipe.tokenizer, prompt)]) for prompt in prompts)


def _encoded(pipe: Any, prompt: str) -> torch.Tensor:
    embeddings: torch.Tensor = pipe.encode_prompt(
        prompt=prompt, device=pipe._execution_device, num_images_per_prompt=1, do_classifier_free_guidance=False
    )[0]
    return embeddings[0]


def sides(pipe: Any, call: dict[str, Any]) -> tuple[Side, ...]:
    """Halves, if the pipeline guides; GLIGEN's says so to its text encoder alone."""
    told = hasattr(pipe, "do_classifier_free_guidance")
    return cfg_sides(len(call["sample"]), pipe.do_classifier_free_guidance if told else pipe.encode_prompt.guided)


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By processors on the UNet's cross-attention; BadSettings if it is another's UNet."""
    name = type(pipe).__name__
    if hasattr(pipe, "do_perturbed_attention_guidance") or hasattr(type(pipe), "image_guidance_scale"):
        raise BadSettings(f"regional attention does not know the guidance of {name}: use the stock pipeline")
    if (kind := pipe.unet.config.encoder_hid_dim_type) not in CONDITIONS:
        raise BadSettings(f"regional attention does not know the condition '{kind}' of {name}: use the stock UNet")
    return attached_to_unet(pipe.unet)
