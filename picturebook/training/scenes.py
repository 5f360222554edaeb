"""What detectors learn from: pictures with everything in them labelled, well formed or not.

Three sources: rendered stills; stills with fakes in them (`fakes`); and what the denoiser painted at several stages
of its training, which the glyphs label without a hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from muralist.picturebook.correlation import Look, Match, border, colour, look, things
from muralist.picturebook.forms import form
from muralist.picturebook.vocabulary import NOUNS
from muralist.picturebook.world import Still, Thing, overlap, render, sample_still

from .fakes import Fake, fake

SHARP = 0.05
"""Difference of correlation by which a noun is e times as probable as another."""
PERFECT = 0.97
"""A rendered glyph's form: a few are drawn very small."""
CLEAR = 0.7
"""A place in a painting with this correlation is a thing of its own, whatever touches it."""
CONTRAST = 28
"""Grey levels by which a pixel differs from the ground if it belongs to something."""
COUNTS = (0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8)
"""Numbers of things in a drawn scene, each as probable as the others: things are the larger the fewer there are, and
few enough of them are large as it is."""
SMALLEST = 10
"""Pixels on the shorter side of something."""

Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class Labelled:
    """Something in a picture: its box (x0, y0, x1, y1) in pixels, how probable each noun is, its colour, its form.

    `colour` is None where it cannot be told; `form` is the probability that a person calls it by its noun.
    """

    box: Edges
    nouns: NDArray[np.float32]
    colour: str | None
    form: float

    @property
    def noun(self) -> str:
        """What it is most like."""
        return list(NOUNS)[int(self.nouns.argmax())]

    @property
    def centre(self) -> tuple[float, float]:
        """In pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Scene:
    """A picture (128, 128, 3) uint8, what is in it, and boxes of what may be anything."""

    picture: NDArray[np.uint8]
    things: tuple[Labelled, ...]
    unknown: tuple[Edges, ...] = ()


def labelled(box: Edges, seen: Look, tint: str | None) -> Labelled:
    """What the glyphs tell of something."""
    likeness = np.array([seen.likeness[noun] for noun in NOUNS], dtype=np.float32)
    odds = np.exp((likeness - likeness.max()) / SHARP)
    return Labelled(box, odds / odds.sum(), tint, form(seen))


def labelled_still(rng: np.random.Generator, count: int) -> Scene:
    """A perfect still of so many things."""
    still = sample_still(rng, count)
    return Scene(render(still, rng), tuple(_perfect(thing) for thing in still.things))


def _perfect(thing: Thing) -> Labelled:
    nouns = np.array([float(thing.noun == noun) for noun in NOUNS], dtype=np.float32)
    return Labelled(thing.box, nouns, thing.colour, PERFECT)


def drawn(rng: np.random.Generator, bank: Sequence[Fake], share: float) -> Scene:
    """A still of up to eight things, of which a share is replaced by fakes about as large."""
    still = sample_still(rng, int(rng.choice(COUNTS)))
    kept = [thing for thing in still.things if not bank or rng.random() >= share]
    known = [_perfect(thing) for thing in kept]
    picture = Image.fromarray(render(Still(still.background, tuple(kept)), rng))
    for thing in still.things:
        if thing in kept:
            continue
        fake = _of_size(rng, bank, max(thing.box[2] - thing.box[0], thing.box[3] - thing.box[1]))
        left, top = (round(middle - side / 2) for middle, side in zip(thing.centre, fake.drawing.size, strict=True))
        box = (left, top, left + fake.drawing.width, top + fake.drawing.height)
        if (
            min(box[:2]) < 0
            or max(box[2:]) > len(np.asarray(picture))
            or any(overlap(box, other.box) > 0.1 for other in known)
        ):
            continue
        picture.paste(fake.drawing, (left, top), fake.drawing)
        known.append(labelled(box, fake.look, fake.colour))
    return Scene(np.asarray(picture), tuple(known))


def _of_size(rng: np.random.Generator, bank: Sequence[Fake], side: int) -> Fake:
    """Of eight fakes drawn at random, the one nearest to a size."""
    chosen = [bank[number] for number in rng.integers(0, len(bank), 8)]
    nearest: Fake = min(chosen, key=lambda each: abs(max(each.drawing.size) - side))
    return nearest


def painted(picture: Image.Image) -> Scene:
    """A painting, labelled by the glyphs: clear matches first, then whatever else stands out from the ground."""
    seen, unknown = _seen(picture)
    return Scene(np.asarray(picture.convert("RGB")), tuple(labelled(*each) for each in seen), tuple(unknown))


def _seen(picture: Image.Image) -> tuple[list[tuple[Edges, Look, str | None]], list[Edges]]:
    """Box, look and colour of everything, and boxes of what cannot be told apart."""
    clear = things(picture, at_least=CLEAR)
    seen: list[tuple[Edges, Look, str | None]] = [
        (match.box, look(picture, match.box), colour(picture, match)) for match in clear
    ]
    unknown: list[Edges] = []
    for box in _standing_out(picture):
        touching = [match.box for match in clear if overlap(box, match.box) > 0.05]
        if not touching:
            found = look(picture, box)
            seen.append((box, found, colour(picture, found.match) if found.match.value > CLEAR else None))
        elif area(box) > 1.4 * max(area(other) for other in touching):
            unknown.append(box)
    return seen, unknown


def _standing_out(picture: Image.Image) -> Iterator[Edges]:
    """Boxes of connected pixels that are not the ground's."""
    from scipy import ndimage

    pixels = np.asarray(picture.convert("RGB"), dtype=np.float32)
    apart = np.abs(pixels - np.median(border(pixels), axis=0)).max(2) > CONTRAST
    numbered, _ = ndimage.label(ndimage.binary_closing(apart, iterations=2))
    for rows, columns in ndimage.find_objects(numbered):
        if min(rows.stop - rows.start, columns.stop - columns.start) >= SMALLEST:
            yield (columns.start, rows.start, columns.stop, rows.stop)


def area(box: Edges) -> float:
    """In square pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


@dataclass
class Part:
    """Fakes and labelled paintings: those that are trained on, or those that are not."""

    fakes: list[Fake] = field(default_factory=list)
    paintings: list[Scene] = field(default_factory=list)


class Bank:
    """Fakes and labelled paintings, made once and kept in a folder: labelling takes a tenth of a second a thing.

    About every tenth is held out: nothing is trained on it. Which ones follows from their names, so it stays so when
    more come in.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.trained, self.held_out = Part(), Part()

    def fill(self, count: int, paintings: Path, own: int, of: int) -> None:
        """Load what is kept; make fakes up to `count`, and label the paintings (PNG files) that are its share.

        Of `of` banks it is number `own`; a painting belongs to the same one whatever others there are, and with all
        that were painted of its prompt from its seed: at the next stage of training they look much the same.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.trained, self.held_out = Part(), Part()
        for number in range(count):
            self._part(number).fakes.append(self._fake(number))
        for file in sorted(paintings.rglob("*.png")):
            number, share = divmod(crc32(_prompt_of(file).encode()), of)
            if share == own:
                self._part(number).paintings.append(self._painting(file))

    def _part(self, number: int) -> Part:
        return self.trained if number % 10 else self.held_out

    def _fake(self, number: int) -> Fake:
        stem = self.folder / f"fake-{number:05d}"
        if not stem.with_suffix(".json").exists():
            made = fake(np.random.default_rng([self.seed, number]))
            made.drawing.save(stem.with_suffix(".png"))
            _write(stem.with_suffix(".json"), {"colour": made.colour, "look": asdict(made.look)})
        kept = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        with Image.open(stem.with_suffix(".png")) as drawing:
            return Fake(drawing.copy(), kept["colour"], _look(kept["look"]))

    def _painting(self, file: Path) -> Scene:
        kept = self.folder / f"{file.parent.name}-{file.stem}.json"
        with Image.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        if not kept.exists():
            seen, unknown = _seen(Image.fromarray(pixels))
            _write(kept, {"seen": [(box, asdict(each), tint) for box, each, tint in seen], "unknown": unknown})
        known = json.loads(kept.read_text(encoding="utf-8"))
        found = tuple(labelled(tuple(box), _look(each), tint) for box, each, tint in known["seen"])
        return Scene(pixels, found, tuple(map(tuple, known["unknown"])))


def _prompt_of(file: Path) -> str:
    """The painting's name, without its stage of training and whatever zeros its numbers begin with."""
    return "-".join(part.lstrip("0") for part in file.stem.split("-"))


def _look(kept: dict[str, Any]) -> Look:
    """What `asdict` made of a look."""
    return Look(**{**kept, "match": Match(**kept["match"])})


def _write(file: Path, value: object) -> None:
    """Whole or not at all."""
    partial = file.with_suffix(".new")
    partial.write_text(json.dumps(value), encoding="utf-8")
    partial.replace(file)
