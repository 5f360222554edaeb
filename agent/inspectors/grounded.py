"""The grounded inspector: boxes of any noun; geometry, counting and colours in code; other looks by a model, if any."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, assert_never

from PIL import Image

from muralist.tools.box_verdicts import SURE, Answer, cannot_tell, from_boxes
from muralist.tools.checklist import Checklist, Question
from muralist.tools.detection import Detection, Matched, match
from muralist.tools.layout import Box
from muralist.tools.observation import Observation
from muralist.tools.predicates import PREDICATES
from muralist.tools.scene import Attribute, Scene
from muralist.tools.verdict import Verdict, status_of
from muralist.tools.words import GROUNDS

from .colours import PROTOTYPES, called, colour_terms
from .open_vocabulary import distinct

SALIENT = tuple(
    """
    person dog cat bird horse sheep cow elephant bear giraffe zebra car bus train truck boat airplane bicycle motorcycle
    chair couch bed tv laptop phone book clock vase cup bottle bowl plate cake pizza sandwich apple banana orange
    umbrella bag suitcase hat shoe ball balloon bench lamp
    """.split()
)
"""What one notices in a picture if nobody asked for it; nothing that things stand on or in."""
SURELY = 0.6
"""Of what nobody asked for, things less sure than this are not worth a word."""

MARGIN = 0.02
"""How much of its surroundings a cut-out thing takes along, as a fraction of the canvas."""


class Detect(Protocol):
    """Finds things on a picture; blocks until done. `OpenVocabulary.detect` is one."""

    def __call__(self, picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
        """All that go by one of the nouns; `at_once` is cheaper, and may take one noun for another."""


class Vqa(Protocol):
    """Visual question answering for what boxes and colours cannot tell; None if it has no answer. `VqaModel` is one."""

    def has(self, cutout: Image.Image, noun: str, attribute: Attribute) -> float | None: ...

    def yes(self, picture: Image.Image, question: str) -> float | None: ...


BOXES_ONLY = "boxes and colours cannot tell that; set MURALIST_VQA"


@dataclass(frozen=True)
class GroundedInspector:
    """Detection, then geometry, counting and colours in code, as an `Inspector`; without `vqa`, the rest is unsure."""

    detect: Detect
    vqa: Vqa | None = None
    name: str = "grounded"

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """A verdict per question. Raises BackboneError if a model cannot be loaded."""
        return await asyncio.to_thread(self._inspect, image, checklist)

    def cannot_answer(self, checklist: Checklist) -> dict[str, str]:
        """Without `vqa`: whatever neither boxes nor colours tell."""
        if self.vqa is not None:
            return {}
        return {each.id: BOXES_ONLY for each in checklist.questions if not _by_boxes(each, checklist.scene)}

    async def observe(self, image: Image.Image, nouns: Sequence[str]) -> Observation:
        """What goes by one of the nouns, and what one notices anyway. Raises as `inspect` does."""
        return await asyncio.to_thread(self._observe, image, nouns)

    def _observe(self, image: Image.Image, nouns: Sequence[str]) -> Observation:
        found = distinct([*self.detect(image, nouns), *self._noticed(image)])
        return Observation([replace(thing, colours=_colours(image, thing.box, set())) for thing in found])

    def _inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        scene = checklist.scene
        nouns = [entity.noun for entity in scene.entities]
        found = self.detect(image, [*nouns, *(name for name in scene.absent if name not in GROUNDS)])
        words = {each.value for entity in scene.entities for each in entity.attributes if each.kind == "colour"}
        things = [replace(thing, colours=_colours(image, thing.box, words)) for thing in found]
        matched = match(scene, things)
        verdicts = []
        for question in checklist.questions:
            seen = [*things, *self._noticed(image)] if question.kind == "others" else things
            verdicts.append(self._answer(question, scene, matched, seen, image).verdict(question, self.name, matched))
        return verdicts

    def _noticed(self, image: Image.Image) -> list[Detection]:
        """What is surely there, by whatever name."""
        return [thing for thing in self.detect(image, SALIENT, at_once=True) if thing.confidence >= SURELY]

    def _answer(
        self,
        question: Question,
        scene: Scene,
        matched: Mapping[str, Matched],
        things: Sequence[Detection],
        image: Image.Image,
    ) -> Answer:
        answer = from_boxes(question, scene, matched, things)
        if answer is not None:
            return answer
        match question.kind:
            case "attribute":
                return self._attribute(question, matched[question.entity or ""], image)
            case "absent":  # a ground: all else has boxes
                return self._whole(f"Is the background {scene.absent[question.index or 0]}?", image).denied
            case "exists" | "count" | "place" | "relation" | "background" | "style" | "claim" | "others":
                return self._whole(question.text, image)
            case never:
                assert_never(never)

    def _whole(self, question: str, image: Image.Image) -> Answer:
        p = self.vqa.yes(image, question) if self.vqa else None
        return cannot_tell("boxes cannot tell that") if p is None else Answer(p, "by looking at the whole picture")

    def _attribute(self, question: Question, mine: Matched, image: Image.Image) -> Answer:
        """As the instance that has it least."""
        attribute = mine.entity.attributes[question.index or 0]
        if not mine.present:
            return Answer(1 - SURE, "not found")
        answers: list[tuple[float, Box]] = []
        for thing in mine.present:
            p = self.vqa.has(_cut(image, thing.box), mine.entity.noun, attribute) if self.vqa else None
            if p is None:
                return cannot_tell(f"boxes cannot tell whether something is {attribute.value}")
            answers.append((p, thing.box))
        p, box = min(answers, key=lambda answer: answer[0])
        wrong = [place for p, place in answers if status_of(p) != "pass"]
        return Answer(p, f"by looking at {len(answers)} cut out", box, wrong or mine.boxes)


def _by_boxes(question: Question, scene: Scene) -> bool:
    """True if boxes or colours may answer it."""
    match question.kind:
        case "background" | "style" | "claim":
            return False
        case "absent":
            return scene.absent[question.index or 0] not in GROUNDS
        case "relation":
            return PREDICATES[scene.relations[question.index or 0].predicate].decidable_from_boxes
        case "attribute":
            attribute = scene.entity(question.entity or "").attributes[question.index or 0]
            return attribute.kind == "colour" and called(attribute.value, dict.fromkeys(PROTOTYPES, 0.0)) is not None
        case "exists" | "count" | "place" | "others":
            return True
        case never:
            assert_never(never)


def _colours(image: Image.Image, box: Box, words: set[str]) -> dict[str, float]:
    """The basic colour terms, and the words that are asked for if they can be told by them."""
    terms = colour_terms(image, box)
    others = {word: p for word in words if (p := called(word, terms)) is not None}
    return terms | others


def _cut(image: Image.Image, box: Box) -> Image.Image:
    wide = box.grown(MARGIN)
    width, height = image.size
    x0, y0 = int(wide.x0 * width), int(wide.y0 * height)
    return image.crop((x0, y0, max(x0 + 1, round(wide.x1 * width)), max(y0 + 1, round(wide.y1 * height))))
