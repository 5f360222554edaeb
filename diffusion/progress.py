"""How far a picture is."""

from __future__ import annotations

from typing import Any

import torch


def progress(pipe: Any, call: dict[str, Any]) -> float:
    """The share of the noise schedule that is done before a call of the denoiser, in [0, 1).

    Counted in steps of the scheduler's whole schedule: img2img, which leaves out its beginning, begins further on.
    """
    schedule = pipe.scheduler.timesteps
    step = getattr(pipe.scheduler, "step_index", None)  # from the second call on, where a scheduler counts
    step = getattr(pipe.scheduler, "begin_index", None) if step is None else step
    if step is None and isinstance(now := call.get("timestep"), torch.Tensor):
        known = getattr(pipe, "_current_timestep", None)  # exact; what a call holds may be rounded, or scaled by 1000
        distance = (schedule.double().cpu() - (now if known is None else known).flatten()[0].double().cpu()).abs()
        step = int(distance.argmin())
    return min(step or 0, len(schedule) - 1) / len(schedule)
