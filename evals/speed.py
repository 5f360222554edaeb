"""`muralist eval speed`: what regions cost, as ratios against the plain pipeline within one run."""

from __future__ import annotations

import statistics
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from muralist.tools.layout import Region

GRIDS = {1: (1, 1), 2: (2, 1), 4: (2, 2), 8: (4, 2), 16: (4, 4)}
"""K to columns and rows."""


def grid(columns: int, rows: int) -> list[Region]:
    """Equal cells, each with a prompt of its own."""
    cells = [(column, row) for row in range(rows) for column in range(columns)]
    return [
        Region(f"a red apple number {number}", column / columns, row / rows, (column + 1) / columns, (row + 1) / rows)
        for number, (column, row) in enumerate(cells)
    ]


Ratios = dict[int, dict[str, float]]
"""K to `regional` and `dense`: how many times as long as plain."""


def measure(pipe: Any, rounds: int = 9, steps: int = 20) -> Ratios:
    """K to the median wall-time ratio of `regional` and of the dense reference to plain, the three interleaved.

    A round's time is a whole call of the pipeline without decoding: encoding the prompts and regions is included.
    """
    from muralist.diffusion import regional
    from muralist.diffusion.dense_reference import dense

    ratios: Ratios = {}
    for count, (columns, rows) in GRIDS.items():
        regions = grid(columns, rows)
        times: dict[str, list[float]] = {"plain": [], "regional": [], "dense": []}
        for number in range(rounds + 1):
            contexts: dict[str, AbstractContextManager[Any]] = {
                "plain": nullcontext(),
                "regional": regional(pipe, regions, base_ratio=0.3),
                "dense": dense(pipe, regions, base_ratio=0.3),
            }
            for name, context in contexts.items():
                started = time.perf_counter()
                with context:
                    pipe("a red apple and a blue cup on sand", num_inference_steps=steps, output_type="latent")
                if number:  # the first round warms up
                    times[name].append(time.perf_counter() - started)
        plain = times.pop("plain")
        ratios[count] = {
            name: statistics.median(a / b for a, b in zip(values, plain, strict=True)) for name, values in times.items()
        }
        shown = ", ".join(f"{name} {ratio:.2f}x plain" for name, ratio in ratios[count].items())
        print(f"  K = {count:2}: {shown} (median of {rounds}, plain {statistics.median(plain):.2f} s)", flush=True)
    return ratios
