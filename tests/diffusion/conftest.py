"""A Stable Diffusion pipeline small enough for a test: built from configs with random weights, nothing downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

TOKENS = 24
TEXT = 32


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


def byte_tokenizer() -> CLIPTokenizer:
    """Byte-level BPE without merges: every letter is a token, ends of words have their own."""
    letters = [chr(code) for code in [*range(33, 127), *range(161, 173), *range(174, 256)]]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=TOKENS)


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=TEXT, intermediate_size=TEXT, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=TOKENS, projection_dim=TEXT,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return CLIPTextModel(config).eval()


def unet(**config: Any) -> UNet2DConditionModel:
    """Three resolutions, two of them with cross-attention. The prompts' influence is turned up to be well visible."""
    model = UNet2DConditionModel(**{
        "sample_size": 16, "in_channels": 4, "out_channels": 4, "block_out_channels": (16, 32, 32),
        "layers_per_block": 1, "cross_attention_dim": TEXT, "attention_head_dim": 2, "norm_num_groups": 8,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    } | config)  # fmt: skip
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "attn2" in name and name.endswith("weight"):
                parameter.mul_(3)
    return model.eval()


def vae() -> AutoencoderKL:
    """Eight pixels to a latent cell."""
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1,
        norm_num_groups=4, sample_size=128,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    ).eval()  # fmt: skip


@pytest.fixture(scope="session")
def tiny_pipeline() -> Callable[[], StableDiffusionPipeline]:
    """Builds the pipeline; the same weights each time."""

    def build() -> StableDiffusionPipeline:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            tokenizer = byte_tokenizer()
            pipe = StableDiffusionPipeline(
                vae=vae(), text_encoder=text_encoder(tokenizer), tokenizer=tokenizer, unet=unet(),
                scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False, steps_offset=1),
                safety_checker=None, feature_extractor=None, requires_safety_checker=False,
            )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        return pipe

    return build


@pytest.fixture
def pipe(tiny_pipeline: Callable[[], StableDiffusionPipeline]) -> StableDiffusionPipeline:
    return tiny_pipeline()
