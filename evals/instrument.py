"""`muralist eval instrument`: what detector and judge say of perfect pictures, and how far their p can be trusted.

Perfect pictures are rendered stills, every other one through the autoencoder and back. A thing passes at p >= 0.6; a
still passes if all its things do, in their colours, and nothing else is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from diffusers import AutoencoderTiny
from numpy.typing import NDArray
from PIL import Image

from muralist.picturebook.inspector import PicturebookInspector
from muralist.picturebook.training.autoencoder import shipped_autoencoder
from muralist.picturebook.training.denoiser import to_tensor
from muralist.picturebook.training.detector import near, passes, whole_passes
from muralist.picturebook.training.scenes import painted
from muralist.picturebook.world import Still, Thing, render, sample_still

from .judge import Judge

CELL = 8
"""Pixels of a detector's cell: what a thing's place within it must not matter for."""
BINS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def inspectors() -> dict[str, PicturebookInspector]:
    """The loop's detector and the judge by name."""
    return {"detector": PicturebookInspector(), "judge": Judge()}


@dataclass(frozen=True)
class Perfect:
    """Of stills of one kind: how many things and whole stills passed."""

    things: float
    stills: float
    count: int


def perfect(inspector: PicturebookInspector, stills: Sequence[Still], seed: int = 0) -> Perfect:
    """Pass rates on perfect pictures of the stills."""
    rng = np.random.default_rng(seed)
    passed, whole = [], []
    for number, still in enumerate(stills):
        picture = render(still, rng)
        found = inspector.things(Image.fromarray(_tripped(picture) if number % 2 else picture))
        passed += [passes(thing, found) for thing in still.things]
        whole.append(whole_passes(still.things, found))
    return Perfect(fmean(passed), fmean(whole), len(stills))


def _tripped(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Through the autoencoder and back."""
    vae = _autoencoder()
    with torch.inference_mode():
        decoded = vae.decoder(vae.encoder(to_tensor(picture[None]))).clamp(-1, 1)[0]
    result: NDArray[np.uint8] = ((decoded.permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
    return result


@cache
def _autoencoder() -> AutoencoderTiny:
    return shipped_autoencoder().eval()


def at_random(number: int, count: int, seed: int = 5) -> list[Still]:
    """`count` stills of so many things."""
    rng = np.random.default_rng([seed, number])
    return [sample_still(rng, number) for _ in range(count)]


def at_every_offset(each: int) -> dict[tuple[int, int], list[Still]]:
    """For all 64 places of a middle within a cell, `each` stills of one thing that has it there."""
    rng = np.random.default_rng(64)
    found: dict[tuple[int, int], list[Still]] = {}
    for dx in range(CELL):
        for dy in range(CELL):
            stills = []
            for _ in range(each):
                still = sample_still(rng, 1)
                (thing,) = still.things
                width, height = (2 * round((thing.box[axis + 2] - thing.box[axis]) / 2) for axis in (0, 1))
                x, y = 48 + dx, 48 + dy
                box = (x - width // 2, y - height // 2, x + width // 2, y + height // 2)
                stills.append(Still(still.background, (Thing(thing.noun, thing.colour, box),)))
            found[dx, dy] = stills
    return found


def reliability(pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float, int]]:
    """(p, right) pairs by bins of p: mean p, share right, how many. `right` may be a probability itself."""
    rows = []
    for low, high in pairwise(BINS):
        inside = [(p, right) for p, right in pairs if low <= p < high or (high == 1 and p == 1)]
        if inside:
            rows.append((fmean(p for p, _ in inside), fmean(right for _, right in inside), len(inside)))
    return rows


def answers(inspector: PicturebookInspector, folder: Path) -> Iterator[tuple[float, float]]:
    """On a folder's paintings: p that a thing is what it is most like, and how probably a person calls it so."""
    for file in sorted(folder.rglob("*.png")):
        picture = Image.open(file).convert("RGB")
        found = inspector.things(picture)
        for thing in painted(picture).things:
            yield max((each.is_a(thing.noun) for each in near(thing, found)), default=0.0), thing.form


def table(counts: Mapping[int, Mapping[str, Perfect]], offsets: Mapping[str, Sequence[Perfect]]) -> str:
    """Lines for perfect stills."""
    lines = ["perfect stills: things passed, stills passed whole"]
    for number, row in counts.items():
        cells = ", ".join(f"{name} {found.things:.3f} {found.stills:.3f}" for name, found in row.items())
        lines.append(f"  {number} thing{'s' * (number > 1)}, {next(iter(row.values())).count} stills: {cells}")
    for name, found in offsets.items():
        mean, least = fmean(each.things for each in found), min(each.things for each in found)
        lines.append(
            f"  one thing at all {len(found)} places within a cell, {name}: {mean:.3f}, at the worst place {least:.3f}"
        )
    return "\n".join(lines)


def curve(found: Mapping[str, Sequence[tuple[float, float, int]]]) -> str:
    """Reliability: p said, share right, how many."""
    lines = ["reliability on paintings: p said -> share right (things)"]
    for name, rows in found.items():
        cells = ", ".join(f"{said:.2f} -> {right:.2f} ({many})" for said, right, many in rows)
        error = sum(abs(said - right) * many for said, right, many in rows) / max(1, sum(many for *_, many in rows))
        lines.append(f"  {name}: {cells}; mean difference {error:.3f}")
    return "\n".join(lines)
