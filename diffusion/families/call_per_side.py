"""Classifier-free guidance with a call of the denoiser for each side."""

from __future__ import annotations

from typing import Any

from muralist.diffusion.batch_grouping import Call
from muralist.diffusion.guidance_side import side_of, side_of_repeat
from muralist.diffusion.region_schedule import Side


def named_sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """The side of each row where the pipeline names its calls: all are of one."""
    return (side_of(pipe.transformer),) * len(call["hidden_states"])


def unnamed_sides(pipe: Any, call: Call) -> tuple[Side, ...]:
    """The same where it does not, and calls for the positive side first: within `recording_repeats`."""
    side: Side = side_of_repeat(pipe.transformer) if pipe.do_classifier_free_guidance else "positive"
    return (side,) * len(call["hidden_states"])
