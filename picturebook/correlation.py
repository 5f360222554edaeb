"""A judge without a network: what a thing is most like, and how well formed it is, by its glyph alone.

A noun's glyph, in the tone of a colour and laid on the picture's own ground, is compared with every place of the
picture by weighted normalised cross-correlation over luminance,

    ncc = sum W (T - T') (X - X') / sqrt(sum W (T - T')^2 * sum W (X - X')^2),

with T the glyph, X the picture's pixels under it, T' and X' their means under the weights W: the glyph's silhouette
and a rim around it. 1 is a drawing in its original form; luminance alone does not tell in which colour it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from .glyphs import extent, sized
from .vocabulary import COLOURS, NOUNS
from .world import SIZE, overlap

TONES = ("black", "blue", "green", "orange", "yellow", "white")
"""Colours whose luminance stands for all ten."""
SIDES = tuple(round(22 * 1.08**number) for number in range(19))
"""Longer sides in pixels that are looked for; between them, `refined` does."""
SIZES = (0.92, 0.96, 1.0, 1.04, 1.08)
ROUGH, FINE = (0.88, 1.0, 1.14), (0.95, 0.98, 1.0, 1.02, 1.05)
"""Sizes around a known one that are tried."""
RIVALS = 8
"""Nouns whose correlation is looked for to the pixel, best first; the others' is a little too low."""
CLEAR = 0.75
"""From this correlation on, a thing is clearly formed."""

_RIM = 0.1
"""Width of the rim around a silhouette, in longer sides."""
_FLAT = 8.0
"""Standard deviation of luminance, in grey levels, below which pixels count as flat ground."""
_INKY = 0.25
"""Shades below this are the outline's."""
_HALF = SIZE // 2
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Match:
    """A place that looks like a noun's glyph: its box (x0, y0, x1, y1) in pixels and the correlation, at most 1."""

    noun: str
    box: tuple[float, float, float, float]
    value: float

    @property
    def centre(self) -> tuple[float, float]:
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2

    @property
    def side(self) -> float:
        """The longer side in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


@dataclass(frozen=True)
class Look:
    """What stands in a box: the noun it is most like, and what tells how well formed it is.

    `likeness` has each noun's correlation, `inside` is that of its noun within the silhouette alone, where the glyph's
    inner lines are.
    """

    match: Match
    likeness: dict[str, float]
    inside: float

    @property
    def noun(self) -> str:
        return self.match.noun

    @property
    def margin(self) -> float:
        """How much more it is like its noun than like any other."""
        return self.match.value - max(value for noun, value in self.likeness.items() if noun != self.noun)


def matches(picture: Image.Image, nouns: Sequence[str] = tuple(NOUNS), per_noun: int = 3) -> list[Match]:
    """The best places for each noun, best first. The picture is scaled to 128x128 pixels."""
    pixels = luminance(picture)
    ground = _ground(pixels)
    found: list[Match] = []
    for noun in nouns:
        heat, sides = _coarse(_spectra(noun), pixels, ground)
        for _ in range(per_noun):
            row, column = divmod(int(heat.argmax()), heat.shape[1])
            side = int(sides[row, column])
            x, y = 2 * column + 1, 2 * row + 1
            here = Match(noun, (x - side / 2, y - side / 2, x + side / 2, y + side / 2), float(heat.max()))
            found.append(_refined(pixels, ground, noun, here))
            reach = max(2, side // 6)
            heat[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = -1
    return sorted(found, key=lambda match: -match.value)


def things(picture: Image.Image, at_least: float = 0.4) -> list[Match]:
    """What the picture shows: of overlapping matches the best, each noun against all others; best first."""
    kept: list[Match] = []
    for match in matches(picture):
        if match.value >= at_least and all(overlap(match.box, other.box) < 0.3 for other in kept):
            kept.append(match)
    return kept


def look(picture: Image.Image, box: tuple[float, float, float, float]) -> Look:
    """What stands in a box of a 128x128 picture, over some pixels and sizes around it."""
    pixels = luminance(picture)
    ground = _ground(pixels)
    here = Match("", box, 0.0)
    rough = [_refined(pixels, ground, noun, here, reach=4, stride=2, sizes=ROUGH) for noun in NOUNS]
    rough.sort(key=lambda match: -match.value)
    fine = [_refined(pixels, ground, match.noun, match, reach=1, sizes=FINE) for match in rough[:RIVALS]]
    best = max(fine, key=lambda match: match.value)
    inside = _refined(pixels, ground, best.noun, best, sizes=FINE, inside=True)
    return Look(best, {match.noun: match.value for match in [*rough, *fine]}, inside.value)


def colour(picture: Image.Image, match: Match) -> str:
    """The colour word nearest to that in which the matched glyph is drawn.

    A tinted glyph is its colour times its own shades, pixel by pixel; the colour that fits best by least squares is
    told.
    """
    width, height = round(match.box[2] - match.box[0]), round(match.box[3] - match.box[1])
    rgba = np.asarray(sized(match.noun, "white", (width, height)), dtype=np.float32)
    shades = rgba[..., :3].mean(2) / np.mean(COLOURS["white"])
    weights = np.where(shades > _INKY, rgba[..., 3] / 255, 0)
    scaled = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    x0, y0 = round(match.box[0]), round(match.box[1])
    under = np.asarray(scaled.crop((x0, y0, x0 + width, y0 + height)), dtype=np.float32)
    fitted = ((weights * shades)[..., None] * under).sum((0, 1)) / max(float((weights * shades**2).sum()), 1e-6)
    return min(COLOURS, key=lambda name: float(np.linalg.norm(fitted - np.array(COLOURS[name]))))


def luminance(picture: Image.Image) -> NDArray[np.float32]:
    """(128, 128) grey levels."""
    scaled = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    grey: NDArray[np.float32] = np.asarray(scaled, dtype=np.float32) @ _LUMINANCE
    return grey


def border(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pixels (h, w, ...) at most three away from an edge, as (n, ...)."""
    strips = (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:])
    return np.concatenate([strip.reshape(-1, *pixels.shape[2:]) for strip in strips])


def _refined(
    pixels: NDArray[np.float32], ground: float, noun: str, near: Match, *,
    reach: int = 2, stride: int = 1, sizes: Sequence[float] = SIZES, inside: bool = False,
) -> Match:  # fmt: skip
    """The noun's best match around another: up to `reach` pixels away, `stride` apart, `sizes` times as large."""
    best = Match(noun, near.box, -1.0)
    for side in sorted({max(8, round(near.side * size)) for size in sizes}):
        drawn = _drawn(noun, side)
        weights = drawn.interior if inside else drawn.weights
        height, width = weights.shape
        left, top = round(near.centre[0] - width / 2) - reach, round(near.centre[1] - height / 2) - reach
        window = _cut(pixels, left, top, width + 2 * reach, height + 2 * reach)
        values = _correlations(window, drawn.over(ground), weights, stride).max(0)
        row, column = divmod(int(values.argmax()), values.shape[1])
        if values[row, column] > best.value:
            x0, y0 = left + stride * column + drawn.margin, top + stride * row + drawn.margin
            box = (x0, y0, x0 + width - 2 * drawn.margin, y0 + height - 2 * drawn.margin)
            best = Match(noun, box, float(values[row, column]))
    return best


def _cut(pixels: NDArray[np.float32], left: int, top: int, width: int, height: int) -> NDArray[np.float32]:
    """A window (height, width) of the picture, whose edge goes on outside of it."""
    rows, columns = (
        np.clip(np.arange(start, start + size), 0, SIZE - 1) for start, size in ((top, height), (left, width))
    )
    return pixels[np.ix_(rows, columns)]


def _correlations(
    window: NDArray[np.float32], glyphs: NDArray[np.float32], weights: NDArray[np.float32], stride: int
) -> NDArray[np.float32]:
    """`ncc` of glyphs (tones, h, w) at every shift within a window, `stride` apart: (tones, rows, columns)."""
    total = max(float(weights.sum()), 1e-6)
    centred = glyphs - (weights * glyphs).sum((1, 2), keepdims=True) / total
    energies = (weights * centred**2).sum((1, 2)) / total
    views = np.lib.stride_tricks.sliding_window_view(window, weights.shape)[::stride, ::stride]
    flat = views.reshape(-1, weights.size)  # (shifts, h * w)
    templates = np.concatenate([(weights * centred).reshape(len(glyphs), -1), weights.reshape(1, -1)])
    products = flat @ templates.T / total
    variance = (flat**2) @ weights.ravel() / total - products[:, -1] ** 2
    scale = np.sqrt(np.maximum(energies, _FLAT**2)[:, None] * np.maximum(variance, _FLAT**2))
    correlations: NDArray[np.float32] = products[:, :-1].T / scale
    return correlations.reshape(len(glyphs), *views.shape[:2])


@dataclass(frozen=True)
class _Drawn:
    """A glyph of one size: per tone luminance times opacity (tones, h, w), and 1 - opacity (h, w) as `clear`.

    `weights` are its silhouette with a rim, `interior` is it without its outline; `margin` is what stands around it.
    """

    tones: NDArray[np.float32]
    clear: NDArray[np.float32]
    weights: NDArray[np.float32]
    interior: NDArray[np.float32]
    margin: int

    def over(self, ground: float) -> NDArray[np.float32]:
        """Luminance on a ground, per tone (tones, h, w)."""
        return self.tones + ground * self.clear


@cache
def _drawn(noun: str, side: int) -> _Drawn:
    margin = max(1, round(_RIM * side))
    tones = []
    for tone in TONES:
        rgba = np.asarray(sized(noun, tone, extent(noun, tone, side, least=2)), dtype=np.float32)
        rgba = np.pad(rgba, ((margin, margin), (margin, margin), (0, 0)))
        opacity = rgba[..., 3] / np.float32(255)
        tones.append((rgba[..., :3] @ _LUMINANCE) * opacity)
    silhouette = Image.fromarray(np.rint(opacity * 255).astype(np.uint8))
    rim, core = silhouette.filter(ImageFilter.MaxFilter(2 * margin + 1)), silhouette.filter(ImageFilter.MinFilter(3))
    weights, interior = (np.asarray(each, dtype=np.float32) / np.float32(255) for each in (rim, core))
    return _Drawn(np.stack(tones), np.float32(1) - opacity, weights, interior, margin)


@dataclass(frozen=True)
class _Spectra:
    """A noun at half resolution, per size: conjugate spectra, so that a product with a picture's is a correlation."""

    weights: Tensor  # (sides, 64, 33) of W
    tones: Tensor  # (sides, tones, 64, 33) of W (A - A'), A = luminance times opacity
    clear: Tensor  # (sides, 64, 33) of W (B - B'), B = 1 - opacity
    total: Tensor  # (sides,) sum W
    energies: Tensor  # (3, sides, tones) coefficients of 1, ground and ground^2 in sum W (T - T')^2


@cache
def _spectra(noun: str) -> _Spectra:
    weights, tones, clear, total, energies = [], [], [], [], []
    for side in SIDES:
        drawn = _drawn(noun, round(side / 2))
        w, mass = drawn.weights, drawn.weights.sum()
        a = drawn.tones - (w * drawn.tones).sum((1, 2), keepdims=True) / mass
        b = drawn.clear - (w * drawn.clear).sum() / mass
        weights.append(_spectrum(w[None])[0])
        tones.append(_spectrum(w * a))
        clear.append(_spectrum((w * b)[None])[0])
        total.append(float(mass))
        energies.append([(w * a**2).sum((1, 2)), 2 * (w * a * b).sum((1, 2)), np.full(len(TONES), (w * b**2).sum())])
    return _Spectra(
        torch.stack(weights),
        torch.stack(tones),
        torch.stack(clear),
        torch.tensor(total),
        torch.from_numpy(np.array(energies, dtype=np.float32)).transpose(0, 1),
    )


def _spectrum(templates: NDArray[np.float32]) -> Tensor:
    """Templates (n, h, w) with their middle at the origin of a 64x64 canvas, as conjugate spectra (n, 64, 33)."""
    canvas = np.zeros((len(templates), 2 * _HALF, 2 * _HALF), np.float32)
    height, width = templates.shape[1:]
    canvas[:, :height, :width] = templates
    rolled = np.roll(canvas, (-(height // 2), -(width // 2)), (1, 2))
    spectra: Tensor = torch.fft.rfft2(torch.from_numpy(rolled)).conj().resolve_conj()
    return spectra


def _coarse(
    spectra: _Spectra, pixels: NDArray[np.float32], ground: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The best correlation over sizes and tones, and the size it is of, for every place (64, 64) at half resolution."""
    small = pixels.reshape(_HALF, 2, _HALF, 2).mean((1, 3)) - ground
    x = torch.zeros(2 * _HALF, 2 * _HALF)
    x[:_HALF, :_HALF] = torch.from_numpy(small)
    spectrum, squared = torch.fft.rfft2(x), torch.fft.rfft2(x**2)
    sums = _back(torch.stack([spectra.weights * spectrum, spectra.weights * squared]))
    total = spectra.total[:, None, None]
    variance = (sums[1] / total - (sums[0] / total) ** 2).clamp(min=_FLAT**2)
    products = _back((spectra.tones + ground * spectra.clear[:, None]) * spectrum)  # (sides, tones, 64, 64)
    energy = spectra.energies[0] + ground * spectra.energies[1] + ground**2 * spectra.energies[2]
    values = products / (energy[..., None, None] * (variance * total)[:, None]).sqrt()
    best, which = values.flatten(0, 1).max(0)
    return best.numpy(), np.array(SIDES)[which.numpy() // len(TONES)]


def _back(spectra: Tensor) -> Tensor:
    values: Tensor = torch.fft.irfft2(spectra, s=(2 * _HALF, 2 * _HALF))
    return values[..., :_HALF, :_HALF]


def _ground(pixels: NDArray[np.float32]) -> float:
    """Luminance of the ground: the median along the picture's border."""
    return float(np.median(border(pixels)))
