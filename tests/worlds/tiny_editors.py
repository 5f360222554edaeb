"""Models made for editing, with random weights, small enough for a test; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import (
    FluxFillPipeline,
    FluxKontextPipeline,
    FluxTransformer2DModel,
    QwenImageEditInpaintPipeline,
    QwenImageEditPipeline,
    QwenImageEditPlusPipeline,
)
from diffusers.pipelines.qwenimage import (
    pipeline_qwenimage_edit,
    pipeline_qwenimage_edit_inpaint,
    pipeline_qwenimage_edit_plus,
)
from tiny_pipelines import byte_tokenizer, tiny
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

MARKS = ("image_pad", "video_pad", "vision_start", "vision_end")
"""Tokens that stand for a picture in a prompt, and around it."""


def kontext() -> FluxKontextPipeline:
    """An editor without a mask: it paints a picture of its own size."""
    return FluxKontextPipeline(**tiny("FLUX.1").components)


def fill() -> FluxFillPipeline:
    """An editor with a mask, whose denoiser takes picture and mask beside the latents."""
    components = dict(tiny("FLUX.1").components)
    config = components["transformer"].config
    kept = ("num_attention_heads", "attention_head_dim", "joint_attention_dim", "pooled_projection_dim")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        components["transformer"] = FluxTransformer2DModel(
            in_channels=16 + 16 + 4 * 64, out_channels=16, num_layers=1, num_single_layers=1, guidance_embeds=True,
            axes_dims_rope=config.axes_dims_rope, **{name: config[name] for name in kept},
        )  # fmt: skip
    adapters = ("image_encoder", "feature_extractor")
    return FluxFillPipeline(**{name: part for name, part in components.items() if name not in adapters})


class Pictures(Qwen2VLProcessor):
    """Of prompts with pictures alone: the part for videos needs torchvision."""

    def check_argument_for_proper_class(self, name: str, argument: Any) -> type:
        return type(argument)


def qwen_image_edit(kind: Any) -> Any:
    """An editor whose text encoder sees the picture, and whose denoiser has it beside the latents."""
    components = dict(tiny("Qwen-Image").components)
    tokenizer = byte_tokenizer(2048)
    tokenizer.add_special_tokens({"additional_special_tokens": [f"<|{mark}|>" for mark in MARKS]})
    config = components["text_encoder"].config
    marks = {f"{mark.removesuffix('_pad')}_token_id": tokenizer.convert_tokens_to_ids(f"<|{mark}|>") for mark in MARKS}
    config = Qwen2_5_VLConfig(
        text_config=config.text_config.to_dict() | {"vocab_size": len(tokenizer)},
        vision_config=config.vision_config.to_dict(),
        **marks,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        components["text_encoder"] = Qwen2_5_VLForConditionalGeneration(config).eval()
    processor = Pictures(Qwen2VLImageProcessorPil(min_pixels=28 * 28), tokenizer)
    return kind(**components | {"tokenizer": tokenizer, "processor": processor})


def a_megapixel_is_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Qwen-Image-Edit look at a 64x64 picture where it takes one of 1024x1024, whatever it is given."""
    for module in (pipeline_qwenimage_edit, pipeline_qwenimage_edit_plus, pipeline_qwenimage_edit_inpaint):
        plain = module.calculate_dimensions
        monkeypatch.setattr(module, "calculate_dimensions", lambda area, ratio, plain=plain: plain(area / 256, ratio))


EDITORS: dict[str, Callable[[], Any]] = {
    "FLUX.1 Kontext": kontext,
    "FLUX.1 Fill": fill,
    "Qwen-Image-Edit": lambda: qwen_image_edit(QwenImageEditPipeline),
    "Qwen-Image-Edit Plus": lambda: qwen_image_edit(QwenImageEditPlusPipeline),
    "Qwen-Image-Edit Inpaint": lambda: qwen_image_edit(QwenImageEditInpaintPipeline),
}
"""By name."""


def tiny_editor(name: str) -> Any:
    """The editor's pipeline; the same weights each time."""
    pipe = EDITORS[name]()
    pipe.set_progress_bar_config(disable=True)
    return pipe
