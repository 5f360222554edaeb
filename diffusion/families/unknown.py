"""Any other denoiser: composition in noise space, at the cost of a call for each region."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

from muralist.diffusion.batch_grouping import ConditioningState
from muralist.diffusion.composable_diffusion import PromptConditioning, probe_conditioning
from muralist.diffusion.composable_diffusion import attached as attached_to_any
from muralist.diffusion.guidance_side import side_of
from muralist.diffusion.region_schedule import Side
from muralist.tools.errors import BadSettings

from . import FAMILIES, denoiser
from .cfg_batch import cfg_sides

_batch_layouts: WeakKeyDictionary[Any, PromptConditioning] = WeakKeyDictionary()
"""How a pipeline's batch is made up."""


def encoded(pipe: Any, prompts: list[str]) -> tuple[PromptConditioning, ...]:
    """As the pipeline itself brings them to the denoiser. BadSettings for one whose latents are packed."""
    found = tuple(probe_conditioning(pipe, denoiser(pipe), prompt) for prompt in prompts)
    if found[0].packed:
        raise BadSettings(
            f"regional attention does not know {type(pipe).__name__}, and its packed latents do not say where a region "
            f"is: use {', '.join(name for each in FAMILIES if each.module for name in each.pipelines)}, or no regions"
        )
    warnings.warn(
        f"regional attention does not know {type(pipe).__name__}: it composes the noise of each region's prompt, with "
        f"{len(prompts)} more calls of the denoiser per step",
        stacklevel=2,
    )
    _batch_layouts[pipe] = found[0]
    return found


def sides(pipe: Any, call: dict[str, Any]) -> tuple[Side, ...]:
    """Halves in the order found out, if the pipeline guides in one batch; else a call is all of one side."""
    rows, layout = len(next(iter(call.values()))), _batch_layouts[pipe]
    guided = bool(getattr(pipe, "do_classifier_free_guidance", layout.rows > 1))
    if not guided:
        return cfg_sides(rows, False)
    if layout.rows == 1:
        if not hasattr(denoiser(pipe), "cache_context"):
            raise BadSettings(
                f"{type(pipe).__name__} does not tell which of its calls are guided by which prompt: switch its "
                "guidance off"
            )
        return (side_of(denoiser(pipe)),) * rows
    both = cfg_sides(rows, True)
    return both if layout.positive else both[::-1]


def attached(pipe: Any) -> AbstractContextManager[ConditioningState]:
    """By a forward of our own on the denoiser."""
    return attached_to_any(denoiser(pipe))
