"""From boxes and masks to weights per latent cell."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F

from muralist.tools.layout import Region

EDGE_TOLERANCE = 1e-6
"""In cells: edges that are equal up to rounding of floats (0.3 and 0.1 + 0.2) fall on the same cell."""


def cell_span(start: float, end: float, cells: int) -> tuple[int, int]:
    """First and last-but-one cell of an interval given in fractions of the canvas; never empty.

    Edges are rounded to the nearest cell border, so that parts that meet on the canvas meet on every grid, without gap
    or overlap. An interval that would vanish keeps the cell its centre lies in.
    """
    first, last = (math.floor(edge * cells + 0.5 + EDGE_TOLERANCE) for edge in (start, end))
    if first < last:
        return first, last
    centre = min(cells - 1, math.floor((start + end) / 2 * cells + EDGE_TOLERANCE))
    return centre, centre + 1


def cell_weights(region: Region, height: int, width: int) -> torch.Tensor:
    """The region's weights on a grid, (height, width), float32 in [0, 1], somewhere above 0.

    A box is 1 inside and 0 outside. A mask is averaged over each cell and scaled so that its strongest weight stays as
    strong: a thin stroke is not lost on a coarse grid.
    """
    if region.mask is not None:
        mask = torch.tensor(region.mask, dtype=torch.float32)
        weights = F.adaptive_avg_pool2d(mask[None, None], (height, width))[0, 0]
        return (weights * (mask.max() / weights.max())).clamp_(0, 1)
    weights = torch.zeros(height, width)
    top, bottom = cell_span(region.y0, region.y1, height)
    left, right = cell_span(region.x0, region.x1, width)
    weights[top:bottom, left:right] = 1
    return weights


def shares(regions: Sequence[Region], base_ratio: float, height: int, width: int) -> torch.Tensor:
    """What share of each cell's cross-attention comes from each region's prompt: (K, height * width), float32.

    With weights w_r(p) and base ratios b_r it is `w_r(p) / max(1, sum_r w_r(p)) * (1 - b_r)`; what is left to 1 is the
    base prompt's.
    """
    weights = torch.stack([cell_weights(region, height, width).flatten() for region in regions])  # (K, N)
    ratios = torch.tensor([base_ratio if region.base_ratio is None else region.base_ratio for region in regions])
    return weights / weights.sum(0).clamp(min=1) * (1 - ratios)[:, None]


def grids(height: int, width: int) -> dict[int, tuple[int, int]]:
    """Every resolution of a UNet over (height, width) latent cells, by its number of cells.

    A downsampling convolution halves and rounds up; so do we. Upsampling returns to the same sizes.
    """
    found = {}
    while True:
        found[height * width] = (height, width)
        if height == width == 1:
            return found
        height, width = -(-height // 2), -(-width // 2)
