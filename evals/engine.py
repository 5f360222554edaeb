"""`muralist eval engine`: pictures painted together, against plain batched forwards and against one after the other."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from muralist.diffusion.backbone import load
from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.diffusion.engine.threads import set_threads
from muralist.diffusion.location import PICTUREBOOK
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec
from muralist.tools.value import Value

from .speed import grid

SHAPES = ((2, 1), (1, 2), (2, 2), (3, 1))
"""Columns and rows of the layouts, by turns."""
HALF = 2
"""The step, of as many, at which a late one comes and one is given up: steps // HALF."""


class Figures(Value):
    """What one run measured; times in seconds, medians over interleaved rounds."""

    pictures: int
    steps: int
    ceiling: float
    """Plain: the stock pipeline called once with as many prompts, no regions."""
    together: float
    alone: float
    """One after the other."""
    to_ceiling: float
    """Median of the rounds' ratios of `together` to `ceiling`."""
    to_alone: float
    late: int
    """Steps that the others took between a late request and its own first step's end, that one included."""
    freed: int
    """Steps that the others took between a cancelling and the end of the next one's first step, that one included."""
    peak: float
    """Most memory in use, in MB: the device's, or on the CPU the whole process's."""

    def summary(self) -> str:
        return (
            f"{self.pictures} pictures of {self.steps} steps: together {self.together:.2f} s, "
            f"{self.to_ceiling:.2f}x the plain batched pipeline ({self.ceiling:.2f} s), "
            f"{self.to_alone:.2f}x one after the other ({self.alone:.2f} s)\n"
            f"a late one has its first step {self.late} step(s) later; a cancelled one's place is taken "
            f"{self.freed} step(s) later; peak memory {self.peak:.0f} MB"
        )


def specs(count: int, steps: int, size: int) -> list[PaintSpec]:
    """Different layouts, seeds and guidance."""
    shapes = [SHAPES[number % len(SHAPES)] for number in range(count)]
    layouts = [Layout(regions=grid(*shape), base_prompt="a red apple and a blue cup on sand") for shape in shapes]
    return [
        PaintSpec(layout, seed=seed, width=size, height=size, steps=steps, guidance=3 + seed % 3)
        for seed, layout in enumerate(layouts)
    ]


def measure(
    backbone: str = PICTUREBOOK, rounds: int = 5, steps: int = 20, count: int = 8, size: int = 128
) -> Figures:  # fmt: skip
    """Interleaved rounds on one pipeline with the engine's number of threads, after one to warm up; prints nothing."""
    pipe = load(backbone)
    set_threads(backbone, pipe)
    wanted = specs(count, steps, size)
    engines = {batch: Engine(backbone, EngineSettings(batch=batch), loader=lambda _: pipe) for batch in (1, count)}
    more = Engine(backbone, EngineSettings(batch=count + 1), loader=lambda _: pipe)

    def plain() -> None:
        prompts = [spec.layout.base_prompt for spec in wanted]
        pipe(prompts, num_inference_steps=steps, guidance_scale=4.0, width=size, height=size, output_type="np")

    ways: dict[str, Callable[[], None]] = {
        "ceiling": plain,
        "together": lambda: _painted(engines[count], wanted),
        "alone": lambda: _painted(engines[1], wanted),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            taken = time.perf_counter() - started
            for engine in engines.values():
                engine.release().result()  # the last picture is there a little before the pipeline is let go
            if number:
                times[name].append(taken)
    return Figures(
        pictures=count,
        steps=steps,
        **{name: statistics.median(values) for name, values in times.items()},
        to_ceiling=_ratio(times["together"], times["ceiling"]),
        to_alone=_ratio(times["together"], times["alone"]),
        late=_late(more, wanted),
        freed=_freed(engines[count], wanted),
        peak=_peak(),
    )


def _painted(engine: Engine, wanted: Sequence[PaintSpec]) -> None:
    for future in [engine.submit(Request(spec)) for spec in wanted]:
        future.result()


def _ratio(values: Sequence[float], to: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(values, to, strict=True))


def _late(engine: Engine, wanted: Sequence[PaintSpec]) -> int:
    """As `Figures.late`: another one comes while all are at their middle step."""
    return _steps_between(engine, wanted, engine.submit, stops=False)


def _freed(engine: Engine, wanted: Sequence[PaintSpec]) -> int:
    """As `Figures.freed`: another one waits for a place, and the last one is given up at its middle step."""
    return _steps_between(engine, wanted, lambda _: None, stops=True)


def _steps_between(engine: Engine, wanted: Sequence[PaintSpec], at_half: Callable[[Request], Any], stops: bool) -> int:
    steps = [0, 0]  # of the first one: so far, and when the late one had its first
    half = wanted[0].steps // HALF

    def first(step: int, _: int) -> None:
        steps[0] = step
        if step == half:
            at_half(late)

    def begun(step: int, _: int) -> None:
        steps[1] = steps[1] or steps[0]

    late = Request(dataclasses.replace(wanted[0], seed=len(wanted)), begun)
    given_up = Request(wanted[-1], stopped=lambda: stops and steps[0] >= half)
    for request in [Request(wanted[0], first), *map(Request, wanted[1:-1]), given_up]:
        engine.submit(request)
    if stops:
        engine.submit(late)
    late.future.result()
    engine.release().result()
    return steps[1] - half


def _peak() -> float:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
