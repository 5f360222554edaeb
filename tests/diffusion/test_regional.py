"""Regional attention paints what the formula says, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from muralist.diffusion import Region, regional
from muralist.diffusion.dense_reference import dense
from muralist.tools.errors import BadLayout, BadSettings


def paint(pipe: Any, prompt: Any = "a red car, a blue vase", **options: Any) -> torch.Tensor:
    """Final latents."""
    options = {"num_inference_steps": 3, "guidance_scale": 4.0, "width": 64, "height": 64} | options
    generator = torch.Generator().manual_seed(7)
    latents: torch.Tensor = pipe(prompt, generator=generator, output_type="latent", **options).images
    return latents


def columns(*edges: float) -> list[Region]:
    return [Region(f"thing {i}", a, 0, b, 1) for i, (a, b) in enumerate(pairwise(edges))]


def grid(rows: int, cols: int) -> list[Region]:
    return [
        Region(f"thing {r} {c}", c / cols, r / rows, (c + 1) / cols, (r + 1) / rows)
        for r in range(rows)
        for c in range(cols)
    ]


def soft(size: int, falling: bool) -> list[list[float]]:
    ramp = np.linspace(1, 0, size) if falling else np.linspace(0, 1, size)
    return np.tile(ramp, (size, 1)).tolist()  # type: ignore[no-any-return]


LAYOUTS = {
    "one region over everything": [Region("a cat", 0, 0, 1, 1)],
    "halves": columns(0, 0.5, 1),
    "unequal rows": [Region("sky", 0, 0, 1, 0.2), Region("hill", 0, 0.2, 1, 0.45), Region("sea", 0, 0.45, 1, 1)],
    "seven columns": columns(*(i / 7 for i in range(8))),
    "sixteen cells": grid(4, 4),
    "one by eight, thinner than coarse cells": grid(1, 8),
    "overlap": [Region("a cat", 0, 0, 0.7, 1), Region("a dog", 0.3, 0, 1, 0.8), Region("a hat", 0.4, 0.1, 0.6, 0.5)],
    "uncovered canvas": [Region("a cat", 0.1, 0.2, 0.4, 0.6), Region("a dog", 0.6, 0.5, 0.9, 1)],
    "soft masks": [Region("a cat", mask=soft(32, True)), Region("a dog", mask=soft(5, False))],
    "a soft mask over a box": [Region("a cat", mask=soft(64, True)), Region("a dog", 0.25, 0.25, 0.75, 1)],
    "own base ratios": [
        Region("a cat", 0, 0, 0.5, 1, base_ratio=0), Region("a dog", 0.5, 0, 1, 0.5, base_ratio=0.9),
        Region("a hat", 0.5, 0.5, 1, 1, base_ratio=1),
    ],
    "negative prompts": [Region("a cat", 0, 0, 0.5, 1, negative_prompt="a dog"), Region("a dog", 0.5, 0, 1, 1)],
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_picture_is_the_one_of_the_formula(pipe: StableDiffusionPipeline, layout: list[Region]) -> None:
    with dense(pipe, layout, 0.3):
        expected = paint(pipe)
    with regional(pipe, layout, base_ratio=0.3):
        got = paint(pipe)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)
    assert (got - paint(pipe)).abs().max() > 0.1, "the regions changed nothing"


OPTIONS: dict[str, dict[str, Any]] = {
    "without guidance": {"guidance_scale": 1.0},
    "wide": {"width": 128, "height": 64},
    "odd numbers of cells": {"width": 104, "height": 72},
    "several images": {"num_images_per_prompt": 3},
    "several prompts": {"prompt": ["a red car", "two green trees"]},
    "several prompts and images, without guidance": {
        "prompt": ["a red car", "a tree"], "num_images_per_prompt": 2, "guidance_scale": 0.0,
    },
    "a negative prompt": {"negative_prompt": "snow"},
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("name", ["seven columns", "overlap", "negative prompts"])
def test_it_holds_for_every_way_to_call_the_pipeline(
    pipe: StableDiffusionPipeline, name: str, options: dict[str, Any]
) -> None:
    with dense(pipe, LAYOUTS[name], 0.3):
        expected = paint(pipe, **options)
    with regional(pipe, LAYOUTS[name], base_ratio=0.3):
        got = paint(pipe, **options)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", range(1, 17))
def test_each_attention_is_the_formulas_for_any_number_of_regions(pipe: StableDiffusionPipeline, count: int) -> None:
    layout = columns(*(i / count for i in range(count + 1)))

    layers = [module for name, module in pipe.unet.named_modules() if name.endswith("attn2")]
    seen: list[tuple[Any, ...]] = []
    hooks = [layer.register_forward_hook(lambda *call: seen.append(call), with_kwargs=True) for layer in layers]
    with regional(pipe, layout, 0.3):
        paint(pipe, num_inference_steps=1, width=128, height=96)
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(layers)
    with dense(pipe, layout, 0.3), torch.no_grad():
        paint(pipe, num_inference_steps=1, width=128, height=96)
        for layer, inputs, options, out in seen:
            torch.testing.assert_close(out, layer(*inputs, **options), atol=1e-5, rtol=0)


def test_one_region_over_everything_without_base_is_its_prompt_painted_plainly(pipe: StableDiffusionPipeline) -> None:
    plain = paint(pipe, "a green house")
    with regional(pipe, [Region("a green house", 0, 0, 1, 1)], base_ratio=0):
        torch.testing.assert_close(paint(pipe, "something else"), plain, atol=1e-5, rtol=0)


def test_a_base_ratio_of_one_is_the_base_prompt_painted_plainly(pipe: StableDiffusionPipeline) -> None:
    plain = paint(pipe, "a green house")
    with regional(pipe, columns(0, 0.5, 1), base_ratio=1):
        torch.testing.assert_close(paint(pipe, "a green house"), plain, atol=1e-5, rtol=0)


def test_afterwards_the_pipeline_paints_the_same_bits_as_one_never_touched(
    tiny_pipeline: Callable[[], StableDiffusionPipeline],
) -> None:
    untouched, pipe = tiny_pipeline(), tiny_pipeline()
    processors = dict(pipe.unet.attn_processors)
    with regional(pipe, LAYOUTS["overlap"]):
        paint(pipe)
    assert torch.equal(paint(pipe), paint(untouched))
    assert pipe.unet.attn_processors == processors
    assert not pipe.unet._forward_pre_hooks


def test_an_exception_inside_leaves_the_pipeline_as_it_was(pipe: StableDiffusionPipeline) -> None:
    before = paint(pipe)
    with pytest.raises(ZeroDivisionError), regional(pipe, columns(0, 0.5, 1)):
        paint(pipe, callback_on_step_end=lambda *_: 1 / 0)
    assert torch.equal(paint(pipe), before)


def test_nested_regions_give_way_to_the_outer_ones_again(pipe: StableDiffusionPipeline) -> None:
    with regional(pipe, columns(0, 0.5, 1)):
        outer = paint(pipe)
        with regional(pipe, [Region("a hat", 0, 0, 1, 0.5)]):
            assert not torch.equal(paint(pipe), outer)
        assert torch.equal(paint(pipe), outer)


def test_prompt_size_and_guidance_may_change_between_pictures(pipe: StableDiffusionPipeline) -> None:
    calls: list[dict[str, Any]] = [
        {}, {"prompt": "a green house"}, {"width": 128}, {"guidance_scale": 1.0}, {"num_images_per_prompt": 2}, {},
    ]  # fmt: skip
    with regional(pipe, columns(0, 0.3, 1)):
        in_turn = [paint(pipe, **call) for call in calls]
    for call, got in zip(calls, in_turn, strict=True):
        with regional(pipe, columns(0, 0.3, 1)):
            assert torch.equal(paint(pipe, **call), got)


def test_guidance_may_be_switched_off_on_the_way(pipe: StableDiffusionPipeline) -> None:
    def late(running: Any, step: int, _: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        if step == 1:
            running._guidance_scale = 0.0
            kwargs["prompt_embeds"] = kwargs["prompt_embeds"][-1:]
        return kwargs

    options = {"callback_on_step_end": late, "callback_on_step_end_tensor_inputs": ["prompt_embeds"]}
    with dense(pipe, columns(0, 0.3, 1)):
        expected = paint(pipe, **options)
    with regional(pipe, columns(0, 0.3, 1)):
        torch.testing.assert_close(paint(pipe, **options), expected, atol=1e-4, rtol=0)


def test_the_left_half_does_not_hear_the_right_halfs_prompt_in_its_first_attention(
    pipe: StableDiffusionPipeline,
) -> None:
    first = pipe.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn2

    def output(right: str) -> torch.Tensor:
        seen: list[torch.Tensor] = []
        hook = first.register_forward_hook(lambda _, __, out: seen.append(out.clone()))
        with regional(pipe, [Region("a cat", 0, 0, 0.5, 1), Region(right, 0.5, 0, 1, 1)]):
            paint(pipe, num_inference_steps=1)
        hook.remove()
        return seen[0].reshape(2, 8, 8, -1)  # (2, height, width, C)

    dog, hat = output("a dog"), output("a hat")
    assert torch.equal(dog[:, :, :4], hat[:, :, :4])
    assert torch.equal(dog[0], hat[0]), "the unconditional half changed"
    assert not torch.equal(dog[1, :, 4:], hat[1, :, 4:])


@pytest.mark.parametrize("family", [StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline])
def test_img2img_and_inpaint_follow_the_formula_too(pipe: StableDiffusionPipeline, family: Any) -> None:
    other = family(**pipe.components, requires_safety_checker=False)
    other.set_progress_bar_config(disable=True)
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8))
    options: dict[str, Any] = {"image": image, "strength": 0.8, "num_inference_steps": 4, "output_type": "latent"}
    if family is StableDiffusionInpaintPipeline:
        options |= {"mask_image": Image.new("L", (96, 64), 255), "width": 96, "height": 64}

    def run(way: Any) -> torch.Tensor:
        with way:
            images: torch.Tensor = other("a car", generator=torch.Generator().manual_seed(0), **options).images
            return images

    expected = run(dense(other, columns(0, 0.4, 1)))
    torch.testing.assert_close(run(regional(other, columns(0, 0.4, 1))), expected, atol=1e-4, rtol=0)
    assert not torch.allclose(run(nullcontext()), expected, atol=1e-2)


def test_stable_diffusion_xl_follows_the_formula_too(pipe: StableDiffusionPipeline) -> None:
    width = pipe.text_encoder.config.hidden_size
    config = CLIPTextConfig(**pipe.text_encoder.config.to_dict())
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, attention_head_dim=(2, 4),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2), cross_attention_dim=2 * width, use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=6 * 8 + width,
    ).eval()  # fmt: skip
    xl = StableDiffusionXLPipeline(
        vae=pipe.vae, text_encoder=pipe.text_encoder, text_encoder_2=CLIPTextModelWithProjection(config).eval(),
        tokenizer=pipe.tokenizer, tokenizer_2=pipe.tokenizer, unet=unet, scheduler=pipe.scheduler,
    )  # fmt: skip
    xl.set_progress_bar_config(disable=True)
    with dense(xl, LAYOUTS["uncovered canvas"]):
        expected = paint(xl)
    with regional(xl, LAYOUTS["uncovered canvas"]):
        torch.testing.assert_close(paint(xl), expected, atol=1e-4, rtol=0)


def test_mistakes_are_told_in_one_line(pipe: StableDiffusionPipeline) -> None:
    with pytest.raises(BadLayout, match="0 regions"), regional(pipe, []):
        pass
    with pytest.raises(BadSettings, match="base ratio 2"), regional(pipe, columns(0, 1), base_ratio=2):
        pass
    with pytest.raises(BadSettings, match="use a Stable Diffusion"), regional(object(), columns(0, 1)):
        pass


def test_calling_another_pipeline_over_the_same_parts_is_refused(pipe: StableDiffusionPipeline) -> None:
    paint(pipe)  # it guides
    other = StableDiffusionPipeline(**pipe.components, requires_safety_checker=False)
    other.set_progress_bar_config(disable=True)
    with regional(pipe, columns(0, 0.5, 1)), pytest.raises(BadSettings, match="the very pipeline"):
        paint(other, guidance_scale=1.0)
