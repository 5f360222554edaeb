"""Stable Diffusion in one file, as it was first published: the names of all weights are those of the original code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionXLPipeline
from safetensors.torch import save_file
from tiny_pipelines import TEXT, TOKENS, stable_diffusion_xl, unet
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

Named = Iterator[tuple[str, torch.Tensor]]

BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)(\..*)")
UNET = [
    (r"^time_embedding\.linear_1", "time_embed.0"), (r"^time_embedding\.linear_2", "time_embed.2"),
    (r"^add_embedding\.linear_1", "label_emb.0.0"), (r"^add_embedding\.linear_2", "label_emb.0.2"),
    (r"^conv_in", "input_blocks.0.0"), (r"^conv_norm_out", "out.0"), (r"^conv_out", "out.2"),
    (r"^mid_block\.resnets\.0", "middle_block.0"), (r"^mid_block\.attentions\.0", "middle_block.1"),
    (r"^mid_block\.resnets\.1", "middle_block.2"),
]  # fmt: skip
RESNET = [
    (r"\.norm1\.", ".in_layers.0."), (r"\.conv1\.", ".in_layers.2."), (r"\.norm2\.", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."), (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.conv_shortcut\.", ".skip_connection."),
]  # fmt: skip
VAE = [
    (r"\.down_blocks\.(\d+)\.resnets\.", r".down.\1.block."), (r"\.conv_shortcut\.", ".nin_shortcut."),
    (r"\.down_blocks\.(\d+)\.downsamplers\.0\.", r".down.\1.downsample."), (r"\.conv_norm_out\.", ".norm_out."),
    (r"\.mid_block\.resnets\.0\.", ".mid.block_1."), (r"\.mid_block\.resnets\.1\.", ".mid.block_2."),
    (r"\.mid_block\.attentions\.0\.", ".mid.attn_1."), (r"\.group_norm\.", ".norm."), (r"\.to_out\.0\.", ".proj_out."),
    (r"\.to_([qkv])\.", r".\1."),
]  # fmt: skip
OPEN_CLIP = [
    (r"^encoder\.layers\.", "transformer.resblocks."), (r"\.layer_norm1\.", ".ln_1."), (r"\.layer_norm2\.", ".ln_2."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."), (r"\.mlp\.fc2\.", ".mlp.c_proj."), (r"\.self_attn\.out_proj", ".attn.out_proj"),
    (r"^embeddings\.position_embedding\.weight", "positional_embedding"), (r"^final_layer_norm", "ln_final"),
    (r"^embeddings\.token_embedding", "token_embedding"),
]  # fmt: skip


def sdxl() -> StableDiffusionXLPipeline:
    """Its text encoders are of two widths, as those of SDXL are: diffusers tells them apart by it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = stable_diffusion_xl().components
        tokens = parts["tokenizer_2"]
        wide = CLIPTextModelWithProjection(CLIPTextConfig(
            vocab_size=len(tokens), hidden_size=2 * TEXT, intermediate_size=TEXT, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=TOKENS, projection_dim=2 * TEXT,
            bos_token_id=tokens.bos_token_id, eos_token_id=tokens.eos_token_id, pad_token_id=tokens.pad_token_id,
        )).eval()  # fmt: skip
        network = unet(**dict(parts["unet"].config) | {
            "cross_attention_dim": 3 * TEXT, "projection_class_embeddings_input_dim": 6 * 8 + 2 * TEXT,
        })  # fmt: skip
    pipe = StableDiffusionXLPipeline(**parts | {"text_encoder_2": wide, "unet": network})
    pipe.set_progress_bar_config(disable=True)
    return pipe


def save_single_file(pipe: Any, file: Path) -> None:
    """All weights of a Stable Diffusion 1.x or XL pipeline in that file."""
    named = [("model.diffusion_model." + name, each) for name, each in _unet(pipe.unet)]
    named += [("first_stage_model." + name, each) for name, each in _vae(pipe.vae)]
    if isinstance(pipe, StableDiffusionXLPipeline):
        named += [("conditioner.embedders.0.transformer." + name, each) for name, each in _clip(pipe.text_encoder)]
        named += [("conditioner.embedders.1.model." + name, each) for name, each in _open_clip(pipe.text_encoder_2)]
    else:
        named += [("cond_stage_model.transformer." + name, each) for name, each in _clip(pipe.text_encoder)]
    save_file({name: each.contiguous() for name, each in named}, file)


def _renamed(name: str, rules: list[tuple[str, str]]) -> str:
    for pattern, new in rules:
        name = re.sub(pattern, new, name)
    return name


def _unet(network: Any) -> Named:
    layers = network.config.layers_per_block
    for name, each in network.state_dict().items():
        if found := re.match(
            r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)(\..*)", name
        ):
            side, block, what, layer, rest = found[1], int(found[2]), found[3], int(found[4]), found[5]
            at = (1 if side == "down" else 0) + block * (layers + 1)
            place = f"{'input' if side == 'down' else 'output'}_blocks.{at + (layers if 'samplers' in what else layer)}"
            attends = hasattr(network.up_blocks[block], "attentions") if side == "up" else False
            slot = {
                "resnets": "0", "attentions": "1", "downsamplers": "0.op", "upsamplers": "2" if attends else "1",
            }[what]  # fmt: skip
            rest = rest.replace(".conv.", ".") if what == "downsamplers" else rest
            name = f"{place}.{slot}{rest}"
            yield (_renamed(name, RESNET) if what == "resnets" else name), each
        else:
            yield _renamed(_renamed(name, UNET), RESNET if ".resnets." in name else []), each


def _vae(network: Any) -> Named:
    """Its attention is of convolutions of one pixel; its decoder's blocks are counted from the picture's side."""
    last = len(network.decoder.up_blocks) - 1
    for name, each in network.state_dict().items():
        convolution = ".attentions." in name and each.ndim == 2
        name = re.sub(r"up_blocks\.(\d+)\.resnets", lambda found: f"up.{last - int(found[1])}.block", name)
        name = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0", lambda found: f"up.{last - int(found[1])}.upsample", name)
        yield _renamed(name, VAE), each[:, :, None, None] if convolution else each


def _clip(encoder: Any) -> Named:
    for name, each in encoder.state_dict().items():
        yield "text_model." + name.removeprefix("text_model."), each


def _open_clip(encoder: Any) -> Named:
    """Queries, keys and values are one matrix."""
    weights = {name.removeprefix("text_model."): each for name, each in encoder.state_dict().items()}
    yield "text_projection", weights.pop("text_projection.weight").T
    for name in list(weights):
        if found := re.fullmatch(r"(encoder\.layers\.\d+)\.self_attn\.q_proj\.(weight|bias)", name):
            three = [weights.pop(f"{found[1]}.self_attn.{part}_proj.{found[2]}") for part in "qkv"]
            yield _renamed(f"{found[1]}.", OPEN_CLIP) + f"attn.in_proj_{found[2]}", torch.cat(three)
    for name, each in weights.items():
        yield _renamed(name, OPEN_CLIP), each
