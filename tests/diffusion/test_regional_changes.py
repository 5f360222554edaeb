"""What changes within the `with`, or is asked of one call, is heard by the regions; or refused in one line."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import (
    DDPMScheduler,
    KandinskyV22Pipeline,
    ModularPipeline,
    PyramidAttentionBroadcastConfig,
    StableDiffusionPanoramaPipeline,
    StableDiffusionPipeline,
    VQModel,
)
from diffusers.models.attention_processor import AttnProcessor
from exactness import EXACT, assert_same, difference
from peft import LoraConfig
from tiny_pipelines import tiny
from transformers import CLIPTextModel

from muralist.diffusion import Region, regional
from muralist.diffusion.dense_reference import dense
from muralist.diffusion.unet_attention import RegionalAttnProcessor
from muralist.tools.errors import BadSettings

EVERYWHERE = [Region("a green house", 0, 0, 1, 1, negative_prompt="snow")]
TWO = [Region("a cat", 0, 0, 0.6, 1), Region("a dog", 0.4, 0.2, 1, 1, negative_prompt="a hat")]


def paint(pipe: Any, prompt: str | None = "a room", **options: Any) -> torch.Tensor:
    """Final latents."""
    options = {"num_inference_steps": 2, "guidance_scale": 4.0, "width": 64, "height": 64} | options
    latents: torch.Tensor = pipe(
        prompt, generator=torch.Generator().manual_seed(7), output_type="latent", **options
    ).images
    return latents


def with_lora(network: Any, targets: list[str], name: str = "one", seed: int = 0) -> None:
    """A LoRA of random weights that is well visible."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network.add_adapter(
            LoraConfig(r=4, lora_alpha=16, target_modules=targets, init_lora_weights=False), adapter_name=name
        )


@pytest.fixture(autouse=True)
def _clip_skip_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers looks for what this version of transformers has no more: an inner model."""
    monkeypatch.setattr(CLIPTextModel, "text_model", property(lambda self: self), raising=False)


@pytest.fixture(params=["SD", "SDXL"])
def either(request: pytest.FixtureRequest) -> Any:
    return tiny(request.param)


def whole_canvas(pipe: Any, prompt: str, options: dict[str, Any]) -> dict[str, Any]:
    """What conditions the whole canvas of XL besides the prompt stays the base prompt's: here that of `prompt`."""
    if not hasattr(pipe, "text_encoder_2"):
        return {}
    scale = options.get("cross_attention_kwargs", {}).get("scale")
    encoded = [
        pipe.encode_prompt(each, negative_prompt="snow", lora_scale=scale, clip_skip=options.get("clip_skip"))
        for each in ("a room", prompt)
    ]
    names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    return {"prompt": None} | dict(zip(names, (*encoded[0][:2], *encoded[1][2:]), strict=True))


CALLS: dict[str, dict[str, Any]] = {
    "clip skip": {"clip_skip": 1},
    "a LoRA scale": {"cross_attention_kwargs": {"scale": 0.3}},
    "both": {"clip_skip": 1, "cross_attention_kwargs": {"scale": 2.0}},
}


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
def test_regions_are_encoded_as_the_calls_own_prompts_are(either: Any, options: dict[str, Any]) -> None:
    with_lora(either.text_encoder, ["q_proj", "v_proj"])
    with_lora(either.unet, ["to_k", "to_v"])
    plain, otherwise = (paint(either, "a green house", negative_prompt="snow", **each) for each in ({}, options))
    assert difference(otherwise, plain) > 100 * EXACT, "the option does nothing"
    base, changed = ({**each, **whole_canvas(either, "a green house", each)} for each in ({}, options))
    with regional(either, EVERYWHERE, base_ratio=0):
        first, second, third = paint(either, **base), paint(either, **changed), paint(either, **base)
    assert_same(first, plain)
    assert_same(second, otherwise)
    assert_same(third, plain)


@pytest.mark.parametrize("options", CALLS.values(), ids=CALLS.keys())
def test_the_formula_holds_with_the_calls_own_encoding(pipe: StableDiffusionPipeline, options: dict[str, Any]) -> None:
    with_lora(pipe.text_encoder, ["q_proj", "v_proj"])
    with_lora(pipe.unet, ["to_k", "to_v"])
    with dense(pipe, TWO, 0.3):
        expected = paint(pipe, **options)
    with regional(pipe, TWO, 0.3):
        assert_same(paint(pipe, **options), expected)


def test_the_base_prompt_may_be_given_as_embeddings_and_regions_follow_its_clip_skip(
    pipe: StableDiffusionPipeline,
) -> None:
    positive, negative = pipe.encode_prompt("a room", "cpu", 1, True, clip_skip=1)
    given = {"prompt": None, "prompt_embeds": 1.3 * positive, "negative_prompt_embeds": negative, "clip_skip": 1}
    with dense(pipe, TWO, 0.3):
        expected = paint(pipe, **given)
    with regional(pipe, TWO, 0.3):
        assert_same(paint(pipe, **given), expected)
    plain = paint(pipe, "a green house", negative_prompt="snow", clip_skip=1)
    with regional(pipe, EVERYWHERE, base_ratio=0):
        assert_same(paint(pipe, **given), plain)


def scaled(pipe: Any) -> None:
    pipe.unet.set_adapters(["one"], [0.2])


def written_to(pipe: Any) -> None:
    with torch.no_grad():
        for name, parameter in pipe.unet.named_parameters():
            if "attn2.to_k" in name and "lora" not in name:
                parameter.mul_(0.5)


CHANGES: dict[str, Callable[[Any], None]] = {
    "switched off": lambda pipe: pipe.unet.disable_adapters(),
    "scaled": scaled,
    "another one": lambda pipe: with_lora(pipe.unet, ["to_k", "to_v"], "two", seed=1),
    "fused": lambda pipe: pipe.fuse_lora(components=["unet"], lora_scale=0.5),
    "removed": lambda pipe: pipe.unet.delete_adapters("one"),
    "weights written to": written_to,
    "weights replaced": lambda pipe: pipe.unet.load_state_dict(
        {name: value * 0.9 for name, value in pipe.unet.state_dict().items()}
    ),
    "text encoder's adapter scaled": lambda pipe: pipe.set_adapters(["one"], [{"text_encoder": 0.2}]),
}


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_weights_that_change_within_the_with_are_those_that_paint(
    pipe: StableDiffusionPipeline, change: Callable[[Any], None]
) -> None:
    with_lora(pipe.unet, ["to_k", "to_v"])
    with_lora(pipe.text_encoder, ["q_proj", "v_proj"])
    with regional(pipe, TWO, 0.3):
        before = paint(pipe)
        change(pipe)
        after = paint(pipe)
    with regional(pipe, TWO, 0.3):
        expected = paint(pipe)
    assert_same(after, expected)
    assert difference(after, before) > 100 * EXACT, "nothing changed"


def test_weights_that_stay_are_projected_once(pipe: StableDiffusionPipeline) -> None:
    calls = []
    layer = pipe.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2.to_k
    hook = layer.register_forward_hook(lambda *_: calls.append(1))
    with regional(pipe, TWO[:1], 0.3):
        paint(pipe, num_inference_steps=5)
    hook.remove()
    assert len(calls) == 2, "once for the base prompt, and once for the region's"


REPLACEMENTS: dict[str, Callable[[Any], None]] = {
    "sliced attention": lambda pipe: pipe.enable_attention_slicing("max"),
    "fused projections": lambda pipe: pipe.unet.fuse_qkv_projections(),
    "other processors": lambda pipe: pipe.unet.set_attn_processor(AttnProcessor()),
}


@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS.keys())
def test_replaced_processors_are_noticed_at_the_next_call_and_leave_nothing_behind(
    pipe: StableDiffusionPipeline, replace: Callable[[Any], None]
) -> None:
    plain = paint(pipe)
    with regional(pipe, TWO):
        paint(pipe)
        replace(pipe)
        with pytest.raises(BadSettings, match="processors of UNet2DConditionModel were replaced within") as caught:
            paint(pipe)
    assert "\n" not in str(caught.value)
    assert_same(paint(pipe), plain)
    if getattr(pipe.unet, "original_attn_processors", None):
        pipe.unet.unfuse_qkv_projections()
    assert not any(isinstance(each, RegionalAttnProcessor) for each in pipe.unet.attn_processors.values())
    assert_same(paint(pipe), plain)


def test_projections_that_were_fused_before_are_painted_with(pipe: StableDiffusionPipeline) -> None:
    with regional(pipe, TWO, 0.3):
        expected = paint(pipe)
    pipe.unet.fuse_qkv_projections()
    with regional(pipe, TWO, 0.3):
        assert_same(paint(pipe), expected)


@pytest.mark.parametrize("family", ["SD", "FLUX.1"])
def test_a_second_thread_cannot_put_regions_on_the_same_denoiser(family: str) -> None:
    pipe = tiny(family)
    network = getattr(pipe, "unet", None) or pipe.transformer
    other, errors = copy.copy(pipe), []

    def second() -> None:
        try:
            with regional(other, [Region("a hat", 0, 0, 1, 0.5)]):
                pass
        except BadSettings as error:
            errors.append(str(error))

    def in_a_thread() -> None:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    forward = network.forward
    with regional(pipe, TWO), regional(pipe, TWO):
        in_a_thread()
    assert errors == [
        f"another thread has regions on this {type(network).__name__}: paint one after the other, or give each "
        "pipeline a denoiser of its own"
    ]
    in_a_thread()
    assert len(errors) == 1, "afterwards it is free"
    assert network.forward == forward


@pytest.mark.parametrize("family", ["SD", "FLUX.1"])
def test_offloading_that_is_switched_on_within_stays(family: str) -> None:
    pipe = tiny(family)
    plain, network = paint(pipe), getattr(pipe, "unet", None) or pipe.transformer
    with regional(pipe, TWO, 0.3):
        expected = paint(pipe)
        pipe.enable_model_cpu_offload(device="cpu")
        assert_same(paint(pipe), expected)
    moved: list[int] = []
    move = network._hf_hook.pre_forward
    network._hf_hook.pre_forward = lambda *args, **kwargs: moved.append(1) or move(*args, **kwargs)
    assert_same(paint(pipe), plain)
    assert moved
    with regional(pipe, TWO, 0.3):
        assert_same(paint(pipe), expected)
    pipe.remove_all_hooks()
    assert_same(paint(pipe), plain)


MISSING = {"SD": ["text_encoder"], "SDXL": ["tokenizer_2"], "FLUX.1": ["text_encoder_2", "tokenizer_2"]}


@pytest.mark.parametrize("family", MISSING)
def test_text_encoders_that_are_not_loaded_are_named(family: str) -> None:
    pipe, names = tiny(family), MISSING[family]
    for name in names:
        setattr(pipe, name, None)
    with (
        pytest.raises(BadSettings, match=f"its {' and '.join(names)} (is|are) not loaded") as told,
        regional(pipe, TWO),
    ):
        pass
    assert "\n" not in str(told.value)


def test_a_pipeline_that_encodes_no_prompts_is_refused(pipe: StableDiffusionPipeline) -> None:
    decoder = VQModel(block_out_channels=(32,), norm_num_groups=8)
    kandinsky = KandinskyV22Pipeline(unet=pipe.unet, scheduler=DDPMScheduler(), movq=decoder)
    with pytest.raises(BadSettings, match=r"^KandinskyV22Pipeline has no encode_prompt, by"), regional(kandinsky, TWO):
        pass


def test_a_pipeline_that_shows_its_denoiser_parts_of_the_canvas_is_refused(pipe: StableDiffusionPipeline) -> None:
    parts = StableDiffusionPanoramaPipeline(**pipe.components, requires_safety_checker=False)
    with pytest.raises(BadSettings, match="shows the denoiser parts of the canvas"), regional(parts, TWO):
        pass


def test_a_transformer_that_leaves_out_attention_by_a_cache_is_refused() -> None:
    pipe = tiny("FLUX.1")
    pipe.transformer.enable_cache(
        PyramidAttentionBroadcastConfig(spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500)
    )
    with (
        pytest.raises(BadSettings, match=r"by a cache \(PyramidAttentionBroadcast\), in which regions mix: call"),
        regional(pipe, TWO),
    ):
        pass
    pipe.transformer.disable_cache()
    with regional(pipe, TWO):
        paint(pipe)


def test_a_modular_pipeline_is_refused(pipe: StableDiffusionPipeline) -> None:
    class Modular(ModularPipeline):
        """One with a UNet, as there are several."""

        def __init__(self) -> None:
            self.unet = pipe.unet

    with pytest.raises(BadSettings, match="does not know modular pipelines"), regional(Modular(), TWO):
        pass


def test_a_wrapper_in_place_of_the_denoisers_forward_changes_nothing(pipe: StableDiffusionPipeline) -> None:
    with regional(pipe, TWO, 0.3):
        expected = paint(pipe)
    forward = pipe.unet.forward

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return forward(*args, **kwargs)

    pipe.unet.forward = wrapper
    with regional(pipe, TWO, 0.3):
        assert_same(paint(pipe), expected)
