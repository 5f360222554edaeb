"""Floating-point operations of whole generations at full size, counted on meta tensors: nothing is computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from muralist.tools.value import Value

from .full_size import FullSize
from .speed import GRIDS


class Count(Value):
    """What one family costs at one number of regions, as ratios to a step, or a generation, of the plain pipeline."""

    first: float
    """The first step, in which keys and values are made."""
    later: float
    """Every other step."""
    dense: float
    """A step of the dense reference."""
    whole: float
    """All steps and all text encoding, against the plain pipeline's."""


class Counts(Value):
    """One family."""

    name: str
    step: float
    """A step of the stock pipeline, in 1e12 operations."""
    texts: float
    """Encoding a prompt (and an empty negative one, with guidance) as the pipeline does, in 1e12 operations."""
    text: float
    """Encoding one region's prompt, in 1e12 operations."""
    without: float
    """A later step within `regional`, but without regions, as a ratio to the stock pipeline's.

    UNets keep keys and values; where denoisers read padding as text, prompts are padded as far as they need.
    """
    by_regions: dict[int, Count]

    def summary(self) -> str:
        lines = [
            f"{self.name}: a plain step {self.step:.2f} TFLOP ({self.without:.3f}x as regional calls it), "
            f"encoding texts {self.texts:.2f}, a region's {self.text:.3f}"
        ]
        lines += [
            f"  K = {regions:2}: first step {each.first:.3f}x, later {each.later:.3f}x, whole generation "
            f"{each.whole:.3f}x; dense {each.dense:.2f}x"
            for regions, each in self.by_regions.items()
        ]
        return "\n".join(lines)


def measure(full_size: FullSize, regions: tuple[int, ...] = tuple(GRIDS)) -> Counts:
    """Count one family's operations: matrix products, convolutions and attention."""
    with torch.device("meta"):
        denoiser, arguments = full_size.denoiser().eval(), full_size.arguments()
        embedding = torch.empty(full_size.region)
        encoders = [(make().eval(), *lengths) for make, *lengths in full_size.encoders]
    plain, call = counted(partial(denoiser, **arguments)), partial(denoiser, **full_size.alike(arguments))
    encoding = [
        [counted(partial(encoder, torch.ones(1, tokens, dtype=torch.long, device="meta"))) for tokens in lengths]
        for encoder, *lengths in encoders
    ]
    whole, part = (sum(operations) for operations in zip(*encoding, strict=True))
    whole, alike = whole * len(full_size.sides), part * len(full_size.sides)

    def timed_with(attached: Callable[[Any], Any], number: int) -> list[float]:
        """The first step and a later one."""
        with attached(denoiser) as state:
            state.set_rows(full_size.rows(number, embedding))
            return [counted(call) / plain for _ in range(2)]

    by_regions = {}
    for number in regions:
        first, later = timed_with(full_size.regional, number)
        steps = plain * (first + (full_size.steps - 1) * later)
        by_regions[number] = Count(
            first=first, later=later, dense=timed_with(full_size.dense, number)[1],
            whole=(steps + alike + number * part) / (plain * full_size.steps + whole),
        )  # fmt: skip
    return Counts(
        name=full_size.name, step=plain / 1e12, texts=whole / 1e12, text=part / 1e12,
        without=timed_with(full_size.regional, 0)[1], by_regions=by_regions,
    )  # fmt: skip


@torch.no_grad()
def counted(call: Callable[[], Any]) -> int:
    """Operations of a call; a multiplication and an addition are two."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())
