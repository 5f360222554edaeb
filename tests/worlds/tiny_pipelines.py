"""Complete diffusion pipelines with random weights, small enough for a test; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLHunyuanImage,
    AutoencoderKLQwenImage,
    AutoencoderKLQwenImage21,
    AutoencoderKLWan,
    BriaFibo2Pipeline,
    BriaFibo2Transformer2DModel,
    BriaFiboPipeline,
    BriaFiboTransformer2DModel,
    ChromaPipeline,
    ChromaTransformer2DModel,
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxPipeline,
    FluxTransformer2DModel,
    HunyuanImagePipeline,
    HunyuanImageTransformer2DModel,
    Ideogram4Pipeline,
    Ideogram4Transformer2DModel,
    Krea2Pipeline,
    Krea2Transformer2DModel,
    LongCatImagePipeline,
    LongCatImageTransformer2DModel,
    OvisImagePipeline,
    OvisImageTransformer2DModel,
    PixArtSigmaPipeline,
    PixArtTransformer2DModel,
    QwenImage21Pipeline,
    QwenImage21Transformer2DModel,
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
from diffusers.guiders import AdaptiveProjectedMixGuidance
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
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLModel,
    SmolLM3Config,
    SmolLM3ForCausalLM,
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


def grounded_unet() -> UNet2DConditionModel:
    """GLIGEN's: boxes with phrases are attended, too."""
    model = unet(attention_type="gated")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "alpha" in name:
                parameter.fill_(1)
    return model


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


def chroma() -> ChromaPipeline:
    long = byte_tokenizer(512)
    transformer = ChromaTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, num_attention_heads=2, attention_head_dim=16,
        joint_attention_dim=TEXT, axes_dims_rope=(4, 6, 6), approximator_num_channels=16, approximator_hidden_dim=32,
        approximator_layers=1,
    )  # fmt: skip
    return ChromaPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae(), text_encoder=t5(long), tokenizer=long,
        transformer=louder(transformer, "context_embedder", 6),
    )  # fmt: skip


def ovis_image() -> OvisImagePipeline:
    """As much of the instruction is cut off as there is."""
    long = byte_tokenizer(512)
    transformer = OvisImageTransformer2DModel(
        in_channels=16, out_channels=16, num_layers=1, num_single_layers=1, num_attention_heads=2,
        attention_head_dim=16, joint_attention_dim=TEXT, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    pipe = OvisImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae(), text_encoder=qwen3(long).model, tokenizer=long,
        transformer=louder(transformer, "context_embedder", 6),
    )  # fmt: skip
    pipe.user_prompt_begin_id = len(long(pipe.system_prompt, add_special_tokens=False).input_ids)
    return pipe


def longcat_image() -> LongCatImagePipeline:
    components = qwen_image().components
    long = components["tokenizer"]
    transformer = LongCatImageTransformer2DModel(
        in_channels=64, num_layers=1, num_single_layers=1, num_attention_heads=2, attention_head_dim=16,
        joint_attention_dim=TEXT, pooled_projection_dim=TEXT, axes_dims_rope=[4, 6, 6],
    )  # fmt: skip
    pipe = LongCatImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae(16), text_encoder=components["text_encoder"],
        tokenizer=long, text_processor=TextProcessor(long), transformer=louder(transformer, "context_embedder", 6),
    )  # fmt: skip
    pipe.tokenizer_max_length = 96
    return pipe


def krea2() -> Krea2Pipeline:
    tokenizer = byte_tokenizer(1024)
    transformer = Krea2Transformer2DModel(
        in_channels=16, num_layers=2, attention_head_dim=16, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=32, timestep_embed_dim=16, text_hidden_dim=TEXT, num_text_layers=2,
        text_num_attention_heads=2, text_num_key_value_heads=2, text_intermediate_size=32, num_layerwise_text_blocks=1,
        num_refiner_text_blocks=1, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    for name, parameter in transformer.named_parameters():
        if "scale_shift_table" in name:
            torch.nn.init.normal_(parameter)
    return Krea2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=qwen_image().vae, tokenizer=tokenizer,
        text_encoder=qwen3_vl(Qwen3VLModel, len(tokenizer)), transformer=louder(transformer, "txt_in", 3),
        text_encoder_select_layers=(2, 35),
    )  # fmt: skip


def qwen_image_21() -> QwenImage21Pipeline:
    tokenizer = byte_tokenizer(1024)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|image_pad|>"]})
    autoencoder = AutoencoderKLQwenImage21(
        base_dim=8, decoder_base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1, 1], num_res_blocks=1, latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4, is_residual=False,
    )  # fmt: skip
    transformer = QwenImage21Transformer2DModel(
        in_channels=4, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2, context_in_dim=TEXT,
        axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    return QwenImage21Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=autoencoder.eval(),
        text_encoder=qwen3_vl(Qwen3VLForConditionalGeneration, len(tokenizer)), processor=TextProcessor(tokenizer),
        transformer=louder(louder(transformer, "txt_in", 3), "to_v", 4),
    )  # fmt: skip


def hunyuan_image() -> HunyuanImagePipeline:
    components = qwen_image().components
    tokenizer = components["tokenizer"]
    autoencoder = AutoencoderKLHunyuanImage(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32,) * 6, layers_per_block=1,
        spatial_compression_ratio=32, sample_size=64, scaling_factor=1.0,
    )  # fmt: skip
    transformer = HunyuanImageTransformer2DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=16, num_layers=1, num_single_layers=1,
        num_refiner_layers=1, text_embed_dim=TEXT, text_embed_2_dim=TEXT, rope_axes_dim=(8, 8),
    )  # fmt: skip
    pipe = HunyuanImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=autoencoder.eval(), text_encoder=qwen_vl(tokenizer, 3),
        tokenizer=tokenizer, text_encoder_2=t5(tokenizer), tokenizer_2=tokenizer,
        transformer=louder(louder(transformer, "context_embedder", 3), "add_v_proj", 8),
        guider=AdaptiveProjectedMixGuidance(),
    )  # fmt: skip
    pipe.tokenizer_max_length = 256
    return pipe


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


def qwen_vl(tokenizer: CLIPTokenizer, layers: int = 1) -> Qwen2_5_VLForConditionalGeneration:
    text = {
        "vocab_size": len(tokenizer), "hidden_size": TEXT, "intermediate_size": TEXT, "num_hidden_layers": layers,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 1024,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3], "rope_type": "default"},
    }  # fmt: skip
    vision = {
        "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": TEXT,
        "fullatt_block_indexes": [0],
    }  # fmt: skip
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)).eval()


def qwen_image() -> QwenImagePipeline:
    long = byte_tokenizer(512)
    encoder = qwen_vl(long)
    autoencoder = AutoencoderKLQwenImage(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True],
        latents_mean=[0.0] * 4, latents_std=[1.0] * 4,
    )  # fmt: skip
    transformer = QwenImageTransformer2DModel(
        patch_size=2, in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=TEXT, axes_dims_rope=(4, 6, 6),
    )  # fmt: skip
    return QwenImagePipeline(
        tokenizer=long, text_encoder=encoder, vae=autoencoder.eval(),
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


def flux2_vae() -> AutoencoderKLFlux2:
    return AutoencoderKLFlux2(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    ).eval()  # fmt: skip


def flux2() -> Flux2KleinPipeline:
    long = byte_tokenizer(512)
    transformer = Flux2Transformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, num_attention_heads=2, attention_head_dim=16,
        joint_attention_dim=3 * TEXT, timestep_guidance_channels=16, axes_dims_rope=(4, 4, 4, 4), guidance_embeds=False,
    )  # fmt: skip
    return Flux2KleinPipeline(
        tokenizer=long, text_encoder=qwen3(long), vae=flux2_vae(),
        transformer=louder(transformer, "context_embedder", 6), scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def z_image() -> ZImagePipeline:
    long = byte_tokenizer(512)
    transformer = ZImageTransformer2DModel(
        in_channels=4, dim=32, n_layers=2, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=TEXT,
        axes_dims=[4, 6, 6], axes_lens=[1024, 64, 64],
    )  # fmt: skip
    for parameter in (transformer.x_pad_token, transformer.cap_pad_token):
        torch.nn.init.normal_(parameter)
    return ZImagePipeline(
        tokenizer=long, text_encoder=qwen3(long), vae=vae(), transformer=louder(transformer, "cap_embedder", 6),
        scheduler=FlowMatchEulerDiscreteScheduler(),
    )  # fmt: skip


def qwen3_vl(kind: Any, vocabulary: int) -> Any:
    """As deep as the layers whose states are read."""
    text = {
        "vocab_size": vocabulary, "hidden_size": TEXT, "intermediate_size": TEXT, "num_hidden_layers": 36,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "max_position_embeddings": 8192,
        "rope_parameters": {"rope_type": "default", "mrope_section": [4, 2, 2], "rope_theta": 10000.0},
    }  # fmt: skip
    vision = {
        "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": TEXT,
        "deepstack_visual_indexes": [0],
    }  # fmt: skip
    return kind(Qwen3VLConfig(text_config=text, vision_config=vision)).eval()


def ideogram() -> Ideogram4Pipeline:
    tokenizer = byte_tokenizer(4096)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'][0]['text'] }}{% endfor %}"
    conditional, unconditional = (
        Ideogram4Transformer2DModel(
            in_channels=16, num_layers=1, attention_head_dim=16, num_attention_heads=2, intermediate_size=32,
            adaln_dim=16, llm_features_dim=13 * TEXT, mrope_section=(4, 2, 2),
        ).eval()
        for _ in range(2)
    )  # fmt: skip
    return Ideogram4Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=flux2_vae(), tokenizer=tokenizer,
        text_encoder=qwen3_vl(Qwen3VLModel, len(tokenizer)), transformer=louder(conditional, "llm_cond_proj", 6),
        unconditional_transformer=unconditional,
    )  # fmt: skip


def fibo() -> BriaFiboPipeline:
    tokenizer = byte_tokenizer(4096)
    config = SmolLM3Config(
        vocab_size=128001,  # an empty prompt is the token 128000
        hidden_size=TEXT, intermediate_size=TEXT, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    autoencoder = AutoencoderKLWan(
        base_dim=8, z_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, in_channels=12, out_channels=12, patch_size=2,
        is_residual=True, latents_mean=[0.0] * 4, latents_std=[1.0] * 4, scale_factor_spatial=16,
    )  # fmt: skip
    transformer = BriaFiboTransformer2DModel(
        in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=2 * TEXT, axes_dims_rope=[4, 6, 6], text_encoder_dim=TEXT,
    )  # fmt: skip
    return BriaFiboPipeline(
        transformer=louder(transformer, "context_embedder", 6), scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=autoencoder.eval(), text_encoder=SmolLM3ForCausalLM(config).eval(), tokenizer=tokenizer,
    )  # fmt: skip


class TextProcessor:
    """Takes the place of Qwen3-VL's processor, which needs torchvision, as long as there are no pictures."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        self.tokenizer = tokenizer

    def __call__(self, text: list[str], images: None = None, **options: Any) -> Any:
        assert images is None
        return self.tokenizer(text, **options)

    def apply_chat_template(self, messages: list[dict[str, Any]], **options: Any) -> list[list[int]]:
        return [self.tokenizer(message["content"][0]["text"]).input_ids for message in messages]


def fibo2() -> BriaFibo2Pipeline:
    tokenizer = byte_tokenizer(4096)
    transformer = BriaFibo2Transformer2DModel(
        in_channels=4, dim=32, n_layers=5, n_refiner_layers=1, n_heads=2, cap_feat_dim=3 * TEXT,
        injection_layer_ids=(0, 1, 2, 3, 4), perceiver_num_layers=1, min_num_gist_tokens=4, max_num_gist_tokens=8,
        gist_step=4, gist_min_text_len=4, gist_max_text_len=64, axes_dims=(4, 6, 6), axes_lens=(2048, 64, 64),
    )  # fmt: skip
    return BriaFibo2Pipeline(
        transformer=transformer.eval(), scheduler=FlowMatchEulerDiscreteScheduler(), vae=flux2_vae(),
        text_encoder=qwen3_vl(Qwen3VLForConditionalGeneration, len(tokenizer)), processor=TextProcessor(tokenizer),
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
    "Qwen-Image-2.1": qwen_image_21,
    "Chroma": chroma,
    "HunyuanImage": hunyuan_image,
    "Ovis-Image": ovis_image,
    "LongCat-Image": longcat_image,
    "Krea 2": krea2,
}
"""By the name of the family."""
NATIVE: dict[str, Callable[[], Any]] = {"Ideogram 4": ideogram, "FIBO": fibo, "FIBO 2": fibo2}
"""Those that take a layout within their prompt, and no regional attention."""
VARIANTS: dict[str, Callable[[], Any]] = {"Sana Sprint": sana_sprint}


def tiny(family: str) -> Any:
    """The family's pipeline; the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipe = (PIPELINES | NATIVE | VARIANTS)[family]()
    pipe.set_progress_bar_config(disable=True)
    return pipe
