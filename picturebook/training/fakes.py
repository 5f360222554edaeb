"""Things that are not one: what goes wrong in painting, drawn on purpose, so that detectors learn not to be fooled.

What a fake is most like, and how well formed it is, nobody has to say: the glyphs do (`correlation.look`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from muralist.picturebook.correlation import Look, look
from muralist.picturebook.glyphs import INK, extent, sized
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, HELD_OUT, NOUNS
from muralist.picturebook.world import SIZE

PAIRS = [(colour, noun) for colour in COLOURS for noun in NOUNS if (colour, noun) not in HELD_OUT]
SIDES = (28, 84)
"""Longer side of a fake in pixels."""


@dataclass(frozen=True)
class Fake:
    """A drawing (RGBA), the colour it is drawn in, and what it looks like."""

    drawing: Image.Image
    colour: str
    look: Look


def fake(rng: np.random.Generator) -> Fake:
    """A spoilt drawing; which kind, noun, colour and size is drawn at random, and now and then it is spoilt twice."""
    colour, noun = PAIRS[rng.integers(len(PAIRS))]
    side = int(rng.integers(SIDES[0], SIDES[1] + 1))
    spoil = KINDS[rng.integers(len(KINDS))]
    drawing = spoil(rng, drawn(noun, colour, side), colour, side)
    if rng.random() < 0.3:
        drawing = KINDS[rng.integers(len(KINDS))](rng, drawing, colour, side)
    box = drawing.getbbox()
    if box is None or min(box[2] - box[0], box[3] - box[1]) < 8:
        return fake(rng)
    drawing = drawing.crop(box)
    return Fake(drawing, colour, look(*laid(rng, drawing)))


def drawn(noun: str, colour: str, side: int) -> Image.Image:
    """A glyph with its longer side in pixels."""
    return sized(noun, colour, extent(noun, colour, side))


def laid(rng: np.random.Generator, drawing: Image.Image) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """On a ground, in the middle of a picture; and its box."""
    picture = Image.new("RGB", (SIZE, SIZE), BACKGROUNDS[str(rng.choice(list(BACKGROUNDS)))])
    left, top = (SIZE - drawing.width) // 2, (SIZE - drawing.height) // 2
    picture.paste(drawing, (left, top), drawing)
    return picture, (left, top, left + drawing.width, top + drawing.height)


def melted(rng: np.random.Generator, drawing: Image.Image, colour: str, side: int) -> Image.Image:
    """Pulled about by a smooth random field, the more so the worse."""
    height, width = drawing.height, drawing.width
    strength = rng.uniform(0.06, 0.25) * side
    coarse = int(rng.integers(3, 7))
    field = [
        np.asarray(
            Image.fromarray(rng.normal(0, 1, (coarse, coarse)).astype(np.float32)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        * strength
        * 0.5
        for _ in range(2)
    ]
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    y = np.clip(np.rint(rows + field[0]), 0, height - 1).astype(int)
    x = np.clip(np.rint(columns + field[1]), 0, width - 1).astype(int)
    return Image.fromarray(np.asarray(drawing)[y, x], "RGBA").filter(ImageFilter.GaussianBlur(0.6))


def half_formed(rng: np.random.Generator, drawing: Image.Image, colour: str, side: int) -> Image.Image:
    """Its silhouette rounded off and its inner lines blurred away: what little training paints."""
    scale = rng.uniform(0.12, 0.4)
    small = drawing.resize(
        (max(3, round(drawing.width * scale)), max(3, round(drawing.height * scale))), Image.Resampling.BOX
    )
    soft = small.resize(drawing.size, Image.Resampling.BICUBIC)
    return outlined(soft, soft.getchannel("A").point(lambda a: 255 if a > 128 else 0))


def blob(rng: np.random.Generator, drawing: Image.Image, colour: str, side: int) -> Image.Image:
    """A round or rough patch of the colour with an outline, or the silhouette without anything inside."""
    if rng.random() < 0.5:
        mask = drawing.getchannel("A").point(lambda a: 255 if a > 128 else 0)
    else:
        mask = Image.new("L", drawing.size)
        centre, corners = np.array(drawing.size) / 2, int(rng.integers(5, 14))
        angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
        radii = rng.uniform(0.4, 1.0, (corners, 1)) * (centre - 2)
        ImageDraw.Draw(mask).polygon(
            [tuple(point) for point in centre + radii * np.stack([np.cos(angles), np.sin(angles)], 1)], fill=255
        )
        mask = mask.filter(ImageFilter.GaussianBlur(side / 16)).point(lambda a: 255 if a > 128 else 0)
    bright = np.array(COLOURS[colour], dtype=np.float32)
    shades = Image.fromarray(rng.uniform(0.5, 1.1, (4, 4)).astype(np.float32)).resize(
        drawing.size, Image.Resampling.BICUBIC
    )
    filled = np.clip(np.asarray(shades)[..., None] * bright, 0, 255).astype(np.uint8)
    patch = Image.fromarray(filled, "RGB").convert("RGBA")
    return outlined(patch, mask)


def two_halves(rng: np.random.Generator, drawing: Image.Image, colour: str, side: int) -> Image.Image:
    """One half of it, and one of another noun."""
    other = drawn(_another(rng), colour, side).resize(drawing.size, Image.Resampling.BILINEAR)
    upright = rng.random() < 0.5
    cut = round(rng.uniform(0.35, 0.65) * (drawing.width if upright else drawing.height))
    part = (0, 0, cut, drawing.height) if upright else (0, 0, drawing.width, cut)
    joined = other.copy()
    joined.paste(drawing.crop(part), part[:2])
    return joined


def mixture(rng: np.random.Generator, drawing: Image.Image, colour: str, side: int) -> Image.Image:
    """It and another noun, one showing through the other."""
    other = drawn(_another(rng), colour, side).resize(drawing.size, Image.Resampling.BILINEAR)
    share = rng.uniform(0.3, 0.6)
    union = ImageChops.lighter(drawing.getchannel("A"), other.getchannel("A"))
    ground = Image.new("RGB", drawing.size, tuple(int(0.65 * value) for value in COLOURS[colour]))
    pictures = []
    for each in (drawing, other):
        filled = ground.copy()
        filled.paste(each, (0, 0), each)
        pictures.append(filled)
    mixed = Image.blend(pictures[0], pictures[1], share).convert("RGBA")
    return outlined(mixed, union.point(lambda a: 255 if a > 128 else 0))


def remnant(rng: np.random.Generator, drawing: Image.Image, colour: str, side: int) -> Image.Image:
    """What is left of it after something was painted over: a piece cut off straight, or a round bite taken out."""
    kept = drawing.copy()
    alpha = drawing.getchannel("A")
    if rng.random() < 0.6:
        share = rng.uniform(0.25, 0.75)
        width, height = drawing.size
        part = [(0, 0, round(share * width), height), (round((1 - share) * width), 0, width, height),
                (0, 0, width, round(share * height)), (0, round((1 - share) * height), width, height)]  # fmt: skip
        mask = Image.new("L", drawing.size)
        mask.paste(255, part[rng.integers(4)])
    else:
        mask = Image.new("L", drawing.size, 255)
        reach = rng.uniform(0.25, 0.5) * side
        x, y = rng.uniform(0.1, 0.9) * drawing.width, rng.uniform(0.1, 0.9) * drawing.height
        ImageDraw.Draw(mask).ellipse((x - reach, y - reach, x + reach, y + reach), fill=0)
    kept.putalpha(ImageChops.multiply(alpha, mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.5)))))
    return kept


def outlined(body: Image.Image, mask: Image.Image) -> Image.Image:
    """A body within a mask, in ink along the rim."""
    rim = mask.filter(ImageFilter.MaxFilter(3))
    result = Image.new("RGBA", body.size, (*INK, 255))
    result.paste(body.convert("RGB"), (0, 0), mask.filter(ImageFilter.MinFilter(3)))
    result.putalpha(rim.filter(ImageFilter.GaussianBlur(0.5)))
    return result


def _another(rng: np.random.Generator) -> str:
    return str(rng.choice(list(NOUNS)))


KINDS: tuple[Callable[[np.random.Generator, Image.Image, str, int], Image.Image], ...] = (
    melted, half_formed, blob, two_halves, mixture, remnant,
)  # fmt: skip
