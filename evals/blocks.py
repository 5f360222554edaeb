"""Wall time of full-width parts of each family's denoiser, later steps, random weights: ratios within one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import torch

from .full_size import FullSize, Part

LONG = 5.0
"""Seconds."""


def measure(full_size: FullSize, rounds: int, regions: Sequence[int]) -> dict[int, float]:
    """Number of regions to the ratio of all parts, each weighed by how often it is there; prints as it goes."""
    plain, led = 0.0, dict.fromkeys(regions, 0.0)
    for part in full_size.parts:
        times = _times(full_size, part, rounds, regions)
        usual = statistics.median(times[0])
        ratios = {
            number: statistics.median(a / b for a, b in zip(times[number], times[0], strict=True)) for number in regions
        }
        shown = ", ".join(f"K = {number} {ratio:.3f}x" for number, ratio in ratios.items())
        print(f"  {part.name} ({part.times} of them), plain {usual:.2f} s: {shown}", flush=True)
        plain += part.times * usual
        for number, ratio in ratios.items():
            led[number] += part.times * usual * ratio
    return {number: total / plain for number, total in led.items()}


@torch.no_grad()
def _times(full_size: FullSize, part: Part, rounds: int, regions: Sequence[int]) -> dict[int, list[float]]:
    """Seconds of a step by number of regions, 0 being the plain denoiser, one round after the other."""
    denoiser, arguments = part.denoiser().eval(), part.arguments()
    alike = full_size.alike(arguments)
    embedding = torch.rand(full_size.region)
    times: dict[int, list[float]] = {number: [] for number in (0, *regions)}
    _seconds(denoiser, arguments)  # warms up
    for _ in range(rounds):
        times[0].append(_seconds(denoiser, arguments))
        for number in regions:
            with full_size.regional(denoiser) as state:
                state.set_rows(full_size.rows(number, embedding))
                first = _seconds(denoiser, alike)
                # What is kept from the first step are keys and values: of no account where a step takes that long.
                times[number].append(first if first > LONG else _seconds(denoiser, alike))
    return times


def _seconds(denoiser: torch.nn.Module, arguments: dict[str, object]) -> float:
    started = time.perf_counter()
    denoiser(**arguments)
    return time.perf_counter() - started
