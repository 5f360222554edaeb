"""Complementary regional attention: each region of the canvas follows a prompt of its own, and all follow the base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from muralist.tools.errors import BadLayout, BadSettings
from muralist.tools.layout import MAX_REGIONS, Region


@contextmanager
def regional(pipe: Any, regions: Sequence[Region], base_ratio: float = 0.3) -> Iterator[None]:
    """Within the `with`, `pipe` paints every region by its own prompt and the pipeline's prompt.

    At each cross-attention the output for a pixel p of region r is
    `b * Attn(q_p, base) + (1 - b) * Attn(q_p, prompt_r)` (RPG, arXiv 2401.11708, section 2.3). Pixels that no region
    covers follow the base prompt, the one given to `pipe(...)`, alone; where regions overlap or have soft masks, their
    outputs are mixed by their weights, normalised where they add up to more than 1. The unconditional half of
    classifier-free guidance is left alone, except inside regions that have a `negative_prompt`: there the same formula
    holds with the negative prompts.

    `pipe` is a diffusers pipeline of the Stable Diffusion family (1.x, 2.x, XL; text-to-image, img2img, inpaint or
    ControlNet); any batch size, every image gets the same regions. `base_ratio` is b, in [0, 1]; a region's own comes
    first. For inference only: gradients do not flow through.

    Afterwards the pipeline is as it was, also after an exception. Raises BadLayout for no or too many regions,
    BadSettings for a base ratio out of range or a pipeline of another family.
    """
    if not 1 <= len(regions) <= MAX_REGIONS:
        raise BadLayout(f"regional attention got {len(regions)} regions: give 1 to {MAX_REGIONS}")
    if not 0 <= base_ratio <= 1:
        raise BadSettings(
            f"base ratio {base_ratio:g} is out of range: choose one from 0 (regions alone) to 1 (base alone)"
        )

    from .stable_diffusion import attached

    with attached(pipe, regions, base_ratio):
        yield
