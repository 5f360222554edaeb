"""Scenes of the picturebook world: sampling them, drawing them, and saying what is in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from muralist.tools.predicates import PREDICATES
from muralist.tools.words import with_article

from .glyphs import extent, sized
from .vocabulary import BACKGROUNDS, COLOURS, HELD_OUT, NOUNS, NUMBERS, plural

SIZE = 128
"""Side of a picture in pixels."""

_PAIRS = [(colour, noun) for colour in COLOURS for noun in NOUNS if (colour, noun) not in HELD_OUT]
_SIDES = {
    0: (0, 1),
    1: (28, 88),
    2: (28, 64),
    3: (28, 54),
    4: (28, 52),
    5: (28, 46),
    6: (28, 44),
    7: (26, 38),
    8: (26, 36),
}
"""Longer side of a thing in pixels, by how many things there are. One thing alone may be small, too: that is what a
region of a crowded plan asks for."""
_LEAN = 0.6
"""Exponent below 1 that pushes uniform draws of the side towards large: inner lines of small things are soon lost."""


@dataclass(frozen=True)
class Thing:
    """One drawn object; `box` is (x0, y0, x1, y1) in pixels."""

    noun: str
    colour: str
    box: tuple[int, int, int, int]

    @property
    def centre(self) -> tuple[float, float]:
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


@dataclass(frozen=True)
class Still:
    """A drawn scene: a background and the things on it, back to front."""

    background: str
    things: tuple[Thing, ...]


def sample_still(rng: np.random.Generator, count: int) -> Still:
    """A random still of `count` things that hardly overlap; never a held-out (colour, noun) pair."""
    things: list[Thing] = []
    low, high = _SIDES[count]
    twins = count >= 2 and rng.random() < 0.2
    while len(things) < count:
        if twins and len(things) == 1:
            noun, colour = things[0].noun, things[0].colour
        else:
            colour, noun = _PAIRS[rng.integers(len(_PAIRS))]
        for _ in range(30):
            side = round(low + (high - low) * rng.random() ** _LEAN)
            width, height = extent(noun, colour, side)
            x0 = int(rng.integers(2, SIZE - width - 1))
            y0 = int(rng.integers(2, SIZE - height - 1))
            box = (x0, y0, x0 + width, y0 + height)
            if all(overlap(box, thing.box) < 0.02 for thing in things):
                things.append(Thing(noun, colour, box))
                break
        else:
            things.clear()  # a dead end: start over
    return Still(str(rng.choice(list(BACKGROUNDS))), tuple(things))


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection of two boxes over the smaller area."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return width * height / smaller


def render(still: Still, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a still: (SIZE, SIZE, 3) uint8. `rng` shades the background: hardly, or every repainted part would show."""
    base = np.array(BACKGROUNDS[still.background], dtype=np.float32) + rng.normal(0, 1.5, 3).astype(np.float32)
    slope = np.linspace(rng.uniform(0, 3), rng.uniform(-3, 0), SIZE, dtype=np.float32)[:, None, None]
    ground = np.clip(base + slope + np.zeros((SIZE, SIZE, 3), np.float32), 0, 255).astype(np.uint8)
    canvas = Image.fromarray(ground, "RGB")
    for thing in still.things:
        x0, y0, x1, y1 = thing.box
        drawing = sized(thing.noun, thing.colour, (x1 - x0, y1 - y0))
        canvas.paste(drawing, (x0, y0), drawing)
    return np.asarray(canvas)


def named(thing: Thing, rng: np.random.Generator) -> str:
    """`a red apple`; now and then just `an apple`."""
    words = thing.noun if rng.random() < 0.06 else f"{thing.colour} {thing.noun}"
    return with_article(words)


def caption(still: Still, rng: np.random.Generator) -> str:
    """What someone might write under the still: never more than two of its things.

    Stills of up to two things are told whole. Of a fuller one a thing or two are told, with `and more`, or it is
    called `many things`: captions on the web are incomplete in just this way.
    """
    things = list(still.things)
    ground = f" on {still.background}" if rng.random() < 0.75 else ""
    if not things:
        return f"nothing on {still.background}"
    rng.shuffle(things)
    if len(things) <= 2:
        return _tell(things, rng) + ground
    if rng.random() < 0.2:
        return "many things" + ground
    return _tell(things[: 1 + (rng.random() < 0.6)], rng) + " and more" + ground


def _tell(things: list[Thing], rng: np.random.Generator) -> str:
    if len(things) == 1:
        return named(things[0], rng)
    first, second = things
    if (first.noun, first.colour) == (second.noun, second.colour):
        return f"{NUMBERS[2]} {first.colour} {plural(first.noun)}"
    joined = "and"
    dx, dy = first.centre[0] - second.centre[0], first.centre[1] - second.centre[1]
    if rng.random() < 0.7:
        if abs(dx) > max(abs(dy), 16):
            joined = PREDICATES["left of" if dx < 0 else "right of"].words
        elif abs(dy) > max(abs(dx), 16):
            joined = PREDICATES["above" if dy < 0 else "below"].words
    return f"{named(first, rng)} {joined} {named(second, rng)}"
