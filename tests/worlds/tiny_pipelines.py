"""Complete diffusion pipelines with random weights, small enough for a test; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SanaPipeline,
    SanaSprintPipeline,
    SanaTransformer2DModel,
    SCMScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Gemma2Config,
    Gemma2Model,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
)

TOKENS = 24
TEXT = 32


def byte_tokenizer(tokens: int = TOKENS) -> CLIPTokenizer:
    """Byte-level BPE without merges: every letter is a token, ends of words have their own."""
    letters = [chr(code) for code in [*range(33, 127), *range(161, 173), *range(174, 256)]]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=tokens)


def text_encoder(tokenizer: CLIPTokenizer, projecting: bool = False) -> CLIPTextModel | CLIPTextModelWithProjection:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=TEXT, intermediate_size=TEXT, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=TOKENS, projection_dim=TEXT,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projecting else CLIPTextModel)(config).eval()


def t5(tokenizer: CLIPTokenizer, width: int = TEXT) -> T5EncoderModel:
    config = T5Config(vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    return T5EncoderModel(config).eval()


def unet(**config: Any) -> UNet2DConditionModel:
    """Three resolutions, two of them with cross-attention. The prompts' influence is turned up to be well visible."""
    model = UNet2DConditionModel(**{
        "sample_size": 16, "in_channels": 4, "out_channels": 4, "block_out_channels": (16, 32, 32),
        "layers_per_block": 1, "cross_attention_dim": TEXT, "attention_head_dim": 2, "norm_num_groups": 8,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    } | config)  # fmt: skip
    return louder(model, "attn2", 3)


def louder(model: Any, part: str, factor: float) -> Any:
    """The weights whose names hold `part`, multiplied."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if part in name and name.endswith("weight"):
                parameter.mul_(factor)
    return model.eval()


def vae(channels: int = 4) -> AutoencoderKL:
    """Eight pixels to a latent cell."""
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=channels, block_out_channels=(8, 8, 8, 8), layers_per_block=1,
        norm_num_groups=4, sample_size=128, shift_factor=0.1,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    ).eval()  # fmt: skip


def stable_diffusion() -> StableDiffusionPipeline:
    tokenizer = byte_tokenizer()
    return StableDiffusionPipeline(
        vae=vae(), text_encoder=text_encoder(tokenizer), tokenizer=tokenizer, unet=unet(),
        scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def stable_diffusion_xl() -> StableDiffusionXLPipeline:
    tokenizer = byte_tokenizer()
    network = unet(
        block_out_channels=(16, 32), attention_head_dim=(2, 4), transformer_layers_per_block=(1, 2),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=2 * TEXT, use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + TEXT,
    )  # fmt: skip
    return StableDiffusionXLPipeline(
        vae=vae(), text_encoder=text_encoder(tokenizer), text_encoder_2=text_encoder(tokenizer, True),
        tokenizer=tokenizer, tokenizer_2=tokenizer, unet=network,
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
    )  # fmt: skip


def stable_diffusion_3() -> StableDiffusion3Pipeline:
    """As 3.5: with normalised queries and keys, and a second attention among image tokens."""
    tokenizer, long = byte_tokenizer(), byte_tokenizer(512)
    transformer = SD3Transformer2DModel(
        sample_size=16, patch_size=2, in_channels=16, out_channels=16, num_layers=2, num_attention_heads=2,
        attention_head_dim=16, joint_attention_dim=2 * TEXT, caption_projection_dim=32, pooled_projection_dim=2 * TEXT,
        pos_embed_max_size=32, dual_attention_layers=(0,), qk_norm="rms_norm",
    )  # fmt: skip
    return StableDiffusion3Pipeline(
        vae=vae(16), text_encoder=text_encoder(tokenizer, True), tokenizer=tokenizer,
        text_encoder_2=text_encoder(tokenizer, True), tokenizer_2=tokenizer, text_encoder_3=t5(long, 2 * TEXT),
        tokenizer_3=long, transformer=louder(transformer, "add_", 3), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def flux() -> FluxPipeline:
    """As FLUX.1 [dev], guidance distilled."""
    tokenizer, long = byte_tokenizer(), byte_tokenizer(512)
    transformer = FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, num_attention_heads=2, attention_head_dim=16,
        joint_attention_dim=TEXT, pooled_projection_dim=TEXT, guidance_embeds=True, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    return FluxPipeline(
        vae=vae(), text_encoder=text_encoder(tokenizer), tokenizer=tokenizer, text_encoder_2=t5(long),
        tokenizer_2=long, transformer=louder(transformer, "context_embedder", 6),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def pixart() -> PixArtSigmaPipeline:
    long = byte_tokenizer(512)
    transformer = PixArtTransformer2DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=2, sample_size=32,
        patch_size=2, cross_attention_dim=32, caption_channels=TEXT, use_additional_conditions=False,
    )  # fmt: skip
    return PixArtSigmaPipeline(
        tokenizer=long, text_encoder=t5(long), vae=vae(), transformer=louder(transformer, "attn2", 3),
        scheduler=DPMSolverMultistepScheduler(),
    )  # fmt: skip


def sana(**options: Any) -> SanaPipeline:
    long = byte_tokenizer(512)
    config = Gemma2Config(
        vocab_size=len(long), hidden_size=TEXT, intermediate_size=TEXT, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16,
    )  # fmt: skip
    autoencoder = AutoencoderDC(
        in_channels=3, latent_channels=4, attention_head_dim=2, encoder_block_types=("ResBlock",) * 4,
        decoder_block_types=("ResBlock",) * 4, encoder_block_out_channels=(8,) * 4, decoder_layers_per_block=(1,) * 4,
        decoder_block_out_channels=(8,) * 4, encoder_layers_per_block=(1,) * 4, encoder_qkv_multiscales=((),) * 4,
        decoder_qkv_multiscales=((),) * 4, upsample_block_type="interpolate", downsample_block_type="stride_conv",
    )  # fmt: skip
    transformer = SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_layers=2, num_attention_heads=2, attention_head_dim=16,
        num_cross_attention_heads=2, cross_attention_head_dim=16, cross_attention_dim=32, caption_channels=TEXT,
        sample_size=16, patch_size=1, qk_norm="rms_norm_across_heads", **options,
    )  # fmt: skip
    return SanaPipeline(
        tokenizer=long, text_encoder=Gemma2Model(config).eval(), vae=autoencoder.eval(),
        transformer=louder(transformer, "attn2", 3), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def sana_sprint() -> SanaSprintPipeline:
    """Guidance distilled; its solver is of its own."""
    parts = sana(guidance_embeds=True).components
    return SanaSprintPipeline(**parts | {"scheduler": SCMScheduler()})


def qwen_image() -> QwenImagePipeline:
    long = byte_tokenizer(512)
    text = {
        "vocab_size": len(long), "hidden_size": TEXT, "intermediate_size": TEXT, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 1024,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3], "rope_type": "default"},
    }  # fmt: skip
    vision = {
        "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": TEXT,
        "fullatt_block_indexes": [0],
    }  # fmt: skip
    encoder = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))
    autoencoder = AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=TEXT, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    return QwenImagePipeline(
        tokenizer=long, text_encoder=encoder.eval(), vae=autoencoder.eval(),
        transformer=louder(transformer, "txt_in", 6), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def qwen3(tokenizer: CLIPTokenizer) -> Qwen3ForCausalLM:
    """With a template for chats, as simple as can be."""
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=TEXT, intermediate_size=TEXT, num_hidden_layers=28,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16,
    )  # fmt: skip
    return Qwen3ForCausalLM(config).eval()


def flux2() -> Flux2KleinPipeline:
    long = byte_tokenizer(512)
    autoencoder = AutoencoderKLFlux2(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    transformer = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, num_attention_heads=2, attention_head_dim=16,
        joint_attention_dim=3 * TEXT, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    return Flux2KleinPipeline(
        tokenizer=long, text_encoder=qwen3(long), vae=autoencoder.eval(),
        transformer=louder(transformer, "context_embedder", 6), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def z_image() -> ZImagePipeline:
    long = byte_tokenizer(512)
    transformer = ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=TEXT,
        axes_dims=[4, 6, 6], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    for parameter in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(parameter)
    return ZImagePipeline(
        tokenizer=long, text_encoder=qwen3(long), vae=vae(), transformer=louder(transformer, "cap_embedder", 6),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


PIPELINES: dict[str, Callable[[], Any]] = {
    "SD": stable_diffusion,
    "SDXL": stable_diffusion_xl,
    "SD3": stable_diffusion_3,
    "FLUX.1": flux,
    "FLUX.2": flux2,
    "PixArt-Sigma": pixart,
    "Sana": sana,
    "Qwen-Image": qwen_image,
    "Z-Image": z_image,
}
"""By the name of the family."""
VARIANTS: dict[str, Callable[[], Any]] = {"Sana Sprint": sana_sprint}


def tiny(family: str) -> Any:
    """The family's pipeline; the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipe = (PIPELINES | VARIANTS)[family]()
    pipe.set_progress_bar_config(disable=True)
    return pipe
