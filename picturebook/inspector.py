"""The picturebook inspector: verdicts from detected boxes, by geometry and counting in code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from muralist.tools.box_verdicts import SURE, Answer, cannot_tell, from_boxes
from muralist.tools.checklist import Checklist, Question
from muralist.tools.detection import Detection, Matched, match
from muralist.tools.errors import BackboneError
from muralist.tools.layout import Box
from muralist.tools.observation import Observation
from muralist.tools.predicates import PREDICATES
from muralist.tools.scene import Scene
from muralist.tools.verdict import PASS_AT, Verdict

from .vocabulary import BACKGROUNDS, COLOURS, NOUNS

if TYPE_CHECKING:
    from .detector import Detector, Shape

WEIGHTS = Path(__file__).parent / "weights"
THRESHOLD = 0.3
"""Detections below this confidence are not things."""
RIM = 1 / 32
"""What a thing's outline and shadow take around its box."""
STAIN = 12.0
"""Grey levels by which the ground is of another colour: a picture's own shading stays below, a smear does not."""
PATCHED = 0.03
"""Share of the ground that may be."""
PLAIN = 0.5
"""Where a larger share is, the ground has a texture."""
CELLS = 16
"""Cells along a side of the grid in which stains are looked for."""


class PicturebookInspector:
    """The embedded detector as an `Inspector`."""

    name = "picturebook"
    noise = 0.04
    """Shifted by a pixel or three, nine in ten pictures' scores have a smaller standard deviation."""
    sure = 0.85
    """Of answers that pass with less, about half are wrong."""

    def __init__(self, weights: Path = WEIGHTS / "detector.safetensors", shape: Shape = "residual") -> None:
        self.weights = weights
        self.shape = shape

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """A verdict per question; attributes other than colours, styles, claims and unknown words are unsure.

        Raises BackboneError if the detector's weights are missing or damaged.
        """
        things = await asyncio.to_thread(self.things, image)
        return judge(checklist, things, image, self.name)

    async def observe(self, image: Image.Image, nouns: Sequence[str]) -> Observation:
        """Everything the detector sees, and the ground if it is one that it knows; it knows no other nouns."""
        things = await asyncio.to_thread(self.things, image)
        ground = _Ground.of(things, image)
        grounds = {name: _background(name, ground).p for name in BACKGROUNDS}
        nearest = max(grounds, key=lambda name: grounds[name])
        return Observation(things, nearest if grounds[nearest] >= PASS_AT else None)

    def cannot_answer(self, checklist: Checklist) -> dict[str, str]:
        """Questions about words that it was not taught, about other looks than colours, styles and claims."""
        reasons = {question.id: _beyond(question, checklist.scene) for question in checklist.questions}
        return {name: why for name, why in reasons.items() if why}

    def things(self, image: Image.Image) -> list[Detection]:
        """Everything the detector sees, surest first."""
        return _network(self.weights, self.shape).detect(image, THRESHOLD)


@cache
def _network(path: Path, shape: Shape) -> Detector:
    from .detector import load_detector

    try:
        return load_detector(path, shape)
    except FileNotFoundError:
        raise BackboneError(
            f"{path} is missing: reinstall muralist, or train it with python -m muralist.picturebook.train"
        ) from None
    except Exception as error:
        raise BackboneError(f"{path} is damaged ({type(error).__name__}): reinstall muralist") from error


def judge(checklist: Checklist, things: Sequence[Detection], image: Image.Image, source: str) -> list[Verdict]:
    """Answer a checklist from detected things; the picture itself is only looked at for its ground."""
    matched = match(checklist.scene, things)
    ground = _Ground.of(things, image)
    return [
        _answer(question, checklist.scene, matched, things, ground).verdict(question, source, matched)
        for question in checklist.questions
    ]


def _answer(
    question: Question, scene: Scene, matched: dict[str, Matched], things: Sequence[Detection], ground: _Ground
) -> Answer:
    if why := _beyond(question, scene):
        return cannot_tell(why)
    answer = from_boxes(question, scene, matched, things) or cannot_tell("the detector cannot tell that")
    match question.kind:
        case "background":
            return _background(scene.background or "", ground)
        case "absent":
            name = scene.absent[question.index or 0]
            return _background(name, ground).denied if name in BACKGROUNDS else answer
        case "others":
            stains = ground.stains() if answer.p >= PASS_AT else []
            evidence = f"also found: {len(stains)} that are no things"
            return Answer(1 - SURE, evidence, stains[0], stains) if stains else answer
        case "exists" | "count" | "attribute" | "place" | "relation" | "style" | "claim":
            return answer
        case never:
            assert_never(never)


def _beyond(question: Question, scene: Scene) -> str:
    """Why no picture will let the detector answer the question; empty if one may."""
    index = question.index or 0
    asked = question.concerns(scene)
    match question.kind:
        case "background":
            ground = scene.background or ""
            known = not BACKGROUNDS.keys().isdisjoint(ground.split())
            return "" if known else f"the detector does not know the background '{ground}'"
        case "absent":
            *looks, noun = scene.absent[index].split()
            known = scene.absent[index] in BACKGROUNDS or (noun in NOUNS and COLOURS.keys() >= set(looks))
            return "" if known else f"the detector does not know '{scene.absent[index]}'"
        case "others":
            asked = [entity.id for entity in scene.entities]
        case "relation":
            if not PREDICATES[scene.relations[index].predicate].decidable_from_boxes:
                return "boxes do not tell what is in front"
        case "style" | "claim":
            return "the detector tells things, colours and places only"
        case "exists" | "count" | "attribute" | "place":
            pass
        case never:
            assert_never(never)
    for noun in (scene.entity(name).noun for name in asked):
        if noun not in NOUNS:
            return f"the detector does not know '{noun}'"
    if question.kind == "attribute":
        attribute = scene.entity(asked[0]).attributes[index]
        if attribute.kind != "colour":
            return "the detector tells things, colours and places only"
        if attribute.value not in COLOURS:
            return f"the detector does not know the colour '{attribute.value}'"
    return ""


def _background(wanted: str, ground: _Ground) -> Answer:
    """Compare the median colour outside all boxes with each known background's; it has to be the same all over."""
    known = next((word for word in BACKGROUNDS if word in wanted.split()), None)
    if known is None:
        return cannot_tell(f"the detector does not know the background '{wanted}'")
    if ground.free.mean() < 0.02:
        return cannot_tell("no background to be seen")
    distances = {word: float(np.linalg.norm(ground.colour - np.array(each))) for word, each in BACKGROUNDS.items()}
    weights = {word: float(np.exp(-((distance / 12) ** 2) / 2)) + 1e-6 for word, distance in distances.items()}
    p = weights[known] / sum(weights.values())
    evidence = f"nearest to {min(distances, key=lambda word: distances[word])}"
    if PATCHED < ground.patched < PLAIN:
        return Answer(min(p, 1 - SURE), f"{evidence}, but {ground.patched:.0%} of it is of another colour")
    return Answer(p, evidence)


@dataclass(frozen=True)
class _Ground:
    """What is no thing: where (H, W), its median colour, and where it stands out from that (H, W)."""

    free: NDArray[np.bool_]
    colour: NDArray[np.float32]
    stained: NDArray[np.bool_]

    @classmethod
    def of(cls, things: Sequence[Detection], image: Image.Image) -> _Ground:
        pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
        free = np.ones(pixels.shape[:2], dtype=bool)
        for thing in things:
            box = thing.box.grown(RIM)
            x0, x1 = (round(edge * image.width) for edge in (box.x0, box.x1))
            y0, y1 = (round(edge * image.height) for edge in (box.y0, box.y1))
            free[y0:y1, x0:x1] = False
        colour = np.median(pixels[free], axis=0) if free.any() else np.zeros(3, np.float32)
        return cls(free, colour, free & (np.abs(pixels - colour).max(axis=2) > STAIN))

    @property
    def patched(self) -> float:
        """Share of the ground that stands out."""
        return float(self.stained.sum() / max(1, self.free.sum()))

    def stains(self) -> list[Box]:
        """Boxes around what stands out from a plain ground, largest first: neighbouring cells, a quarter of each."""
        if self.patched >= PLAIN:
            return []
        height, width = (side // CELLS * CELLS for side in self.free.shape)
        blocks = self.stained[:height, :width].reshape(CELLS, height // CELLS, CELLS, width // CELLS)
        left = {(int(row), int(column)) for row, column in np.argwhere(blocks.mean((1, 3)) >= 0.25)}
        boxes = []
        while left:
            group, border = set(), {left.pop()}
            while border:
                group |= border
                border = {cell for cell in left if any(max(abs(cell[0] - r), abs(cell[1] - c)) == 1 for r, c in border)}
                left -= border
            rows, columns = [row for row, _ in group], [column for _, column in group]
            boxes.append(
                Box(
                    x0=min(columns) / CELLS, y0=min(rows) / CELLS,
                    x1=(max(columns) + 1) / CELLS, y1=(max(rows) + 1) / CELLS,
                )
            )  # fmt: skip
        return sorted(boxes, key=lambda box: -box.area)
