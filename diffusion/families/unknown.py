"""Any other denoiser: composition in noise space, at the cost of a call for each region."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

from muralist.diffusion.by_rows import Denoising
from muralist.diffusion.calls_by_side import side_of
from muralist.diffusion.composition import Heard, heard
from muralist.diffusion.composition import attached as attached_to_any
from muralist.diffusion.control import Side
from muralist.tools.errors import BadSettings

from . import denoiser
from .halves import halves

_heard: WeakKeyDictionary[Any, Heard] = WeakKeyDictionary()
"""How a pipeline's batch is made up."""


def encoded(pipe: Any, prompts: list[str]) -> tuple[Heard, ...]:
    """As the pipeline itself brings them to the denoiser."""
    warnings.warn(
        f"regional attention does not know {type(pipe).__name__}: it composes the noise of each region's prompt, with "
        f"{len(prompts)} more calls of the denoiser per step",
        stacklevel=2,
    )
    found = tuple(heard(pipe, denoiser(pipe), prompt) for prompt in prompts)
    _heard[pipe] = found[0]
    return found


def sides(pipe: Any, call: dict[str, Any]) -> tuple[Side, ...]:
    """Halves in the order found out, if the pipeline guides in one batch; else a call is all of one side."""
    rows, layout = len(next(iter(call.values()))), _heard[pipe]
    guided = bool(getattr(pipe, "do_classifier_free_guidance", layout.rows > 1))
    if not guided:
        return halves(rows, False)
    if layout.rows == 1:
        if not hasattr(denoiser(pipe), "cache_context"):
            raise BadSettings(
                f"{type(pipe).__name__} does not tell which of its calls are guided by which prompt: switch its "
                "guidance off"
            )
        return (side_of(denoiser(pipe)),) * rows
    both = halves(rows, True)
    return both if layout.positive else both[::-1]


def attached(pipe: Any) -> AbstractContextManager[Denoising]:
    """By a forward of our own on the denoiser."""
    return attached_to_any(denoiser(pipe))
