"""What is put onto the tiny pipelines: ControlNets and IP-Adapters with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    ControlNetModel,
    FluxControlNetModel,
    FluxControlNetPipeline,
    QwenImageControlNetModel,
    QwenImageControlNetPipeline,
    SanaControlNetModel,
    SanaControlNetPipeline,
    SD3ControlNetModel,
    StableDiffusion3ControlNetPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionXLControlNetPipeline,
    ZImageControlNetModel,
    ZImageControlNetPipeline,
)
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection

HEADS: dict[str, Any] = {"attention_head_dim": 16, "num_attention_heads": 2}
PICTURE = 16
"""Width of what an IP-Adapter is told of a picture."""

CONTROLNETS: dict[str, tuple[Any, Any]] = {
    "SD": (StableDiffusionControlNetPipeline, lambda net: ControlNetModel.from_unet(net, conditioning_channels=3)),
    "SDXL": (StableDiffusionXLControlNetPipeline, lambda net: ControlNetModel.from_unet(net, conditioning_channels=3)),
    "SD3": (
        StableDiffusion3ControlNetPipeline,
        lambda net: SD3ControlNetModel.from_transformer(net, 1, num_extra_conditioning_channels=0),
    ),
    "FLUX.1": (
        FluxControlNetPipeline,
        lambda net: FluxControlNetModel.from_transformer(net, num_layers=1, num_single_layers=1, **HEADS),
    ),
    "Sana": (
        SanaControlNetPipeline,
        lambda net: SanaControlNetModel(
            in_channels=4, num_layers=1, num_cross_attention_heads=2, cross_attention_head_dim=16,
            cross_attention_dim=32, caption_channels=net.config.caption_channels, sample_size=16, **HEADS,
        ),
    ),
    "Qwen-Image": (
        QwenImageControlNetPipeline,
        lambda net: QwenImageControlNetModel.from_transformer(net, num_layers=1, **HEADS),
    ),
    "Z-Image": (
        ZImageControlNetPipeline,
        lambda net: ZImageControlNetModel([0], [0], 4, "control_layers", dim=32, n_refiner_layers=1, n_heads=2),
    ),
}  # fmt: skip
"""By family: the pipeline, and the ControlNet for a denoiser."""


def with_controlnet(family: str, pipe: Any) -> Any:
    """A ControlNet pipeline over the same components."""
    kind, made = CONTROLNETS[family]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = made(getattr(pipe, "unet", None) or pipe.transformer)
        for name, parameter in net.named_parameters():  # what adds to the denoiser begins at 0
            if "controlnet_" in name or "before_proj" in name or "after_proj" in name:
                torch.nn.init.normal_(parameter, std=0.05)
    safety = {"requires_safety_checker": False} if family == "SD" else {}
    controlled = kind(**pipe.components, controlnet=net.eval(), **safety)
    controlled.set_progress_bar_config(disable=True)
    return controlled


def save_lora(pipe: Any, file: Path) -> None:
    """A LoRA of random weights on the denoiser's attention, which the pipeline keeps."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    name = "unet" if hasattr(pipe, "unet") else "transformer"
    network = getattr(pipe, name)
    network.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_k"], init_lora_weights=False))
    layers = {f"{name}_lora_layers": get_peft_model_state_dict(network)}
    type(pipe).save_lora_weights(file.parent, **layers, weight_name=file.name)


def with_ip_adapter(family: str, pipe: Any) -> dict[str, Any]:
    """Load an IP-Adapter into the pipeline; the options that give it a picture."""
    random = torch.Generator().manual_seed(0)
    network = getattr(pipe, "unet", None) or pipe.transformer
    load = _joint if family == "SD3" else _decoupled
    with torch.random.fork_rng():
        torch.manual_seed(0)
        load(network, network.config, random)
    pipe.set_ip_adapter_scale(0.6)
    shown = torch.randn(1 if family == "FLUX.1" else 2, 1, PICTURE, generator=random)
    if family == "FLUX.1":
        return {"ip_adapter_image_embeds": [shown], "negative_ip_adapter_image_embeds": [torch.zeros(1, 1, PICTURE)]}
    return {"ip_adapter_image_embeds": shown if family == "SD3" else [shown]}


def _decoupled(network: Any, config: Any, random: torch.Generator) -> None:
    """A cross-attention more in every block, as IP-Adapter had it first."""
    flux = hasattr(config, "joint_attention_dim")
    text, modules = config.joint_attention_dim if flux else config.cross_attention_dim, dict(network.named_modules())
    layers = [name for name in network.attn_processors if "attn1" not in name and "single" not in name]
    weights = {}
    for number, name in enumerate(layers):
        width = modules[name.removesuffix(".processor")].inner_dim
        for part in ("k", "v"):
            key = f"{number if flux else 2 * number + 1}.to_{part}_ip"
            weights[f"{key}.weight"] = torch.randn(width, text, generator=random) / 4
            if flux:
                weights[f"{key}.bias"] = torch.zeros(width)
    projection = {
        "proj.weight": torch.randn(4 * text, PICTURE, generator=random), "proj.bias": torch.zeros(4 * text),
        "norm.weight": torch.ones(text), "norm.bias": torch.zeros(text),
    }  # fmt: skip
    network._load_ip_adapter_weights([{"image_proj": projection, "ip_adapter": weights}])


def _joint(network: Any, config: Any, random: torch.Generator) -> None:
    """The picture's tokens beside the image's, as in SD3."""
    width, hidden = config.attention_head_dim * config.num_attention_heads, 64
    weights = {
        f"{number}.{name}": weight
        for number in range(len(network.attn_processors))
        for name, weight in SD3IPAdapterJointAttnProcessor2_0(
            width, width, config.attention_head_dim, hidden
        ).state_dict().items()
    }  # fmt: skip
    shapes = {"embed_dim": PICTURE, "output_dim": width, "hidden_dim": hidden, "heads": 1, "num_queries": 4}
    projection = IPAdapterTimeImageProjection(**shapes, timestep_in_dim=8).state_dict()
    network._load_ip_adapter_weights({"image_proj": projection, "ip_adapter": weights})
