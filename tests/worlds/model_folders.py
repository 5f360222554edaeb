"""Folders and files of known models as they are published: real configurations, headers of weights of the real size.

The weights themselves are holes in sparse files: what reads headers sees 40 GB, the disk holds kilobytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BYTES = {"F32": 4, "F16": 2, "BF16": 2}
LAYERS = 40
WIDTH = 4096
CLIP, CLIP_G, T5 = 0.123, 0.695, 4.76
"""Billions of parameters."""


@dataclass(frozen=True)
class Model:
    """What is published of a model; parts by name, with billions of parameters."""

    pipeline: str
    scheduler: dict[str, Any]
    denoiser: dict[str, Any]
    parts: dict[str, float]
    vae: dict[str, Any] = field(default_factory=lambda: {"block_out_channels": [128, 256, 512, 512]})
    index: dict[str, Any] = field(default_factory=dict)
    called: str = "model"


def _noise(kind: str, **config: Any) -> dict[str, Any]:
    return {"_class_name": kind, "prediction_type": "epsilon", **config}


FLOW = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
SD_PARTS = {"unet": 0.86, "text_encoder": CLIP, "vae": 0.084}
XL_PARTS = {"unet": 2.57, "text_encoder": CLIP, "text_encoder_2": CLIP_G, "vae": 0.084}
SD3_TEXT = {"text_encoder": CLIP, "text_encoder_2": CLIP_G, "text_encoder_3": T5, "vae": 0.084}
FLUX_PARTS = {"transformer": 11.9, "text_encoder": CLIP, "text_encoder_2": T5, "vae": 0.084}
XL_UNET = {"sample_size": 128, "block_out_channels": [320, 640, 1280], "cross_attention_dim": 2048}
SD_UNET = {"sample_size": 64, "block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768}
FLUX = {"num_attention_heads": 24, "attention_head_dim": 128}
LEADING = _noise("EulerDiscreteScheduler", timestep_spacing="leading")
TRAILING = _noise("EulerDiscreteScheduler", timestep_spacing="trailing")
ANCESTRAL = _noise("EulerAncestralDiscreteScheduler", timestep_spacing="trailing")
SD, XL = "StableDiffusionPipeline", "StableDiffusionXLPipeline"
SD35 = {"sample_size": 128, "qk_norm": "rms_norm", "num_attention_heads": 38, "attention_head_dim": 64}

MODELS: dict[str, Model] = {
    "SD 1.x": Model(SD, _noise("PNDMScheduler"), SD_UNET, SD_PARTS),
    "SD 2.x": Model(
        SD, _noise("DDIMScheduler"), SD_UNET | {"sample_size": 96, "cross_attention_dim": 1024}, SD_PARTS
    ),
    "SD Turbo": Model(SD, ANCESTRAL, SD_UNET | {"cross_attention_dim": 1024}, SD_PARTS),
    "SD LCM (guidance embedded)": Model(
        "LatentConsistencyModelPipeline", _noise("LCMScheduler"), SD_UNET | {"time_cond_proj_dim": 256}, SD_PARTS
    ),
    "SDXL": Model(XL, LEADING, XL_UNET, XL_PARTS),
    "SDXL Turbo": Model(XL, ANCESTRAL, XL_UNET | {"sample_size": 64}, XL_PARTS),
    "SDXL Lightning": Model(XL, TRAILING, XL_UNET, XL_PARTS),
    "SDXL LCM": Model(XL, _noise("LCMScheduler"), XL_UNET, XL_PARTS),
    "SDXL TCD": Model(XL, _noise("TCDScheduler"), XL_UNET, XL_PARTS),
    "SD3": Model("StableDiffusion3Pipeline", FLOW, {"sample_size": 128}, {"transformer": 2.03, **SD3_TEXT}),
    "SD3.5 Medium": Model(
        "StableDiffusion3Pipeline", FLOW, SD35 | {"dual_attention_layers": [0, 1]}, {"transformer": 2.24, **SD3_TEXT}
    ),
    "SD3.5 Large": Model("StableDiffusion3Pipeline", FLOW, SD35, {"transformer": 8.06, **SD3_TEXT}),
    "SD3.5 Turbo": Model(
        "StableDiffusion3Pipeline", FLOW, SD35, {"transformer": 8.06, **SD3_TEXT},
        called="stable-diffusion-3.5-large-turbo",
    ),
    "FLUX.1 dev": Model("FluxPipeline", FLOW, FLUX | {"guidance_embeds": True}, FLUX_PARTS),
    "FLUX.1 schnell": Model("FluxPipeline", FLOW, FLUX | {"guidance_embeds": False}, FLUX_PARTS),
    "FLUX.2 dev": Model(
        "Flux2Pipeline", FLOW, {"num_attention_heads": 48, "attention_head_dim": 128},
        {"transformer": 32.2, "text_encoder": 24.0, "vae": 0.084},
    ),
    "FLUX.2 Klein": Model(
        "Flux2KleinPipeline", FLOW, FLUX, {"transformer": 3.9, "text_encoder": 4.0, "vae": 0.084},
        index={"is_distilled": True},
    ),
    "FLUX.2 Klein base": Model(
        "Flux2KleinPipeline", FLOW, FLUX, {"transformer": 3.9, "text_encoder": 4.0, "vae": 0.084},
        index={"is_distilled": False},
    ),
    "PixArt-Sigma": Model(
        "PixArtSigmaPipeline", _noise("DPMSolverMultistepScheduler"),
        {"sample_size": 128, "num_attention_heads": 16, "attention_head_dim": 72},
        {"transformer": 0.61, "text_encoder": T5, "vae": 0.084},
    ),
    "Sana": Model(
        "SanaPipeline", _noise("DPMSolverMultistepScheduler", prediction_type="flow_prediction", use_flow_sigmas=True),
        {"sample_size": 32, "num_attention_heads": 70, "attention_head_dim": 32},
        {"transformer": 1.6, "text_encoder": 2.6, "vae": 0.31},
        vae={"encoder_block_out_channels": [128, 256, 512, 512, 1024, 1024]},
    ),
    "Qwen-Image": Model(
        "QwenImagePipeline", FLOW, FLUX, {"transformer": 20.4, "text_encoder": 8.29, "vae": 0.127},
    ),
    "Z-Image": Model(
        "ZImagePipeline", FLOW, {"num_attention_heads": 30, "attention_head_dim": 128},
        {"transformer": 6.15, "text_encoder": 4.0, "vae": 0.084},
    ),
    "Z-Image Turbo": Model(
        "ZImagePipeline", FLOW, {"num_attention_heads": 30, "attention_head_dim": 128},
        {"transformer": 6.15, "text_encoder": 4.0, "vae": 0.084}, called="Z-Image-Turbo",
    ),
    "Qwen-Image-2.1": Model(
        "QwenImage21Pipeline", FLOW, {"num_attention_heads": 32, "attention_head_dim": 128},
        {"transformer": 5.4, "text_encoder": 8.8, "vae": 0.3}, vae={"dim_mult": [1, 2, 4, 8, 8]},
    ),
    "HunyuanImage": Model(
        "HunyuanImagePipeline", FLOW, {"num_attention_heads": 28, "attention_head_dim": 128},
        {"transformer": 17.4, "text_encoder": 8.29, "text_encoder_2": 0.22, "vae": 0.4},
    ),
    "HunyuanImage distilled": Model(
        "HunyuanImagePipeline", FLOW, {"num_attention_heads": 28, "attention_head_dim": 128, "guidance_embeds": True},
        {"transformer": 17.4, "text_encoder": 8.29, "text_encoder_2": 0.22, "vae": 0.4},
    ),
    "Ovis-Image": Model("OvisImagePipeline", FLOW, FLUX, {"transformer": 7.4, "text_encoder": 1.7, "vae": 0.084}),
    "LongCat-Image": Model(
        "LongCatImagePipeline", FLOW, FLUX, {"transformer": 6.3, "text_encoder": 8.29, "vae": 0.084}
    ),
    "Krea 2": Model(
        "Krea2Pipeline", FLOW, {"num_attention_heads": 48, "attention_head_dim": 128},
        {"transformer": 12.9, "text_encoder": 4.4, "vae": 0.127}, index={"is_distilled": False},
    ),
    "Krea 2 Turbo": Model(
        "Krea2Pipeline", FLOW, {"num_attention_heads": 48, "attention_head_dim": 128},
        {"transformer": 12.9, "text_encoder": 4.4, "vae": 0.127}, index={"is_distilled": True},
    ),
    "Chroma": Model("ChromaPipeline", FLOW, FLUX, {"transformer": 8.9, "text_encoder": T5, "vae": 0.084}),
}  # fmt: skip
"""By the kind that their files make them."""


def sparse(file: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str = "F16") -> Path:
    """A file of safetensors with a true header, and a hole for every tensor."""
    named, end = {}, 0
    for name, shape in shapes.items():
        size = BYTES[dtype]
        for side in shape:
            size *= side
        named[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(named).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + end)
    return file


def layers(billions: float) -> dict[str, tuple[int, ...]]:
    """So many parameters in forty layers that are alike."""
    rows = max(1, round(billions * 1e9 / LAYERS / WIDTH))
    return {f"blocks.{number}.weight": (rows, WIDTH) for number in range(LAYERS)}


def published(kind: str, folder: Path, dtype: str = "BF16") -> Path:
    """The folder of a known model, in diffusers format."""
    model = MODELS[kind]
    place = folder / model.called
    index: dict[str, Any] = {"_class_name": model.pipeline, "scheduler": ["diffusers", model.scheduler["_class_name"]]}
    for name, billions in model.parts.items():
        text = name.startswith("text_encoder")
        index[name] = ["transformers", "TextModel"] if text else ["diffusers", "Model"]
        base = "model" if text else "diffusion_pytorch_model"
        sparse(place / name / f"{base}.safetensors", layers(billions), dtype)
    configs = {"scheduler/scheduler_config.json": model.scheduler, "vae/config.json": model.vae}
    denoiser = "unet" if "unet" in model.parts else "transformer"
    for name, config in (
        configs | {f"{denoiser}/config.json": model.denoiser, "model_index.json": index | model.index}
    ).items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(json.dumps(config))
    return place


def checkpoint(file: Path, large: bool = False, text_width: int = 768) -> Path:
    """A whole checkpoint of Stable Diffusion in one file, as the interfaces for it have them."""
    text = "conditioner.embedders.1.model.weight" if large else "cond_stage_model.transformer.weight"
    key = "model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"
    unet = {f"model.diffusion_model.{name}": shape for name, shape in layers(2.57 if large else 0.86).items()}
    shapes = {**unet, key: (320, text_width), text: (1024, 1024), "first_stage_model.weight": (1024, 1024)}
    return sparse(file, shapes)
