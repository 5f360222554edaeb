"""`muralist eval seams`: what shows of a repainted box along its border, with and without matched shades."""

from __future__ import annotations

from collections.abc import Mapping
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
DISTANCE = 4
"""Pixels from one side of the border to the other."""


def unmatched(source: Pixels, painted: Pixels, weight: Alpha) -> Pixels:
    """What is painted, as it is."""
    return painted


BLENDS: Mapping[str, Blend] = {"unmatched": unmatched, "matched": matched}


def measure(pipe: Any, pictures: int, steps: int, keep: Path | None = None) -> dict[str, tuple[float, float]]:
    """Paint a thing over in each of so many stills; per blend, mean steps across the border and elsewhere.

    `keep`: a PNG file for the stills above what became of them.
    """
    rng = np.random.default_rng(31)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in BLENDS}
    rows = [Image.new("RGB", (pictures * SIZE, SIZE)) for _ in range(1 + len(BLENDS))]
    for number in range(pictures):
        still = sample_still(rng, 1)
        source, layout = Image.fromarray(render(still, rng)), _without_first(still)
        weight = alpha(layout.regions, SIZE, SIZE, feather_of(pipe))
        rows[0].paste(source, (number * SIZE, 0))
        for row, (name, blend) in zip(rows[1:], BLENDS.items(), strict=True):
            random = torch.Generator().manual_seed(number)
            picture = retouch(pipe, source, layout, steps=steps, guidance=4.0, blend=blend, generator=random)
            found[name].append(seam(picture, weight, DISTANCE))
            row.paste(picture, (number * SIZE, 0))
    if keep is not None:
        sheet = Image.new("RGB", (pictures * SIZE, len(rows) * SIZE))
        for place, row in enumerate(rows):
            sheet.paste(row, (0, place * SIZE))
        sheet.save(keep)
    return {name: (fmean(step[0] for step in steps), fmean(step[1] for step in steps)) for name, steps in found.items()}


def _without_first(still: Still) -> Layout:
    """The first thing's box, with nothing in it."""
    x0, y0, x1, y1 = (edge / SIZE for edge in still.things[0].box)
    box = Box(x0=x0, y0=y0, x1=x1, y1=y1).grown(MARGIN)
    nothing = f"nothing on {still.background}"
    return Layout(regions=[Region(nothing, box.x0, box.y0, box.x1, box.y1)], base_prompt=nothing)


def table(found: Mapping[str, tuple[float, float]]) -> str:
    """A line per blend."""
    lines = ["mean step in grey levels   across the border   elsewhere   ratio"]
    for name, (across, elsewhere) in found.items():
        lines.append(f"  {name:24} {across:10.2f} {elsewhere:17.2f} {across / elsewhere:9.2f}")
    return "\n".join(lines)
