"""From a `PaintSpec` to a picture, by a pipeline that nobody else uses meanwhile."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from PIL import Image

from muralist.diffusion.guidance import guided
from muralist.diffusion.patching import patched
from muralist.diffusion.pipeline_cleanup import cleaned_up
from muralist.diffusion.placement import placed
from muralist.diffusion.regional import regional
from muralist.diffusion.retouch import Attend, retouch, to_image
from muralist.diffusion.solvers import with_solver
from muralist.tools.abilities import Placement
from muralist.tools.ports import PaintSpec

AfterStep = Callable[[int, int], None]
"""Called with (step, steps) after every step, counted over all passes; what it raises ends the picture."""


def paint(
    pipe: Any,
    spec: PaintSpec,
    after_step: AfterStep,
    attend: Attend = regional,
    *,
    solver: str = "",
    placement: Placement = "auto",
) -> Image.Image:
    """One RGB picture of the spec's size, by a solver of that name, or the model's; `pipe` itself stays as it is.

    A retouch is placed by its mask, whatever the placement. Raises BackboneError for a picture of no numbers, what
    `placed` does, and whatever `after_step` raises.
    """
    with cleaned_up(pipe):
        return _painted(with_solver(pipe, solver), spec, after_step, attend, placement)


def _painted(own: Any, spec: PaintSpec, after_step: AfterStep, attend: Attend, placement: Placement) -> Image.Image:
    import torch

    def watch(number: int, total: int) -> Callable[..., dict[str, Any]]:
        def called_back(running: Any, step: int, _: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
            after_step(number * running.num_timesteps + step + 1, total * running.num_timesteps)
            return kwargs

        return called_back

    layout = spec.layout
    random = torch.Generator("cpu").manual_seed(spec.seed)
    if spec.source is not None:
        return retouch(
            own, spec.source.convert("RGB"), layout, steps=spec.steps, strength=spec.strength, by_region=spec.regional,
            guidance=spec.guidance, negative_prompt=spec.negative_prompt, absent=spec.absent, watch=watch,
            attend=attend, generator=random,
        )  # fmt: skip
    known = inspect.signature(type(own).__call__).parameters
    watched: AbstractContextManager[None] = nullcontext()
    hook: dict[str, Any] = {"callback_on_step_end": watch(0, 1)}
    if "callback_on_step_end" not in known:  # PixArt has the older one
        hook = {"callback": lambda step, *_: after_step(step + 1, spec.steps), "callback_steps": 1}
    if not known.keys() & hook.keys():  # LongCat-Image has none
        hook, watched = {}, patched(own.scheduler, "step", _counted(own.scheduler.step, after_step, spec.steps))
    by_attention, prompt = placed(own, spec, placement)
    with watched, attend(own, layout.regions, layout.base_ratio) if by_attention else nullcontext():
        pixels = own(
            prompt=prompt, width=spec.width, height=spec.height, num_inference_steps=spec.steps,
            output_type="np", generator=random, **guided(own, spec.guidance, spec.negative_prompt, spec.absent), **hook,
        ).images[0]  # fmt: skip
    return to_image(pixels)


def _counted(step: Callable[..., Any], after_step: AfterStep, steps: int) -> Callable[..., Any]:
    """The scheduler's step, and what is done after each."""
    numbers = itertools.count(1)

    def counted(*args: Any, **kwargs: Any) -> Any:
        found = step(*args, **kwargs)
        after_step(next(numbers), steps)
        return found

    return counted
