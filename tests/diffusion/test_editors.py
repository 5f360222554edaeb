"""Editing by families other than Stable Diffusion, and by models made for editing, behind the same call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import FluxFillPipeline, FluxKontextPipeline, FluxTransformer2DModel
from PIL import Image
from tiny_pipelines import tiny

from muralist.diffusion import edit_region


def kontext() -> Any:
    """An editor without a mask: it paints a picture of its own size."""
    return FluxKontextPipeline(**tiny("FLUX.1").components)


def fill() -> Any:
    """An editor with a mask, whose denoiser takes picture and mask beside the latents."""
    components = dict(tiny("FLUX.1").components)
    config = components["transformer"].config
    kept = ("num_attention_heads", "attention_head_dim", "joint_attention_dim", "pooled_projection_dim")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        components["transformer"] = FluxTransformer2DModel(
            in_channels=16 + 16 + 4 * 64, out_channels=16, num_layers=1, num_single_layers=1, guidance_embeds=True,
            axes_dims_rope=config.axes_dims_rope, **{name: config[name] for name in kept},
        )  # fmt: skip
    adapters = ("image_encoder", "feature_extractor")
    return FluxFillPipeline(**{name: part for name, part in components.items() if name not in adapters})


EDITORS: dict[str, Callable[[], Any]] = {
    "SD3": lambda: tiny("SD3"), "FLUX.1": lambda: tiny("FLUX.1"), "FLUX.2": lambda: tiny("FLUX.2"),
    "Qwen-Image": lambda: tiny("Qwen-Image"), "Z-Image": lambda: tiny("Z-Image"),
    "FLUX.1 Kontext": kontext, "FLUX.1 Fill": fill,
}  # fmt: skip


@pytest.mark.parametrize("scene", [None, "a room"])
@pytest.mark.parametrize("editor", EDITORS)
def test_only_what_is_inside_changes_and_the_same_seed_gives_the_same_bytes(editor: str, scene: str | None) -> None:
    pipe = EDITORS[editor]()
    pipe.set_progress_bar_config(disable=True)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 80, 3), np.uint8))
    first, second = (
        edit_region(pipe, picture, (0.1, 0.1, 0.95, 0.75), "a red cup", steps=2, seed=3, scene=scene) for _ in range(2)
    )
    changed = (np.asarray(first) != np.asarray(picture)).any(2)
    assert first.size == picture.size
    assert first.tobytes() == second.tobytes()
    assert changed[10:71, 8:75].mean() > 0.5
    changed[9:72, 8:76] = False
    assert not changed.any()
