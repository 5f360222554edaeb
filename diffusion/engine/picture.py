"""From a `PaintSpec` to a picture, by a pipeline that nobody else uses meanwhile."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from PIL import Image

from muralist.diffusion.backbone import STABLE_DIFFUSION
from muralist.diffusion.guidance import guided
from muralist.diffusion.regional import regional
from muralist.diffusion.retouch import Attend, retouch, to_image
from muralist.diffusion.tidied import tidied
from muralist.tools.ports import PaintSpec

AfterStep = Callable[[int, int], None]
"""Called with (step, steps) after every step, counted over all passes; what it raises ends the picture."""


def paint(pipe: Any, spec: PaintSpec, after_step: AfterStep, attend: Attend = regional) -> Image.Image:
    """One RGB picture of the spec's size; `pipe` itself stays as it is.

    Raises BackboneError for a picture of no numbers, and whatever `after_step` raises.
    """
    with tidied(pipe):
        return _painted(_with_own_solver(pipe), spec, after_step, attend)


def _painted(own: Any, spec: PaintSpec, after_step: AfterStep, attend: Attend) -> Image.Image:
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
    told: dict[str, Any] = {"callback_on_step_end": watch(0, 1)}
    if "callback_on_step_end" not in inspect.signature(type(own).__call__).parameters:  # PixArt has the older one
        told = {"callback": lambda step, *_: after_step(step + 1, spec.steps), "callback_steps": 1}
    with attend(own, layout.regions, layout.base_ratio) if spec.regional else nullcontext():
        pixels = own(
            prompt=layout.base_prompt, width=spec.width, height=spec.height, num_inference_steps=spec.steps,
            output_type="np", generator=random, **guided(own, spec.guidance, spec.negative_prompt, spec.absent), **told,
        ).images[0]  # fmt: skip
    return to_image(pixels)


def _with_own_solver(pipe: Any) -> Any:
    """The same pipeline with a fresh solver, for solvers remember their last steps.

    Of Stable Diffusion DPM++ 2M over the backbone's noise schedule; of other families their own.
    """
    from diffusers import DPMSolverMultistepScheduler

    own = copy.copy(pipe)
    if type(pipe).__name__ in STABLE_DIFFUSION:
        own.scheduler = DPMSolverMultistepScheduler.from_config(
            pipe.scheduler.config, algorithm_type="dpmsolver++", solver_order=2
        )
    else:
        own.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    return own
