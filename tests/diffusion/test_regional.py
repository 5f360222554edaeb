"""Regional attention paints what the formula says, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from exactness import assert_same
from PIL import Image

from muralist.diffusion import Region, regional
from muralist.diffusion.dense_reference import dense
from muralist.tools.errors import BadLayout, BadSettings
from muralist.tools.layout import Layout


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
    assert_same(got, expected)
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
    assert_same(got, expected)


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
            assert_same(out, layer(*inputs, **options))


def test_one_region_over_everything_without_base_is_its_prompt_painted_plainly(pipe: StableDiffusionPipeline) -> None:
    plain = paint(pipe, "a green house")
    with regional(pipe, [Region("a green house", 0, 0, 1, 1)], base_ratio=0):
        assert_same(paint(pipe, "something else"), plain)


def test_a_base_ratio_of_one_is_the_base_prompt_painted_plainly(pipe: StableDiffusionPipeline) -> None:
    plain = paint(pipe, "a green house")
    with regional(pipe, columns(0, 0.5, 1), base_ratio=1):
        assert_same(paint(pipe, "a green house"), plain)


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
        assert_same(paint(pipe, **options), expected)


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


MISTAKES: dict[str, tuple[type[Exception], str, Callable[[Any], Any]]] = {
    "no regions": (BadLayout, "0 regions: give 1 to 16", lambda pipe: regional(pipe, [])),
    "seventeen": (BadLayout, "17 regions: give 1 to 16", lambda pipe: regional(pipe, columns(*[0, 1]) * 17)),
    "parts count": (BadLayout, "18 regions", lambda pipe: regional(pipe, [Region("a", parts=columns(0, 1))] * 9)),
    "base ratio": (BadSettings, "base ratio 2", lambda pipe: regional(pipe, columns(0, 1), 2)),
    "one of several": (BadSettings, "base ratio -1", lambda pipe: regional(pipe, columns(0, 1), [0, -1])),
    "until": (BadSettings, "until 0 is out of range", lambda pipe: regional(pipe, columns(0, 1), until=0)),
    "never on": (
        BadSettings,
        "since 0.5 is not below until 0.5",
        lambda pipe: regional(pipe, columns(0, 1), since=0.5, until=0.5),
    ),
    "blocks that are no range": (
        BadSettings,
        r"blocks \(0, 2\) are no range",
        lambda pipe: regional(pipe, columns(0, 1), blocks=(0, 2)),  # type: ignore[arg-type]
    ),
    "blocks that are not there": (
        BadSettings,
        "blocks 2 to 8 are out of range: UNet2DConditionModel has 7",
        lambda pipe: regional(pipe, columns(0, 1), blocks=range(2, 9)),
    ),
    "no blocks": (
        BadSettings,
        "blocks of an empty range",
        lambda pipe: regional(pipe, columns(0, 1), blocks=range(0)),
    ),
    "one region alone": (
        BadLayout,
        "not a Region: give a list of Region",
        lambda pipe: regional(pipe, Region("a")),  # type: ignore[arg-type]
    ),
    "a layout": (
        BadLayout,
        "not a Layout: give a list of Region",
        lambda pipe: regional(pipe, Layout(base_prompt="a", regions=columns(0, 1))),  # type: ignore[arg-type]
    ),
    "tuples": (
        BadLayout,
        "a region is not a str",
        lambda pipe: regional(pipe, [("a", 0, 0, 1, 1)]),  # type: ignore[list-item]
    ),
    "arguments the wrong way round": (
        BadLayout,
        "not a StableDiffusionPipeline",
        lambda pipe: regional(columns(0, 1), pipe),
    ),
    "a base ratio in letters": (
        BadSettings,
        "base ratio '0.5' is no number",
        lambda pipe: regional(pipe, columns(0, 1), "0.5"),
    ),
    "feather": (BadSettings, "feather nan", lambda pipe: regional(pipe, columns(0, 1), feather=float("nan"))),
    "no pipeline": (BadSettings, "a unet or a transformer: object has", lambda _: regional(object(), columns(0, 1))),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_in_one_line_and_leave_the_pipeline_as_it_was(
    pipe: StableDiffusionPipeline, name: str
) -> None:
    kind, message, make = MISTAKES[name]
    processors = dict(pipe.unet.attn_processors)
    with pytest.raises(kind, match=message) as caught, make(pipe):
        pass
    assert len(str(caught.value).splitlines()) == 1
    assert pipe.unet.attn_processors == processors
    assert not pipe.unet._forward_pre_hooks


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((4, 4)), "one at least above 0"),
        (np.full((4, 4), np.nan), "between 0 and 1"),
        (np.full((4, 4), 2.0), "between 0 and 1"),
        (np.ones((4, 4, 3)), r"\(height, width\), not \(4, 4, 3\)"),
        (np.ones((0, 4)), "rows of equal length"),
        ([[1, 1], [1]], "rows of equal length"),
        ("/etc/hostname", "a mask is no text"),
        (Path("no-such.png"), "cannot be read as a picture"),
    ],
)
def test_a_mask_that_cannot_be_used_is_told_in_one_line(mask: object, message: str) -> None:
    with pytest.raises(BadLayout, match=message) as caught:
        Region("a cat", mask=mask)
    assert len(str(caught.value).splitlines()) == 1


def test_a_mask_may_be_a_picture_a_file_or_an_array(tmp_path: Path) -> None:
    array = np.array([[0, 255], [51, 0]], np.uint8)
    picture = Image.fromarray(array)
    picture.save(tmp_path / "mask.png")
    for mask in (picture, tmp_path / "mask.png", array / 255):
        region = Region("a cat", mask=mask)
        assert np.allclose(region.mask, [[0, 1], [0.2, 0]])
    clear = Image.fromarray(np.dstack([np.full((2, 2), 255, np.uint8), array]), "LA")
    assert np.allclose(Region("a cat", mask=clear).mask, [[0, 1], [0.2, 0]]), "where it is transparent, it is 0"


def test_more_layouts_than_pictures_are_refused(pipe: StableDiffusionPipeline) -> None:
    layouts = [columns(0, 1), columns(0, 0.5, 1)]
    with regional(pipe, layouts), pytest.raises(BadLayout, match="2 layouts were given for 3 pictures"):
        paint(pipe, num_images_per_prompt=3)


def test_the_end_of_a_long_prompt_is_heard(pipe: StableDiffusionPipeline) -> None:
    def painted(end: str) -> torch.Tensor:
        with regional(pipe, [Region("a very very very long prompt about a " + end, 0, 0, 1, 1)]):
            return paint(pipe)

    assert not torch.allclose(painted("cat"), painted("dog"), atol=1e-3)


def test_switched_off_early_the_rest_is_painted_plainly(pipe: StableDiffusionPipeline) -> None:
    outputs: list[torch.Tensor] = []
    hook = pipe.unet.register_forward_hook(lambda _, __, out: outputs.append(out[0]))
    with regional(pipe, columns(0, 0.5, 1), until=0.5):
        paint(pipe, num_inference_steps=4)
    led = outputs[:]
    outputs.clear()
    with regional(pipe, columns(0, 0.5, 1)):
        paint(pipe, num_inference_steps=4)
    hook.remove()
    always = outputs
    assert [torch.equal(a, b) for a, b in zip(led, always, strict=True)] == [True, True, False, False]


def test_calling_another_pipeline_over_the_same_parts_is_refused(pipe: StableDiffusionPipeline) -> None:
    paint(pipe)  # it guides
    other = StableDiffusionPipeline(**pipe.components, requires_safety_checker=False)
    other.set_progress_bar_config(disable=True)
    with regional(pipe, columns(0, 0.5, 1)), pytest.raises(BadSettings, match="the very pipeline"):
        paint(other, guidance_scale=1.0)
