"""`muralist eval seams`: what shows of a repainted box along its border, with and without matched shades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from PIL import Image

from muralist.diffusion.retouch import Blend, alpha, feather_of, retouch
from muralist.diffusion.seams import Alpha, Pixels, matched, seam
from muralist.picturebook.world import SIZE, Still, render, sample_still
from muralist.tools.layout import Box, Layout, Region

MARGIN = 1 / 32
"""Around the thing that is painted over, as edits take it."""
DISTANCES = (4, 12)
"""Pixels from one side of the border to the other: the step at the border, and that to what lies behind it."""

Steps = dict[int, tuple[float, float]]
"""By distance, mean steps across the border and elsewhere."""


def unmatched(source: Pixels, painted: Pixels, weight: Alpha) -> Pixels:
    """What is painted, as it is."""
    return painted


BLENDS: Mapping[str, Blend] = {"unmatched": unmatched, "matched": matched}


def measure(pipe: Any, pictures: int, steps: int, keep: Path | None = None) -> dict[str, Steps]:
    """Paint a thing over in each of so many stills; the mean steps per blend.

    `keep`: a PNG file for the stills above what became of them.
    """
    rng = np.random.default_rng(31)
    found: dict[str, list[Steps]] = {name: [] for name in BLENDS}
    rows = [Image.new("RGB", (pictures * SIZE, SIZE)) for _ in range(1 + len(BLENDS))]
    for number in range(pictures):
        still = sample_still(rng, 1)
        source, layout = Image.fromarray(render(still, rng)), _without_first(still)
        weight = alpha(layout.regions, SIZE, SIZE, feather_of(pipe))
        rows[0].paste(source, (number * SIZE, 0))
        for row, (name, blend) in zip(rows[1:], BLENDS.items(), strict=True):
            random = torch.Generator().manual_seed(number)
            picture = retouch(pipe, source, layout, steps=steps, guidance=4.0, blend=blend, generator=random)
            found[name].append({distance: seam(picture, weight, distance) for distance in DISTANCES})
            row.paste(picture, (number * SIZE, 0))
    if keep is not None:
        sheet = Image.new("RGB", (pictures * SIZE, len(rows) * SIZE))
        for place, row in enumerate(rows):
            sheet.paste(row, (0, place * SIZE))
        sheet.save(keep)
    return {name: {distance: _mean([each[distance] for each in steps]) for distance in DISTANCES}
            for name, steps in found.items()}  # fmt: skip


def _mean(steps: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return fmean(across for across, _ in steps), fmean(elsewhere for _, elsewhere in steps)


def _without_first(still: Still) -> Layout:
    """The first thing's box, with nothing in it."""
    x0, y0, x1, y1 = (edge / SIZE for edge in still.things[0].box)
    box = Box(x0=x0, y0=y0, x1=x1, y1=y1).grown(MARGIN)
    nothing = f"nothing on {still.background}"
    return Layout(regions=[Region(nothing, box.x0, box.y0, box.x1, box.y1)], base_prompt=nothing)


def table(found: Mapping[str, Steps]) -> str:
    """A line per blend and distance."""
    lines = ["mean step in grey levels   pixels   across the border   elsewhere   ratio"]
    for name, steps in found.items():
        for distance, (across, elsewhere) in steps.items():
            lines.append(f"  {name:24} {distance:6} {across:19.2f} {elsewhere:11.2f} {across / elsewhere:7.2f}")
    return "\n".join(lines)
