"""What it changes that a region's prompt is padded to 128 tokens, on stand-ins with random weights; -s shows how far.

Joint attention reads padding like text, so it is not neutral: with random weights it moves a picture further than the
regions do. How much a model minds that was trained on 256 or 512 tokens only its own weights can tell.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_pipelines import tiny

from muralist.diffusion import Region, long_prompts, regional

REGIONS = [Region(f"a thing of kind {i}", i / 4, 0, (i + 1) / 4, 1) for i in range(4)]


def paint(pipe: Any) -> torch.Tensor:
    """Final latents."""
    latents: torch.Tensor = pipe(
        "four things", width=64, height=64, num_inference_steps=3, guidance_scale=1.0, output_type="latent",
        generator=torch.Generator().manual_seed(7),
    ).images  # fmt: skip
    return latents


@pytest.mark.parametrize("family", ["SD3", "FLUX.1"])
def test_the_shorter_the_prompt_the_further_from_the_full_length(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tiny(family)
    plain = paint(pipe)

    def painted(length: int) -> torch.Tensor:
        monkeypatch.setattr(long_prompts, "LENGTHS", (length,))
        with regional(pipe, REGIONS):
            return paint(pipe)

    usual = painted(512)
    moved = {length: float((painted(length) - usual).norm() / (usual - plain).norm()) for length in (64, 128, 256)}
    told = ", ".join(f"{length} tokens {share:.2f}" for length, share in moved.items())
    print(f"\n{family}: away from 512 tokens, as a share of what regions change: {told}")
    assert 0 < moved[256] < moved[128] < moved[64]
