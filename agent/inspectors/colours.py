"""What colour one would call the thing in a box, from its pixels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from muralist.tools.layout import Box

Floats = NDArray[np.float64]

PROTOTYPES: dict[str, tuple[str, ...]] = {
    "red": ("#d92020", "#b01818", "#8c1420", "#e84038"),
    "orange": ("#f08018", "#ff9a30", "#d96a10", "#c86a14"),
    "yellow": ("#f8dc28", "#ffee70", "#d8b820", "#e8c840"),
    "green": ("#28a040", "#60c040", "#106030", "#90d080", "#708828", "#20a088"),
    "blue": ("#2858d8", "#4090f0", "#102878", "#80c0f0", "#18a0d0"),
    "purple": ("#8030b0", "#581880", "#a070d8", "#a02098"),
    "pink": ("#f88cbc", "#ffc0d8", "#f05898", "#e8a0a8"),
    "brown": ("#80501e", "#5a3418", "#a0703c", "#6e4630"),
    "black": ("#000000", "#202022", "#343438"),
    "white": ("#ffffff", "#eeeeee", "#d8d8d8"),
    "grey": ("#606064", "#808084", "#a4a4a8"),
}
"""Shades by which the eleven basic colour terms (Berlin and Kay) are known."""

ALIASES: dict[str, tuple[str, ...]] = {
    "gray": ("grey",), "silver": ("grey", "white"), "golden": ("yellow", "orange", "brown"),
    "gold": ("yellow", "orange", "brown"), "bronze": ("brown", "orange"), "violet": ("purple",),
    "lavender": ("purple",), "magenta": ("pink", "purple"), "crimson": ("red",), "scarlet": ("red",),
    "maroon": ("red", "brown"), "navy": ("blue",), "azure": ("blue",), "turquoise": ("blue", "green"),
    "teal": ("blue", "green"), "cyan": ("blue", "green"), "lime": ("green",), "olive": ("green",),
    "beige": ("brown", "yellow", "white"), "tan": ("brown", "orange"), "cream": ("white", "yellow"),
    "ivory": ("white",), "blond": ("yellow", "brown"), "blonde": ("yellow", "brown"),
}  # fmt: skip
"""Other colour words, and the basic ones that each may look like."""

SHADES = frozenset("light dark bright deep pale vivid soft pastel neon".split())

SIDE = 48
"""Longer side in pixels to which a box is scaled before it is looked at."""
AROUND = 0.12
"""Width of the frame around a box that shows what it stands before, as a share of the box's sides."""
APART = 0.07
"""Distance in Oklab from which on a pixel does not belong to the background; about five just noticeable steps."""
SOFT = 0.05
"""Distance in Oklab over which one colour term gives way to the next."""
GREY_WEIGHT = 0.35
"""How much a pixel without chroma counts: a red car has black tyres, and yet is red."""
SHADE = 0.4
"""Lightness below which all pixels count alike; above it, what is lit tells more of a colour than what is in shade."""
LEAST = 0.05
"""If less of a box stands out from its surroundings, the thing is taken to be of their colour."""


def colour_terms(picture: Image.Image, box: Box) -> dict[str, float]:
    """How probably one would call the thing in the box by each of the eleven basic colour terms.

    They do not add up to one: of a thing that is half red and half white, both hold.
    """
    inside, weights = _foreground(picture.convert("RGB"), box)
    shares = _shares(inside, weights)
    most = max(shares.values())
    return {term: _called(share, most) for term, share in shares.items()}


def called(word: str, terms: dict[str, float]) -> float | None:
    """The probability for any colour word (`dark red`, `turquoise`) given that of the basic terms; None if unknown."""
    words = [part for part in word.lower().replace("-", " ").split() if part not in SHADES]
    if len(words) != 1:
        return None
    known = [terms[term] for term in ALIASES.get(words[0], words) if term in terms]
    return max(known, default=None)


def _called(share: float, most: float) -> float:
    """0.97 for the largest share, 0.5 for half of it, 0.03 for nothing."""
    return float(1 / (1 + np.exp(-7 * (share / most - 0.5))))


def _foreground(picture: Image.Image, box: Box) -> tuple[Floats, Floats]:
    """Pixels of the box in Oklab (N, 3), and how surely each belongs to the thing (N,).

    A pixel belongs to the background if a tenth of the frame around the box looks like it; the middle of a box is more
    surely the thing's own than its corners.
    """
    frame = _widened(box)
    wide, high = picture.size
    scale = SIDE / max(box.width * wide, box.height * high)
    size = (max(8, round(frame.width * wide * scale)), max(8, round(frame.height * high * scale)))
    edges = (frame.x0 * wide, frame.y0 * high, frame.x1 * wide, frame.y1 * high)
    pixels = oklab(np.asarray(picture.resize(size, Image.Resampling.BOX, box=edges), dtype=np.float64) / 255)
    x = frame.x0 + (np.arange(size[0]) + 0.5) / size[0] * frame.width
    y = frame.y0 + (np.arange(size[1]) + 0.5) / size[1] * frame.height
    across, down = (x - box.centre[0]) / (box.width / 2), (y - box.centre[1]) / (box.height / 2)
    within = (np.abs(down)[:, None] <= 1) & (np.abs(across)[None, :] <= 1)
    inside = pixels[within]
    central = np.exp(-(down[:, None] ** 2 + across[None, :] ** 2))[within]
    around = pixels[~within]
    if not len(around):
        return inside, central
    around = around[:: max(1, len(around) // 120)]
    distances = np.linalg.norm(inside[:, None] - around[None], axis=2)
    weights = central * (np.quantile(distances, 0.1, axis=1) > APART)
    return (inside, weights) if (weights > 0).mean() >= LEAST else (inside, central)


def _widened(box: Box) -> Box:
    return Box(
        x0=max(0.0, box.x0 - AROUND * box.width), y0=max(0.0, box.y0 - AROUND * box.height),
        x1=min(1.0, box.x1 + AROUND * box.width), y1=min(1.0, box.y1 + AROUND * box.height),
    )  # fmt: skip


def _shares(pixels: Floats, weights: Floats) -> dict[str, float]:
    """The share of the pixels that goes by each term; each pixel is divided among the terms that are near."""
    distances = np.stack([_nearest(pixels, shades) for shades in PROTOTYPES.values()])  # (terms, N)
    belongs = np.exp(-(((distances - distances.min(axis=0)) / SOFT) ** 2))
    belongs /= belongs.sum(axis=0)
    chroma = np.hypot(pixels[:, 1], pixels[:, 2])
    bright = np.maximum(pixels[:, 0], SHADE) ** 2
    weights = weights * np.clip(chroma / 0.1, GREY_WEIGHT, 1) * bright
    return dict(zip(PROTOTYPES, (belongs * weights).sum(axis=1) / weights.sum(), strict=True))


def _nearest(pixels: Floats, shades: Iterable[str]) -> Floats:
    """Distance of each pixel to the nearest of the shades; lightness counts half, for shadows change it."""
    known = oklab(np.array([[int(shade[at : at + 2], 16) / 255 for at in (1, 3, 5)] for shade in shades]))
    stretch = np.array([0.5, 1.0, 1.0])
    nearest: Floats = np.linalg.norm((pixels[:, None] - known[None]) * stretch, axis=2).min(axis=1)
    return nearest


def oklab(rgb: Floats) -> Floats:
    """sRGB in [0, 1] to lightness, green-red and blue-yellow (Ottosson, 2020); shape (..., 3)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(linear @ _TO_CONES.T)
    return np.asarray(cones @ _TO_LAB.T, dtype=np.float64)


_TO_CONES = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
])  # fmt: skip
_TO_LAB = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
])  # fmt: skip
