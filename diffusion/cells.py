"""Latent cells, counted: which of them a box takes, and how many there are at each resolution."""

from __future__ import annotations

import math

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
