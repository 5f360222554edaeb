"""No seams: what is repainted takes on the shade of what surrounds it, and how well it does is measured.

What is only to be cleared begins as its surroundings.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.float32]
"""(height, width, 3) or (height, width)."""
Alpha = npt.NDArray[np.float32]
"""(height, width) in [0, 1]: 0 keeps the source, 1 takes the new picture."""

SHADE = 24.0
"""Grey levels: differences across the border well below it are shades, those well above it are meant."""
EDGE = 4.0
"""A standard deviation that is above the median by a difference of shades over EDGE counts like that difference."""
REACH = 1 / 40
"""How far around a pixel shades are taken from, in shorter sides of the picture."""
SAME = 4.0
"""Where a SAME-th of the border nearby differs by shades, it is the same ground."""
DEPTHS = (0.0, 1 / 32, 1 / 16)
"""How far inside the border shades are compared with those outside, in shorter sides: right at the border a decoder has
blended the two already, and a patch of another shade begins behind it."""


def matched(source: Pixels, painted: Pixels, weight: Alpha) -> Pixels:
    """`painted` with an offset, within weight > 0, by which it takes on the shade of `source` along the border.

    On lines at some depths inside, the offset is the difference d of the mean shades outside and there, weighted by
    1 / (1 + (m / SHADE)^4), m the largest of |d| and the EDGE-fold of how much rougher it is, here or there, than along
    the border as a rule: what is meant to differ has no say, nor has a place where a thing ends. Between them it is
    their smooth interpolation, which leaves every edge as it was painted: gradient-domain blending (Pérez et al. 2003,
    section 2), solved by pull and push (Gortler et al. 1996). Both are (height, width, 3) in grey levels.
    """
    inside = weight > 0
    if inside.all() or not inside.any():
        return painted
    side = min(inside.shape)
    reach = max(2, round(REACH * side))
    offset, shade, line = np.zeros_like(painted), *(np.zeros((*inside.shape, 1), np.float32) for _ in range(2))
    for depth in (round(share * side) for share in DEPTHS):
        deeper = inside & (_blurred((~inside).astype(np.float32), depth) < 1e-6)
        outside, there = _mean_of(source, ~inside, reach + depth), _mean_of(painted, deeper, reach)
        difference = outside - there
        here = _border(deeper) & ~np.isnan(difference[..., 0])
        if not here.any():
            continue
        rough = (_spread_of(source, ~inside, reach + depth), _spread_of(painted, deeper, reach))
        edges = [EDGE * (spread - np.median(spread[here], axis=0)) for spread in rough]
        meant, here = np.maximum.reduce([np.abs(difference), *edges]).max(2, keepdims=True), here[..., None]
        offset = np.where(here, difference, offset)
        shade = np.where(here, 1 / (1 + (meant / SHADE) ** 4), shade)
        line = np.where(here, 1, line)
    same = np.clip(SAME * _pushed(shade, line), 0, 1)
    return np.where(inside[..., None], painted + same * _pushed(offset * shade, shade), painted)


def cleared(source: Pixels, inside: npt.NDArray[np.bool_]) -> Pixels:
    """`source` (height, width, 3) with the ground that surrounds it in place of all that is inside.

    The ground is the median of what is REACH around; what differs from it by d has the weight 1 / (1 + (max |d| /
    SHADE)^4), so that things nearby do not bleed in. Inside is its smooth interpolation, as in `matched`.
    """
    around = (_blurred(inside.astype(np.float32), max(2, round(REACH * min(inside.shape)))) > 1e-6) & ~inside
    if not around.any():
        return source
    apart = np.abs(source - np.median(source[around], axis=0)).max(2, keepdims=True)
    weight = np.where(around[..., None], 1 / (1 + (apart / SHADE) ** 4), 0).astype(np.float32)
    return np.where(inside[..., None], _pushed(source * weight, weight), source)


def seam(picture: Image.Image, weight: Alpha, distance: int) -> tuple[float, float]:
    """Mean step in grey levels between pixels `distance` apart: across the border of weight > 0, and outside of it."""
    pixels, inside = np.asarray(picture.convert("RGB"), np.float32), weight > 0
    across, elsewhere = [], []
    for axis in (0, 1):
        shifted, shifted_inside = np.roll(pixels, -distance, axis), np.roll(inside, -distance, axis)
        known = np.ones(inside.shape, bool)
        known[(slice(None),) * axis + (slice(-distance, None),)] = False
        steps = np.abs(shifted - pixels).mean(2)
        across.append(steps[known & (shifted_inside != inside)])
        elsewhere.append(steps[known & ~shifted_inside & ~inside])
    return float(np.concatenate(across).mean()), float(np.concatenate(elsewhere).mean())


def _border(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels inside with a neighbour outside; the canvas's own edge is none."""
    padded = np.pad(inside, 1, mode="edge")
    around = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~around


def _mean_of(pixels: Pixels, chosen: npt.NDArray[np.bool_], reach: int) -> Pixels:
    """Mean of the chosen pixels in the square around each; not a number where there are none."""
    share = _blurred(chosen.astype(np.float32), reach)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = _blurred(pixels * chosen[..., None], reach) / share[..., None]
    return np.where(share[..., None] > 1e-6, means, np.float32(np.nan))


def _spread_of(pixels: Pixels, chosen: npt.NDArray[np.bool_], reach: int) -> Pixels:
    """Standard deviation of the same pixels."""
    mean = _mean_of(pixels, chosen, reach)
    spread: Pixels = np.sqrt(np.maximum(_mean_of(pixels**2, chosen, reach) - mean**2, 0))
    return spread


def _blurred(pixels: Pixels, reach: int) -> Pixels:
    """Means over squares of 2 * reach + 1 pixels, with nothing outside of the canvas."""
    for axis in (0, 1):
        width = [(0, 0)] * pixels.ndim
        width[axis] = (reach + 1, reach)
        sums = np.cumsum(np.pad(pixels, width), axis=axis, dtype=np.float64)
        length = pixels.shape[axis]
        upper, lower = (np.take(sums, np.arange(start, start + length), axis) for start in (2 * reach + 1, 0))
        pixels = ((upper - lower) / (2 * reach + 1)).astype(np.float32)
    return pixels


def _pushed(sums: Pixels, weight: Pixels) -> Pixels:
    """Pull: halve until one pixel is left. Push: keep what is known, take the rest from the coarser level."""
    height, width, channels = sums.shape
    certain = np.minimum(weight, 1)
    mean: Pixels = (sums / np.maximum(weight, 1e-6)).astype(np.float32)
    if height == 1 and width == 1:
        return mean
    padding = ((0, height % 2), (0, width % 2), (0, 0))
    shape = (-(-height // 2), 2, -(-width // 2), 2)
    coarser = _pushed(*(np.pad(each, padding).reshape(*shape, -1).sum((1, 3)) for each in (sums, weight)))
    planes = [Image.fromarray(np.ascontiguousarray(coarser[..., channel])) for channel in range(channels)]
    enlarged = [np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) for plane in planes]
    filled: Pixels = certain * mean + (1 - certain) * np.stack(enlarged, axis=2)
    return filled
