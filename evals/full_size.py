"""The model families at full size, by their published configurations: without weights, to be counted and timed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel
from diffusers.models.attention import AttentionMixin, BasicTransformerBlock
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from muralist.diffusion import dit, unet_attention
from muralist.diffusion.dense_reference import DenseProcessor, dense_family
from muralist.diffusion.families import flux, stable_diffusion_3
from muralist.diffusion.region_schedule import RegionPrompts, RegionSchedule, RowConditioning, Side, conditioning_at

from .speed import GRIDS, grid

CLIP, T5 = 77, 128
"""Tokens of a region's prompt, as the shipped defaults have it; CLIP pads to its window."""

Attached = Callable[[Any], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Part:
    """What of a denoiser is timed, at full width: it is called as the denoiser is."""

    name: str
    times: int
    """How many of them there are in the whole."""
    denoiser: Callable[[], Any]
    arguments: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class FullSize:
    """One family painting one picture: what a step calls, with which texts."""

    name: str
    steps: int
    sides: tuple[Side, ...]
    """Of each row of a call."""
    denoiser: Callable[[], Any]
    """Made on the default device; so are the arguments."""
    arguments: Callable[[], dict[str, Any]]
    """Of a call for a batch with a row for each side."""
    region: tuple[int, int]
    """Tokens and channels of a region's prompt."""
    encoders: tuple[tuple[Callable[[], Any], int, int], ...]
    """The text encoders, with the tokens of a pipeline's prompt and of a region's."""
    parts: tuple[Part, ...]
    regional: Attached
    dense: Attached

    def alike(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with the pipeline's prompt padded as regions' are: what `regional` calls with."""
        tokens = self.region[0]
        ids = {"txt_ids": arguments["txt_ids"][:tokens]} if "txt_ids" in arguments else {}
        return arguments | {"encoder_hidden_states": arguments["encoder_hidden_states"][:, :tokens]} | ids

    def rows(self, regions: int, embedding: torch.Tensor) -> list[RowConditioning]:
        """What each row of a call follows: on the positive side a grid of so many regions, each told the same."""
        texts = RegionPrompts(grid(*GRIDS[regions]), (embedding,) * regions, RegionSchedule()) if regions else None
        return [conditioning_at(texts) if side == "positive" else None for side in self.sides]


class UNetBlock(AttentionMixin, torch.nn.Module):  # type: ignore[misc]
    """A transformer block of a UNet: self-attention, cross-attention, feed-forward."""

    def __init__(self, channels: int, heads: int, text: int) -> None:
        super().__init__()
        self.block = BasicTransformerBlock(channels, heads, channels // heads, cross_attention_dim=text)

    def forward(self, sample: torch.Tensor, encoder_hidden_states: torch.Tensor) -> torch.Tensor:
        """(B, channels, h, w), (B, T, text) -> (B, h * w, channels)."""
        out: torch.Tensor = self.block(sample.flatten(2).transpose(1, 2), encoder_hidden_states=encoder_hidden_states)
        return out


def _block(size: int, channels: int, heads: int, text: int, times: int) -> Part:
    """A UNet's block on size x size cells, guided."""

    def arguments() -> dict[str, Any]:
        return {"sample": torch.rand(2, channels, size, size), "encoder_hidden_states": torch.rand(2, CLIP, text)}

    return Part(f"{channels} channels on {size}x{size}", times, partial(UNetBlock, channels, heads, text), arguments)


def _unet(channels: int, *, size: int, **added: Callable[[], torch.Tensor]) -> dict[str, Any]:
    """Arguments of a UNet with guidance: latents of size x size cells, a text of so many channels."""
    conditions = {"added_cond_kwargs": {name: tensor() for name, tensor in added.items()}} if added else {}
    return {
        "sample": torch.rand(2, 4, size, size), "timestep": torch.ones(2),
        "encoder_hidden_states": torch.rand(2, CLIP, channels), **conditions,
    }  # fmt: skip


def _flux(size: int) -> dict[str, Any]:
    """Arguments for a canvas of size x size tokens."""
    with torch.device("cpu"):  # read by code
        places = torch.cartesian_prod(torch.arange(1), torch.arange(size), torch.arange(size)).float()
        ids = {"img_ids": places, "txt_ids": torch.zeros(512, 3)}
    return {
        "hidden_states": torch.rand(1, size * size, 64), "timestep": torch.ones(1), "guidance": torch.ones(1),
        "pooled_projections": torch.rand(1, 768), "encoder_hidden_states": torch.rand(1, 512, 4096), **ids,
    }  # fmt: skip


def _sd3(size: int) -> dict[str, Any]:
    """Arguments with guidance, for latents of size x size cells."""
    return {
        "hidden_states": torch.rand(2, 16, size, size), "timestep": torch.ones(2),
        "pooled_projections": torch.rand(2, 2048), "encoder_hidden_states": torch.rand(2, CLIP + 256, 4096),
    }  # fmt: skip


def _joint(family: dit.DiTFamily) -> tuple[Attached, Attached]:
    """Led by regions, and by the dense reference."""
    return partial(dit.attached, family=family), partial(dit.attached, family=dense_family(family))


def _clip_l() -> Any:
    return CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12))


def _clip_g() -> Any:
    return CLIPTextModel(
        CLIPTextConfig(hidden_size=1280, intermediate_size=5120, num_attention_heads=20, num_hidden_layers=32)
    )


def _t5() -> Any:
    return T5EncoderModel(
        T5Config(d_model=4096, d_ff=10240, d_kv=64, num_heads=64, num_layers=24, feed_forward_proj="gated-gelu")
    )


GUIDED: tuple[Side, ...] = ("negative", "positive")
_UNETS: tuple[Attached, Attached] = (
    unet_attention.attached, partial(unet_attention.attached, processor=DenseProcessor),
)  # fmt: skip
_SD3 = partial(
    SD3Transformer2DModel, sample_size=128, num_attention_heads=24, caption_projection_dim=1536, pos_embed_max_size=192
)
_FLUX = partial(FluxTransformer2DModel, guidance_embeds=True, num_layers=1, num_single_layers=1)

FULL_SIZES = (
    FullSize(
        "SD 1.5, 512x512", 28, GUIDED,
        partial(UNet2DConditionModel, cross_attention_dim=768, attention_head_dim=8, sample_size=64),
        partial(_unet, 768, size=64), (CLIP, 768), ((_clip_l, CLIP, CLIP),),
        (
            _block(64, 320, 8, 768, 5), _block(32, 640, 8, 768, 5), _block(16, 1280, 8, 768, 5),
            _block(8, 1280, 8, 768, 1),
        ),
        *_UNETS,
    ),
    FullSize(
        "SDXL, 1024x1024", 28, GUIDED,
        partial(
            UNet2DConditionModel, sample_size=128, block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10), attention_head_dim=(5, 10, 20), cross_attention_dim=2048,
            use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        ),
        partial(
            _unet, 2048, size=128, text_embeds=partial(torch.rand, 2, 1280), time_ids=partial(torch.ones, 2, 6)
        ),
        (CLIP, 2048), ((_clip_l, CLIP, CLIP), (_clip_g, CLIP, CLIP)),
        (_block(64, 640, 10, 2048, 10), _block(32, 1280, 20, 2048, 60)), *_UNETS,
    ),
    FullSize(
        "SD3 medium, 1024x1024", 28, GUIDED, partial(_SD3, num_layers=24), partial(_sd3, 128), (CLIP + T5, 4096),
        ((_clip_l, CLIP, CLIP), (_clip_g, CLIP, CLIP), (_t5, 256, T5)),
        (Part("a block, then the last", 12, partial(_SD3, num_layers=2), partial(_sd3, 128)),),
        *_joint(stable_diffusion_3.FAMILY),
    ),
    FullSize(
        "FLUX.1, 1024x1024", 28, ("positive",), partial(FluxTransformer2DModel, guidance_embeds=True),
        partial(_flux, 64), (T5, 4096), ((_clip_l, CLIP, CLIP), (_t5, 512, T5)),
        (Part("a double and a single block", 19, _FLUX, partial(_flux, 64)),),
        *_joint(flux.FAMILY),
    ),
)  # fmt: skip
