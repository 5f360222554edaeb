"""The embedded backbone: a small Stable-Diffusion-shaped pipeline in diffusers' own format."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.autoencoders.vae import AutoencoderTinyBlock
from tokenizers import pre_tokenizers
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from .vocabulary import BACKGROUNDS, COLOURS, NOUNS, NUMBERS, plural

WEIGHTS = Path(__file__).parent / "weights"
BACKBONE = WEIGHTS / "backbone"
TOKENS = 48
"""Length of every encoded prompt, padding included."""
WIDTH = 128
"""Width of the text embedding."""
END = "</w>"
"""What a CLIP tokenizer marks the end of a word with."""


def new_autoencoder() -> AutoencoderTiny:
    """An untrained `AutoencoderTiny`: factor 4, four latent channels, 0.6 M parameters, most of them in the decoder.

    It starts close to a plain passage of its input (weak residual blocks, near-identity convolutions), which
    spares it the long search for colour that a random start needs.
    """
    vae = AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32),
        decoder_block_out_channels=(32, 32, 32),
        num_encoder_blocks=(1, 2, 3),
        num_decoder_blocks=(8, 3, 1),
        latent_channels=4,
    )
    with torch.no_grad():
        for layer in (*vae.encoder.layers, *vae.decoder.layers):
            if isinstance(layer, AutoencoderTinyBlock):
                layer.conv[-1].weight.mul_(0.1)
                layer.conv[-1].bias.zero_()
            elif isinstance(layer, nn.Conv2d) and layer.in_channels == layer.out_channels:
                layer.weight.mul_(0.3).add_(nn.init.dirac_(torch.empty_like(layer.weight)))
    return vae


def new_unet() -> UNet2DConditionModel:
    """An untrained denoiser for (B, 4, 32, 32) latents: 8.6 M parameters, cross-attention at 16x16, 8x8 and 4x4."""
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 64, 128, 192),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,  # diffusers reads this as the number of heads
        norm_num_groups=16,
    )


def new_tokenizer() -> CLIPTokenizer:
    """A byte-level CLIP tokenizer in which every word of the vocabulary is one token; the same in every process.

    Words are joined in order, each from the pieces that the merges before it leave of it; a later merge cannot part an
    earlier word, since those that join it rank before. (A trained BPE breaks ties differently from run to run, which
    would shuffle the words under a text encoder's feet.)
    """
    words = [*NOUNS, *map(plural, NOUNS), *COLOURS, *BACKGROUNDS, *NUMBERS]
    words += "a an and to the left right of above below on in at more many things nothing top bottom centre".split()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(letter + END for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = _pieces(word, merges)
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            tokens.append(pieces[0])
    vocab = {token: number for number, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=TOKENS)


def _pieces(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """A word as byte-pair encoding leaves it: the merges applied in the order of their ranks."""
    pieces = [*word[:-1], word[-1] + END]
    for first, second in merges:
        at = 0
        while at < len(pieces) - 1:
            if (pieces[at], pieces[at + 1]) == (first, second):
                pieces[at : at + 2] = [first + second]
            at += 1
    return pieces


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained CLIP text model of two layers: (B, TOKENS) ids to (B, TOKENS, WIDTH)."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def new_scheduler() -> DDIMScheduler:
    """The noise schedule it is trained with: scaled-linear betas, v-prediction, 1000 steps."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def assemble(
    unet: UNet2DConditionModel, vae: AutoencoderTiny, text_encoder: CLIPTextModel, tokenizer: CLIPTokenizer
) -> StableDiffusionPipeline:
    """The four parts as a stock pipeline, without a safety checker."""
    pipe = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe
