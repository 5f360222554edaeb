"""The picturebook inspector: verdicts from detected boxes, by geometry and counting in code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from muralist.tools.checklist import Checklist, Question
from muralist.tools.errors import BackboneError
from muralist.tools.geometry import relation_holds, stands_at
from muralist.tools.layout import Box
from muralist.tools.scene import Relation, Scene
from muralist.tools.verdict import Verdict, status_of

from .matching import Detection, Matched, match
from .vocabulary import BACKGROUNDS, COLOURS, NOUNS

if TYPE_CHECKING:
    from .detector import Detector, Shape

WEIGHTS = Path(__file__).parent / "weights"
THRESHOLD = 0.3
"""Detections below this confidence are not things."""
SURE = 0.97
"""p of what geometry says, if the boxes it rests on are certain."""


class PicturebookInspector:
    """The embedded detector as an `Inspector`."""

    name = "picturebook"

    def __init__(self, weights: Path = WEIGHTS / "detector.safetensors", shape: Shape = "residual") -> None:
        self.weights = weights
        self.shape = shape

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """A verdict per question; attributes other than colours, and unknown backgrounds, are unsure.

        Raises BackboneError if the detector's weights are missing or damaged.
        """
        things = await asyncio.to_thread(self.things, image)
        return judge(checklist, things, image, self.name)

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
    """Answer a checklist from detected things; the picture itself is only looked at for its background."""
    matched = match(checklist.scene, things)
    answers = []
    for question in checklist.questions:
        p, box, boxes, evidence = _answer(question, checklist.scene, matched, things, image)
        answers.append(
            Verdict(
                question_id=question.id,
                status=status_of(p),
                p=p,
                source=source,
                box=box,
                boxes=boxes,
                evidence=evidence,
            )
        )
    return answers


Answer = tuple[float, Box | None, list[Box], str]


def _answer(
    question: Question, scene: Scene, matched: dict[str, Matched], things: Sequence[Detection], image: Image.Image
) -> Answer:
    if question.kind == "background":
        return _background(scene.background or "", things, image)
    if question.kind == "relation":
        return _relation(scene.relations[question.index or 0], matched)
    mine = matched[question.entity or ""]
    if mine.entity.noun not in NOUNS:
        return 0.5, None, [], f"the detector does not know '{mine.entity.noun}'"
    match question.kind:
        case "exists":
            given = {id(thing) for each in matched.values() for thing in each.present}
            return _exists(mine, things, [thing for thing in things if id(thing) not in given])
        case "count":
            return _count(mine)
        case "place":
            wrong = [
                thing for thing in mine.present if mine.entity.place and not stands_at(mine.entity.place, thing.box)
            ]
            return _geometry(not wrong, mine.present, wrong or mine.present, f"{mine.entity.place}")
        case _:
            return _attribute(mine, question.index or 0)


def _exists(mine: Matched, things: Sequence[Detection], free: Sequence[Detection]) -> Answer:
    if mine.present:
        best = max(mine.present, key=lambda thing: thing.is_a(mine.entity.noun))
        return best.is_a(mine.entity.noun), best.box, mine.boxes, f"a {best}"
    p = max((thing.is_a(mine.entity.noun) for thing in free), default=0.0)
    seen = ", ".join(map(str, things)) or "nothing"
    return p, None, [], f"no {mine.entity.noun} found; seen: {seen}"


def _count(mine: Matched) -> Answer:
    noun, wanted = mine.entity.noun, mine.entity.count
    number = len(mine.present) + len(mine.surplus)
    evidence = f"{number} found, {wanted} asked for"
    if mine.surplus:
        extra = max(mine.surplus, key=lambda thing: thing.is_a(noun))
        return 1 - extra.is_a(noun), extra.box, mine.boxes, evidence
    if len(mine.present) < wanted:
        return 0.03, None, mine.boxes, evidence
    return float(np.prod([thing.is_a(noun) for thing in mine.present]) ** (1 / wanted)), None, mine.boxes, evidence


def _attribute(mine: Matched, index: int) -> Answer:
    attribute = mine.entity.attributes[index]
    if attribute.kind != "colour" or attribute.value not in COLOURS:
        return 0.5, None, [], f"the detector cannot tell whether something is {attribute.value}"
    if not mine.present:
        return 0.03, None, [], "not found"
    worst = min(mine.present, key=lambda thing: thing.colours[attribute.value])
    return worst.colours[attribute.value], worst.box, mine.boxes, f"it is {worst.colour}"


def _relation(relation: Relation, matched: dict[str, Matched]) -> Answer:
    parties = [matched[name] for name in dict.fromkeys((relation.subject, *relation.objects))]
    if not all(party.present for party in parties):
        return 0.03, None, [], "not everything it speaks of was found"
    subjects, *objects = (
        [thing.box for thing in matched[name].present] for name in (relation.subject, *relation.objects)
    )
    held = relation_holds(relation.predicate, subjects, objects, relation.among_alike)
    things = [thing for party in parties for thing in party.present]
    if held is None:
        return 0.5, None, [thing.box for thing in things], f"boxes cannot tell '{relation.predicate}'"
    return _geometry(held, things, matched[relation.subject].present, relation.predicate)


def _geometry(held: bool, rests_on: Sequence[Detection], points_at: Sequence[Detection], what: str) -> Answer:
    if not rests_on:
        return 0.03, None, [], "not found"
    p = SURE if held else 1 - SURE
    where = ", ".join(f"{thing.noun} at ({thing.box.centre[0]:.2f}, {thing.box.centre[1]:.2f})" for thing in rests_on)
    return p, points_at[0].box, [thing.box for thing in rests_on], f"{'' if held else 'not '}{what}: {where}"


def _background(wanted: str, things: Sequence[Detection], image: Image.Image) -> Answer:
    """Compare the median colour outside all boxes with each known background's."""
    known = next((word for word in BACKGROUNDS if word in wanted.split()), None)
    if known is None:
        return 0.5, None, [], f"the detector does not know the background '{wanted}'"
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    free = np.ones(pixels.shape[:2], dtype=bool)
    for thing in things:
        x0, x1 = (round(edge * image.width) for edge in (thing.box.x0, thing.box.x1))
        y0, y1 = (round(edge * image.height) for edge in (thing.box.y0, thing.box.y1))
        free[y0:y1, x0:x1] = False
    if free.mean() < 0.02:
        return 0.5, None, [], "no background to be seen"
    median = np.median(pixels[free], axis=0)
    distances = {word: float(np.linalg.norm(median - np.array(colour))) for word, colour in BACKGROUNDS.items()}
    weights = {word: float(np.exp(-((distance / 12) ** 2) / 2)) + 1e-6 for word, distance in distances.items()}
    p = weights[known] / sum(weights.values())
    return p, None, [], f"nearest to {min(distances, key=lambda word: distances[word])}"
