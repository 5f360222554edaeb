"""Positions in prose, for models that take no boxes."""

from __future__ import annotations

import re

from muralist.tools.layout import Box

from .reading import box_of, outwards

ROWS, COLUMNS = ("top", "center", "bottom"), ("left", "center", "right")
SMALL, LARGE = 0.1, 0.35
"""Shares of the canvas from which on a thing is medium-sized, and large."""
SIDES = {"small": 0.28, "medium": 0.58, "large": 0.95}
"""Of a square that is that large wherever it stands: the way back from a size in words."""
SPAN = re.compile(r"from (\d+)% to (\d+)% of the width and from (\d+)% to (\d+)% of the height")
_FIRST = ("top", "upper"), ("left",)
_LAST = ("bottom", "lower", "foreground"), ("right",)


def ninth(box: Box) -> str:
    """Which ninth of the canvas its centre is in: 'top-left', 'top-center', 'center-right', 'center'."""
    x, y = box.centre
    row, column = ROWS[min(2, int(3 * y))], COLUMNS[min(2, int(3 * x))]
    return "center" if row == column == "center" else f"{row}-{column}"


def size(box: Box) -> str:
    """'small', 'medium' or 'large' within the picture."""
    return "small" if box.area < SMALL else "medium" if box.area < LARGE else "large"


def square_at(position: str, size: str = "medium") -> Box:
    """A square of a size in words where the words say, cut to the canvas; in the middle where they say nothing.

    `ninth` and `size` say the same of it again.
    """
    words = position.lower()
    x, y = (
        1 / 6 if any(word in words for word in first) else 5 / 6 if any(word in words for word in last) else 1 / 2
        for first, last in zip(reversed(_FIRST), reversed(_LAST), strict=True)
    )
    half = next((side for name, side in SIDES.items() if name in size.lower()), SIDES["medium"]) / 2
    return box_of(y - half, x - half, y + half, x + half)


def span(box: Box) -> str:
    """Its edges in percent of the canvas, rounded outwards."""
    (x0, x1), (y0, y1) = outwards(100 * box.x0, 100 * box.x1), outwards(100 * box.y0, 100 * box.y1)
    return f"from {x0}% to {x1}% of the width and from {y0}% to {y1}% of the height"


def box_in(position: str) -> Box:
    """The box of a `span` within the words; without one, a square where they say."""
    if (found := SPAN.search(position)) is None:
        return square_at(position)
    x0, x1, y0, y1 = (int(percent) / 100 for percent in found.groups())
    return box_of(y0, x0, y1, x1)


def beside(box: Box, other: Box) -> str:
    """Where a box is as seen from another one: 'to the left of', 'above'; 'in front of' the one that is around it."""
    if box.overlap(other) > 0.9:
        return "in front of" if box.area <= other.area else "behind"
    (x, y), (from_x, from_y) = box.centre, other.centre
    if abs(x - from_x) >= abs(y - from_y):
        return "to the left of" if x < from_x else "to the right of"
    return "above" if y < from_y else "below"
