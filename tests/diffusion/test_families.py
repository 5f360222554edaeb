"""Every family of pipelines paints what the formula says, with every feature it has; the table of it is in the docs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    ChromaImg2ImgPipeline,
    ChromaInpaintPipeline,
    Flux2KleinInpaintPipeline,
    FluxImg2ImgPipeline,
    FluxInpaintPipeline,
    FluxTransformer2DModel,
    QwenImageImg2ImgPipeline,
    QwenImageInpaintPipeline,
    SanaSprintImg2ImgPipeline,
    StableDiffusion3Img2ImgPipeline,
    StableDiffusion3InpaintPipeline,
    StableDiffusionGLIGENPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLInpaintPipeline,
    ZImageImg2ImgPipeline,
    ZImageInpaintPipeline,
    ZImageOmniPipeline,
    ZImageTransformer2DModel,
)
from exactness import EXACT, assert_same, difference
from peft import LoraConfig
from PIL import Image
from tiny_adapters import CONTROLNETS, with_controlnet, with_ip_adapter
from tiny_pipelines import PIPELINES, grounded_unet, tiny

from muralist.diffusion import Region, regional
from muralist.diffusion.dense_reference import dense
from muralist.diffusion.families import family_of
from muralist.tools.drawing import draw_layout
from muralist.tools.errors import BadSettings
from muralist.tools.layout import Layout


def columns(count: int, base: str = "thing") -> list[Region]:
    edges = [i / count for i in range(count + 1)]
    return [Region(f"{base} {i}", a, 0, b, 1) for i, (a, b) in enumerate(pairwise(edges))]


SOFT = np.tile(np.linspace(1, 0, 32), (32, 1))
OVERLAP = [Region("a cat", 0, 0, 0.7, 1), Region("a dog", 0.3, 0, 1, 0.8, negative_prompt="snow")]
LONG = "a very long prompt that goes on and on " * 2
LAYOUTS: dict[str, list[Region]] = {
    "one": [Region("a cat", 0, 0, 1, 1)],
    "overlap": OVERLAP,
    "soft": [Region("a cat", mask=SOFT), Region("a dog", mask=SOFT[:, ::-1], base_ratio=0.1)],
    "seven": columns(7),
    "sixteen": [Region(f"x {i}", i % 4 / 4, i // 4 / 4, i % 4 / 4 + 0.25, i // 4 / 4 + 0.25) for i in range(16)],
    "long": [Region(LONG + "cat", 0, 0, 0.5, 1), Region("a dog", 0.5, 0, 1, 1)],
    "parts": [
        Region("a man", 0, 0, 0.5, 1, parts=[Region("a hat", 0, 0, 0.5, 0.5), Region("a coat", 0, 0.5, 0.5, 1)]),
        Region("a tree", 0.5, 0, 1, 1),
    ],
}  # fmt: skip

THREE = {"prompt": ["a red car", "a blue vase", "two trees"]}
TWICE = {"num_images_per_prompt": 2}
CASES: dict[str, tuple[list[str], bool, dict[str, Any], dict[str, Any]]] = {
    # layouts, guided, the pipeline's options, regional's options
    "K = 1": (["one"], False, {}, {}),
    "K = 7": (["seven"], True, {}, {"base_ratio": 0.0}),
    "K = 16": (["sixteen"], False, {**TWICE, "height": 96}, {"feather": 1.5}),
    "3 images, 3 layouts": (["overlap", "seven", "long"], True, {**THREE, "width": 96}, {}),
    "3 prompts, 6 images": (["one", "soft", "parts"], False, {**THREE, **TWICE}, {"base_ratio": [0.1, 0.8]}),
    "several images": (["parts"], True, TWICE, {"until": 0.5}),
    "odd size": (["soft"], True, {"width": 112, "height": 80}, {}),
    "long prompts": (["long"], True, {"height": 112}, {"base_ratio": [0.6, 0.2, 0.4], "until": 0.7}),
    "parts": (["parts"], False, {"width": 80}, {"feather": 2}),
    "negative prompts": (["overlap"], True, {**TWICE, "negative_prompt": "rain"}, {"feather": 1}),
}  # fmt: skip
"""Every two values of layout, guidance, batch, size and timing meet in one of these."""

FEW = ("SD", "PixArt-Sigma", "SD3", "FLUX.1", "Qwen-Image-2.1")
"""One of each way to attend: by processor, by block, in one sequence, in two kinds of blocks, twice in a block."""
A_FEW_FIRST = [each if each in FEW else pytest.param(each, marks=pytest.mark.slow) for each in PIPELINES]


def when(family: str, case: str) -> list[pytest.MarkDecorator]:
    """One case of every family first, then all of a few families, and of each of the others another third."""
    if case == "parts":
        return []
    turn = (list(PIPELINES).index(family) + list(CASES).index(case)) % 3 == 0
    return [pytest.mark.slow if family in FEW or turn else pytest.mark.exhaustive]


TABLE = [pytest.param(family, case, marks=when(family, case)) for family in PIPELINES for case in CASES]

SOMETIMES: dict[str, dict[str, Any]] = {
    "the first block": {"blocks": range(1)},
    "the second block": {"blocks": range(1, 2)},
    "after the first step": {"since": 0.3, "base_ratio": [0.1, 0.6]},
}

GUIDED: dict[str, dict[str, Any]] = {
    "FLUX.1": {"true_cfg_scale": 4.0, "negative_prompt": "bad"},
    "Qwen-Image": {"true_cfg_scale": 4.0, "negative_prompt": "bad"},
    "Qwen-Image-2.1": {"true_cfg_scale": 4.0, "negative_prompt": "bad"},
    "LongCat-Image": {"guidance_scale": 4.0, "negative_prompt": "bad"},
}
UNGUIDED: dict[str, dict[str, Any]] = {
    "FLUX.1": {},
    "Qwen-Image": {"true_cfg_scale": 1.0},
    "Qwen-Image-2.1": {"true_cfg_scale": 1.0},
    "Z-Image": {"guidance_scale": 0.0},
    "Krea 2": {"guidance_scale": 0.0},
}
EXTRA: dict[str, dict[str, Any]] = {
    "PixArt-Sigma": {"use_resolution_binning": False},
    "Sana": {"use_resolution_binning": False, "complex_human_instruction": None},
    "Z-Image": {"cfg_truncation": 0.5},  # of the three steps, the last is not guided
    "LongCat-Image": {"enable_prompt_rewrite": False},
}

differences: dict[tuple[str, str], float] = {}
"""Family and feature to the largest difference seen; printed by the conftest."""


def paint(pipe: Any, family: str, guided: bool = True, **options: Any) -> torch.Tensor:
    """Final latents."""
    side = GUIDED.get(family, {"guidance_scale": 4.0}) if guided else UNGUIDED.get(family, {"guidance_scale": 1.0})
    options = {
        "prompt": "a red car, a blue vase",
        "width": 64,
        "height": 64,
        **side,
        **EXTRA.get(family, {}),
        **options,
    }
    if family == "HunyuanImage":  # whose guidance is a component of the pipeline
        pipe.guider.enable() if guided else pipe.guider.disable()
        options.pop("guidance_scale")
        options |= {side: 2 * options[side] for side in ("width", "height")}
    if family in ("Sana", "Qwen-Image-2.1"):  # they paint multiples of 32
        options |= {side: -(-options[side] // 32) * 32 for side in ("width", "height")}
    if family == "FLUX.2":  # Klein takes none
        options.pop("negative_prompt", None)
    if not guided or (family in GUIDED and isinstance(options["prompt"], list)):
        negative = options.pop("negative_prompt", None)
        if guided:
            options["negative_prompt"] = [negative] * len(options["prompt"])
    latents: torch.Tensor = pipe(
        num_inference_steps=3, generator=torch.Generator().manual_seed(7), output_type="latent", **options
    ).images
    return latents


def padding(pipe: Any, *prompts: str) -> dict[str, int]:
    """The pipeline's option by which its own prompt is padded as far as those need, as regions do it."""
    known = getattr(family_of(pipe), "PADDING", None)
    return {} if known is None else {"max_sequence_length": max(known.needed(pipe, each) for each in prompts)}


def compared(  # noqa: PLR0917 - a case is spread into it
    pipe: Any, family: str, feature: str, layouts: list[str], guided: bool, options: dict[str, Any],
    steering: dict[str, Any],
) -> None:  # fmt: skip
    """Paint both ways; both have to be the same picture, and not the plain one."""
    regions: Any = LAYOUTS[layouts[0]] if len(layouts) == 1 else [LAYOUTS[name] for name in layouts]
    with dense(pipe, regions, **steering):
        expected = paint(pipe, family, guided, **options)
    with regional(pipe, regions, **steering):
        got = paint(pipe, family, guided, **options)
    found = difference(got, expected)
    differences[family, feature] = max(found, differences.get((family, feature), 0))
    assert found < EXACT
    assert difference(paint(pipe, family, guided, **options), got) > 10 * EXACT, "the regions changed nothing"


@pytest.fixture(scope="module")
def pipelines() -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda family: made.setdefault(family, None) or made.update({family: tiny(family)}) or made[family]


@pytest.mark.parametrize(("family", "case"), TABLE)
def test_the_picture_is_the_one_of_the_formula(pipelines: Callable[[str], Any], family: str, case: str) -> None:
    compared(pipelines(family), family, case, *CASES[case])


def test_self_attention_of_as_many_tokens_as_all_prompts_have_is_left_alone(pipelines: Callable[[str], Any]) -> None:
    """A picture of 400 tokens, a base prompt of 300, and a region's: one letter more or less is no great matter."""
    pipe, pictures = pipelines("PixArt-Sigma"), []
    for letters in (97, 98, 99):
        with regional(pipe, [Region("x" * letters, 0, 0, 1, 1)], base_ratio=0):
            pictures.append(paint(pipe, "PixArt-Sigma", width=320, height=320))
    assert difference(*pictures[:2]) < 2 * difference(pictures[0], pictures[2])


@pytest.mark.parametrize("steering", SOMETIMES.values(), ids=SOMETIMES.keys())
@pytest.mark.parametrize("family", A_FEW_FIRST)
def test_in_some_blocks_or_steps_alone_it_is_the_formulas_as_well(
    pipelines: Callable[[str], Any], family: str, steering: dict[str, Any]
) -> None:
    pipe, pictures = pipelines(family), []
    for way in (dense, regional):
        with way(pipe, OVERLAP, **steering):
            pictures.append(paint(pipe, family))
    assert_same(pictures[1], pictures[0])
    with regional(pipe, OVERLAP):
        always = paint(pipe, family)
    for other in (always, paint(pipe, family)):
        assert difference(other, pictures[1]) > 2 * EXACT, "the regions hold always, or never"


@pytest.mark.parametrize("family", A_FEW_FIRST)
def test_all_blocks_are_what_holds_where_none_are_chosen(pipelines: Callable[[str], Any], family: str) -> None:
    pipe = pipelines(family)
    with regional(pipe, OVERLAP):
        expected = paint(pipe, family)
    with pytest.raises(BadSettings, match="are out of range") as told, regional(pipe, OVERLAP, blocks=range(99)):
        pass
    count = int(str(told.value).rsplit("range(", maxsplit=1)[1].rstrip(")"))
    with regional(pipe, OVERLAP, blocks=range(count)):
        assert torch.equal(paint(pipe, family), expected)


@pytest.mark.slow
@pytest.mark.parametrize("family", PIPELINES)
def test_afterwards_the_pipeline_paints_the_same_bits(pipelines: Callable[[str], Any], family: str) -> None:
    pipe = pipelines(family)
    network = getattr(pipe, "unet", None) or pipe.transformer
    before, state = paint(pipe, family), (set(vars(pipe)), set(vars(network)), dict(network._forward_pre_hooks))
    with regional(pipe, OVERLAP):
        paint(pipe, family)
    broken = network.register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), regional(pipe, OVERLAP):
        paint(pipe, family)
    broken.remove()
    assert (set(vars(pipe)), set(vars(network)), dict(network._forward_pre_hooks)) == state
    assert torch.equal(paint(pipe, family), before)


@pytest.mark.parametrize(
    "family", [each if each == "FLUX.1" else pytest.param(each, marks=pytest.mark.slow) for each in PIPELINES]
)
def test_regions_hold_in_every_call_of_a_pipeline_that_is_offloaded(family: str) -> None:
    """After each of which the hooks that offload are taken off and put on again."""
    pipe = tiny(family)
    network, plain = getattr(pipe, "unet", None) or pipe.transformer, paint(pipe, family)
    pipe.enable_model_cpu_offload(device="cpu")
    with regional(pipe, OVERLAP):
        first = paint(pipe, family)
        assert torch.equal(paint(pipe, family), first)
        with regional(pipe, columns(2, "cup")):
            inner = [paint(pipe, family), paint(pipe, family)]
        pipe.remove_all_hooks()
        assert torch.equal(paint(pipe, family), first)
        pipe.enable_model_cpu_offload(device="cpu")
        assert torch.equal(paint(pipe, family), first)
    assert torch.equal(*inner)
    assert all(difference(first, other) > 10 * EXACT for other in (plain, inner[0])), "the regions changed nothing"
    assert torch.equal(paint(pipe, family), plain)
    assert network._old_forward.__func__ is type(network).forward, "something is still in its place"


@pytest.mark.slow
@pytest.mark.parametrize("family", PIPELINES)
def test_a_base_ratio_of_one_is_the_base_prompt_and_inner_regions_give_way_to_outer_ones(
    pipelines: Callable[[str], Any], family: str
) -> None:
    pipe = pipelines(family)
    plain = paint(pipe, family, **padding(pipe, "a red car, a blue vase"))
    with regional(pipe, columns(2), base_ratio=1):
        assert_same(paint(pipe, family), plain)
    with regional(pipe, columns(2)):
        outer = paint(pipe, family)
        with regional(pipe, columns(2, "cup")):
            inner = paint(pipe, family)
        assert torch.equal(paint(pipe, family), outer)
    with regional(pipe, columns(2, "cup")):
        assert torch.equal(paint(pipe, family), inner)


@pytest.mark.slow
@pytest.mark.parametrize("family", PIPELINES)
def test_one_region_without_base_is_its_own_prompt_as_if_it_had_been_the_prompt(
    pipelines: Callable[[str], Any], family: str
) -> None:
    """But for the pooled embedding, which stays the base prompt's."""
    pipe = pipelines(family)
    network, pooled = getattr(pipe, "unet", None) or pipe.transformer, []

    def keep(_: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        for holder, name in ((kwargs, "pooled_projections"), (kwargs.get("added_cond_kwargs") or {}, "text_embeds")):
            if name in holder:
                pooled.append(holder[name].clone())
                holder[name] = torch.zeros_like(holder[name])
        return args, kwargs

    hook = network.register_forward_pre_hook(keep, with_kwargs=True)
    options: dict[str, Any] = padding(pipe, LONG)
    if family == "Z-Image":  # whose images are padded to multiples of 32 tokens, at a distance from their prompt
        options |= {"width": 128}
    try:
        plain, seen = paint(pipe, family, prompt="a green house", **options), len(pooled)
        with regional(pipe, [Region("a green house", 0, 0, 1, 1)], base_ratio=0):
            got = paint(pipe, family, prompt=LONG, **options)
    finally:
        hook.remove()
    assert_same(got, plain)
    assert all(torch.equal(each, pooled[seen]) for each in pooled[seen + 1 :: 2] if family == "SDXL")


@pytest.mark.slow
@pytest.mark.parametrize(
    "family", ["Qwen-Image", "Qwen-Image-2.1", "Chroma", "Ovis-Image", "LongCat-Image", "Krea 2", "HunyuanImage"]
)
def test_a_negative_prompt_over_everything_is_the_pictures_own(pipelines: Callable[[str], Any], family: str) -> None:
    """Of families that call the denoiser for each side, and have no pooled embedding."""
    pipe = pipelines(family)
    options = padding(pipe, LONG)
    plain = paint(pipe, family, prompt="a green house", negative_prompt="snow", **options)
    with regional(pipe, [Region("a green house", 0, 0, 1, 1, negative_prompt="snow")], base_ratio=0):
        assert_same(paint(pipe, family, prompt=LONG, negative_prompt="heavy rain", **options), plain)
    with regional(pipe, [Region("a green house", 0, 0, 1, 1)], base_ratio=0):
        assert_same(paint(pipe, family, prompt=LONG, negative_prompt="snow", **options), plain)


class Unknown(ZImageTransformer2DModel):
    """A denoiser of a family that nobody has heard of, which takes lists, and the positive side first."""


@pytest.mark.filterwarnings("ignore:regional attention does not know")
def test_what_is_composed_in_noise_space_has_no_blocks_to_choose_from() -> None:
    pipe = tiny("Z-Image")
    pipe.transformer.__class__ = Unknown
    with pytest.raises(BadSettings, match="do not hold block by block"), regional(pipe, OVERLAP, blocks=range(1)):
        pass


def test_composition_mixes_what_the_denoiser_predicts_for_each_prompt() -> None:
    pipe, layout = tiny("Z-Image"), [Region("a cat", 0, 0, 0.5, 1), Region("a dog", 0.5, 0.5, 1, 1)]
    pipe.transformer.__class__ = Unknown
    outputs: list[torch.Tensor] = []
    hook = pipe.transformer.register_forward_hook(lambda _, __, out: outputs.append(torch.stack(list(out[0]))))

    def predicted(prompt: str, way: Any) -> torch.Tensor:
        """The first step's, of the positive and the negative side: (2, C, 1, height, width)."""
        outputs.clear()
        with way:
            paint(pipe, "Z-Image", prompt=prompt, cfg_truncation=1.0)
        return outputs[0]

    base, cat, dog = (predicted(prompt, nullcontext()) for prompt in ("a street", "a cat", "a dog"))
    with pytest.warns(UserWarning, match="2 more calls"):
        got = predicted("a street", regional(pipe, layout, 0.25))
    hook.remove()
    expected = base.clone()
    expected[0, ..., :4] = 0.25 * base[0, ..., :4] + 0.75 * cat[0, ..., :4]
    expected[0, ..., 4:, 4:] = 0.25 * base[0, ..., 4:, 4:] + 0.75 * dog[0, ..., 4:, 4:]
    assert_same(got, expected)


class UnknownPacked(FluxTransformer2DModel):
    """Of another family, whose latents are a sequence of tokens."""


def test_packed_latents_of_a_family_that_nobody_has_heard_of_are_refused_before_anything_is_painted() -> None:
    pipe = tiny("FLUX.1")
    pipe.transformer.__class__ = UnknownPacked
    refusal = r"does not know FluxPipeline, and its packed latents do not say where a region is: use Stable.*Krea2Pipe"
    with pytest.raises(BadSettings, match=refusal), regional(pipe, OVERLAP):
        pytest.fail("it was let in")


def test_sequences_with_pictures_between_the_texts_are_refused(pipelines: Callable[[str], Any]) -> None:
    pipe = ZImageOmniPipeline(**pipelines("Z-Image").components, siglip=None, siglip_processor=None)
    with (
        regional(pipe, OVERLAP),
        pytest.raises(BadSettings, match="does not know the sequences of ZImageOmniPipeline: use ZImagePipeline"),
    ):
        paint(pipe, "Z-Image")


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
REPAINTING: dict[tuple[str, str], Any] = {
    ("SD", "img2img"): StableDiffusionImg2ImgPipeline,
    ("SD", "inpainting"): StableDiffusionInpaintPipeline,
    ("SDXL", "img2img"): StableDiffusionXLImg2ImgPipeline,
    ("SDXL", "inpainting"): StableDiffusionXLInpaintPipeline,
    ("SD3", "img2img"): StableDiffusion3Img2ImgPipeline,
    ("SD3", "inpainting"): StableDiffusion3InpaintPipeline,
    ("FLUX.1", "img2img"): FluxImg2ImgPipeline,
    ("FLUX.1", "inpainting"): FluxInpaintPipeline,
    ("FLUX.2", "inpainting"): Flux2KleinInpaintPipeline,
    ("Sana", "img2img"): SanaSprintImg2ImgPipeline,
    ("Qwen-Image", "img2img"): QwenImageImg2ImgPipeline,
    ("Qwen-Image", "inpainting"): QwenImageInpaintPipeline,
    ("Z-Image", "img2img"): ZImageImg2ImgPipeline,
    ("Z-Image", "inpainting"): ZImageInpaintPipeline,
    ("Chroma", "img2img"): ChromaImg2ImgPipeline,
    ("Chroma", "inpainting"): ChromaInpaintPipeline,
}


@pytest.mark.slow
@pytest.mark.parametrize(("family", "feature"), REPAINTING)
def test_it_holds_for_repainting(pipelines: Callable[[str], Any], family: str, feature: str) -> None:
    kind, source = REPAINTING[family, feature], tiny("Sana Sprint") if family == "Sana" else pipelines(family)
    pipe = kind(**source.components, **({"requires_safety_checker": False} if family == "SD" else {}))
    pipe.set_progress_bar_config(disable=True)
    options: dict[str, Any] = {"image": PICTURE, "strength": 0.9}
    if feature == "inpainting":
        options["mask_image"] = Image.new("L", (64, 64), 255)
    if (family, feature) == ("Chroma", "inpainting"):  # whose pipeline asks for what Chroma does not have
        pipe.transformer.register_to_config(guidance_embeds=False)
    if family in ("SD", "SDXL") and feature == "img2img":
        options |= {"width": None, "height": None}
    if family == "Sana":  # Sprint, whose only picture in between is for two steps
        options["intermediate_timesteps"] = None
    compared(pipe, family, feature, ["overlap"], True, options, {"base_ratio": [0.1, 0.6]})


@pytest.mark.slow
@pytest.mark.parametrize("family", ["SD3", "FLUX.1", "Z-Image"])
def test_repainting_begins_where_its_part_of_the_schedule_does(pipelines: Callable[[str], Any], family: str) -> None:
    """Of three steps it takes the last: what is switched off after the first half never holds."""
    pipe = REPAINTING[family, "img2img"](**pipelines(family).components)
    pipe.set_progress_bar_config(disable=True)
    plain = paint(pipe, family, image=PICTURE, strength=1 / 3, **padding(pipe, "a red car, a blue vase"))
    for until, holds in ((0.5, False), (0.9, True)):
        with regional(pipe, OVERLAP, until=until):
            assert torch.equal(paint(pipe, family, image=PICTURE, strength=1 / 3), plain) is not holds


@pytest.mark.slow
@pytest.mark.parametrize("family", CONTROLNETS)
def test_it_holds_with_controlnet(pipelines: Callable[[str], Any], family: str) -> None:
    options = {"image" if family in ("SD", "SDXL") else "control_image": PICTURE, **TWICE}
    compared(with_controlnet(family, pipelines(family)), family, "ControlNet", ["overlap"], True, options, {})


@pytest.mark.slow
@pytest.mark.parametrize("family", ["SD", "FLUX.1"])
def test_the_drawing_of_the_layout_may_guide_a_controlnet(pipelines: Callable[[str], Any], family: str) -> None:
    pipe = with_controlnet(family, pipelines(family))
    drawing = draw_layout(Layout(base_prompt="a room", regions=OVERLAP), 64, 64)
    name = "image" if family == "SD" else "control_image"
    compared(pipe, family, "ControlNet", ["overlap"], True, {name: drawing}, {})
    with regional(pipe, OVERLAP):
        drawn, blank = (paint(pipe, family, **{name: each}) for each in (drawing, Image.new("RGB", (64, 64), "white")))
    assert difference(drawn, blank) > EXACT


@pytest.mark.parametrize("guided", [True, False])
def test_it_holds_with_the_boxes_of_gligen(guided: bool) -> None:
    parts = tiny("SD").components | {"unet": grounded_unet()}
    parts.pop("image_encoder")
    pipe = StableDiffusionGLIGENPipeline(**parts, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    boxes = {"gligen_phrases": ["a cat"], "gligen_boxes": [[0, 0, 0.5, 1]], "gligen_scheduled_sampling_beta": 1}
    with dense(pipe, OVERLAP, 0.3):
        expected = paint(pipe, "SD", guided, **boxes)
    with regional(pipe, OVERLAP, 0.3):
        assert_same(paint(pipe, "SD", guided, **boxes), expected)
    with regional(pipe, OVERLAP):
        here, there = (
            paint(pipe, "SD", guided, **boxes | {"gligen_boxes": [box]}) for box in ([0, 0, 0.5, 1], [0.6, 0, 1, 0.3])
        )
    assert difference(here, there) > 10 * EXACT


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in PIPELINES if family != "PixArt-Sigma"])
def test_it_holds_with_a_lora_loaded(family: str) -> None:
    pipe = tiny(family)
    network = getattr(pipe, "unet", None) or pipe.transformer
    targets = ["to_q", "to_k", "to_v", "add_k_proj", "add_q_proj"] if family not in ("SD", "SDXL") else ["to_k", "to_v"]
    plain = paint(pipe, family)
    network.add_adapter(LoraConfig(r=4, lora_alpha=8, target_modules=targets, init_lora_weights=False))
    assert not torch.allclose(paint(pipe, family), plain, atol=1e-3), "the LoRA does nothing"
    compared(pipe, family, "LoRA", ["overlap"], True, {"width": 80} | ({"width": 64} if family == "Sana" else {}), {})


@pytest.mark.slow
@pytest.mark.parametrize("family", ["SD", "SDXL", "SD3", "FLUX.1"])
def test_it_holds_with_ip_adapter(family: str) -> None:
    pipe = tiny(family)
    plain = paint(pipe, family)
    options = with_ip_adapter(family, pipe)
    assert not torch.allclose(paint(pipe, family, **options), plain, atol=1e-3), "the IP-Adapter does nothing"
    compared(pipe, family, "IP-Adapter", ["overlap"], True, options, {})


def test_the_table_in_the_docs_is_what_was_seen() -> None:
    """The last test here: it prints the largest differences that the others saw."""
    lines = (Path(__file__).parents[2] / "docs" / "families.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    header, _, *body = [row for row in rows if len(row) == len(rows[0])]
    told = {(row[0], feature): cell for row in body for feature, cell in zip(header[1:], row[1:], strict=True)}
    for (family, feature), found in differences.items():
        print(f"{family:14} {feature:22} {found:.1e}")
        assert told[family, feature] == "exact"
    assert {row[0] for row in body} == set(PIPELINES)
