"""Regions on compiled denoisers, in each usual form; what cannot be compiled is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from exactness import EXACT, assert_same, difference
from peft import LoraConfig
from tiny_pipelines import tiny

from muralist.diffusion import Region, regional
from muralist.tools.errors import BadSettings

TWO = [Region("a cat", 0, 0, 0.6, 1), Region("a dog", 0.4, 0.2, 1, 1, negative_prompt="a hat")]


@pytest.fixture(autouse=True)
def _nothing_compiled_before() -> None:
    torch._dynamo.reset()


def paint(pipe: Any) -> torch.Tensor:
    """Final latents."""
    latents: torch.Tensor = pipe(
        prompt="a room", generator=torch.Generator().manual_seed(7), output_type="latent", num_inference_steps=1,
        width=64, height=64,
    ).images  # fmt: skip
    return latents


def as_function(pipe: Any) -> None:
    pipe.unet = torch.compile(pipe.unet, backend="eager")


def its_forward(pipe: Any) -> None:
    pipe.unet.forward = torch.compile(pipe.unet.forward, backend="eager")


FORMS: dict[str, Callable[[Any], None]] = {
    "pipe.unet.compile()": lambda pipe: pipe.unet.compile(backend="eager"),
    "torch.compile(pipe.unet)": as_function,
    "compile_repeated_blocks()": lambda pipe: pipe.unet.compile_repeated_blocks(backend="eager"),
    "torch.compile(pipe.unet.forward)": its_forward,
}


@pytest.mark.slow
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("compiled", FORMS.values(), ids=FORMS.keys())
def test_a_compiled_denoiser_paints_its_regions(
    pipe: StableDiffusionPipeline, compiled: Callable[[Any], None], within: bool
) -> None:
    plain = paint(pipe)
    with regional(pipe, TWO, 0.3):
        expected = paint(pipe)
    if not within:
        compiled(pipe)
    with regional(pipe, TWO, 0.3):
        if within:
            compiled(pipe)
        assert_same(paint(pipe), expected)
    assert_same(paint(pipe), plain)


def lora(pipe: Any, targets: list[str]) -> None:
    """Random weights that are well visible."""
    part = getattr(pipe, "unet", None) or pipe.transformer
    with torch.random.fork_rng():
        torch.manual_seed(0)
        part.add_adapter(LoraConfig(r=4, lora_alpha=16, target_modules=targets, init_lora_weights=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "blocks"),
    [*((family, None) for family in ("SDXL", "FLUX.1", "FLUX.2", "Qwen-Image", "Z-Image")), ("FLUX.1", range(1))],
)
def test_a_lora_offload_and_compiled_blocks_go_together(family: str, blocks: range | None) -> None:
    pipe, targets = tiny(family), ["to_q", "to_k", "to_v"]
    lora(pipe, targets)
    plain = paint(pipe)
    with regional(pipe, TWO, 0.3, blocks=blocks):
        expected = paint(pipe)
    assert difference(expected, plain) > 10 * EXACT
    pipe.enable_model_cpu_offload(device="cpu")
    (getattr(pipe, "unet", None) or pipe.transformer).compile_repeated_blocks(backend="eager")
    with regional(pipe, TWO, 0.3, blocks=blocks):
        assert_same(paint(pipe), expected)
    assert_same(paint(pipe), plain)


FULL: dict[str, Callable[[Any], None]] = {
    "whole": lambda pipe: pipe.unet.compile(backend="eager", fullgraph=True),
    "blocks": lambda pipe: pipe.unet.compile_repeated_blocks(backend="eager", fullgraph=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("compiled", FULL.values(), ids=FULL.keys())
def test_one_graph_without_breaks_is_refused_in_one_line(
    pipe: StableDiffusionPipeline, compiled: Callable[[Any], None]
) -> None:
    compiled(pipe)
    with pytest.raises(BadSettings, match="regions: compile it without fullgraph=True") as told, regional(pipe, TWO):
        paint(pipe)
    assert "\n" not in str(told.value)
    assert not pipe.unet._forward_pre_hooks
