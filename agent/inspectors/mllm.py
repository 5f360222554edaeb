"""A vision model as inspector: it answers every question and gives boxes; what boxes can tell is worked out in code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, assert_never

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from PIL import Image
from pydantic import BaseModel

from muralist.agent.endpoint import Endpoint, picture_block
from muralist.prompts import load
from muralist.tools.box_verdicts import Answer, from_boxes
from muralist.tools.checklist import Checklist, Question
from muralist.tools.detection import Detection, Matched
from muralist.tools.errors import BadSettings, NoAnswer, NoVision
from muralist.tools.layout import Box
from muralist.tools.scene import Entity, Scene
from muralist.tools.verdict import NOBODY, Verdict

from .inspection import Inspection, Reply, one_each

if TYPE_CHECKING:
    from muralist.agent.settings import Settings

T = TypeVar("T", bound=BaseModel)

SIDE = 768
"""Longer side in pixels, at most, of the picture that is sent."""
MOST = 32
"""Questions in one call; a longer checklist takes several."""
TRUSTED = 0.9
"""How sure a thing is of which the model gave a box."""
TWICE = 0.85
"""Intersection over union from which on two boxes of one entity are one thing, listed twice."""


class Asked(Protocol):
    """Whoever fills in forms: an `Endpoint`."""

    model: str

    async def ask(self, messages: Sequence[BaseMessage], form: type[T]) -> T:
        """Raises Refused, NoVision, and NoAnswer if what came back could not be read."""


@dataclass(frozen=True)
class MllmInspector:
    """A vision model as an `Inspector`: one call for a checklist.

    Existence, attributes, background, and what lies in front of what are answered by the model; counts, places and
    other relations are worked out from its boxes wherever it gave boxes of all they are about.
    """

    endpoint: Asked
    name: str = "mllm"

    @classmethod
    def of(cls, settings: Settings) -> MllmInspector:
        """The settings' inspector model, or else the agent's. Raises BadSettings if there is none."""
        model = settings.inspector_model or settings.model
        if model == "offline":
            raise BadSettings(
                "inspector 'mllm' needs a model that sees: set MURALIST_INSPECTOR_MODEL to one that the endpoint has"
            )
        return cls(Endpoint.of(settings, model))

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """A verdict for every question that the model answers; those of a reply that nobody can read are nobody's.

        Raises NoVision for a model that sees nothing, Refused, and whatever else its endpoint raises.
        """
        verdicts: list[Verdict] = []
        for start in range(0, len(checklist.questions), MOST):
            questions = checklist.questions[start : start + MOST]
            try:
                inspection = await self._ask(image, questions, checklist.scene)
            except NoAnswer as error:
                verdicts += [_unread(question, str(error)) for question in questions]
            else:
                verdicts += self._verdicts(inspection, image, questions, checklist.scene)
        return verdicts

    async def _ask(self, image: Image.Image, questions: Sequence[Question], scene: Scene) -> Inspection:
        named = "\n".join(f"`{entity.id}`: {entity.name}" for entity in _concerned(questions, scene))
        asked = "\n".join(f"`{question.id}`: {question.text}" for question in questions)
        text = {"type": "text", "text": f"entities:\n{named}\n\nquestions:\n{asked}"}
        messages = [SystemMessage(load("inspect")), HumanMessage([text, picture_block(image, SIDE)])]
        instead = "set MURALIST_INSPECTOR_MODEL to a model that sees, or MURALIST_INSPECTOR to grounded or picturebook"
        try:
            inspection = await self.endpoint.ask(messages, Inspection)
        except NoVision as error:
            raise NoVision(f"inspector 'mllm': {error}: {instead}") from None
        if not inspection.sees_picture:
            raise NoVision(f"inspector 'mllm': model {self.endpoint.model} says that it sees no picture: {instead}")
        return inspection

    def _verdicts(
        self, inspection: Inspection, image: Image.Image, questions: Sequence[Question], scene: Scene
    ) -> list[Verdict]:
        replies = {reply.question: reply for reply in inspection.answers}
        scale = inspection.scale(min(SIDE, max(image.size)))
        matched = _matched(inspection, scale, scene)
        things = [thing for mine in matched.values() for thing in mine.present]
        verdicts = []
        for question in questions:
            reply = replies.get(question.id)
            computed = _computed(question, scene, matched, things)
            if computed is not None:
                verdicts.append(computed.verdict(question, self.name, matched))
            elif reply is not None:
                verdicts.append(_said(reply, question, matched, scale).verdict(question, self.name, matched))
        return verdicts


def _concerned(questions: Sequence[Question], scene: Scene) -> list[Entity]:
    """The entities that the questions are about."""
    names = {name for question in questions for name in question.concerns(scene)}
    return [entity for entity in scene.entities if entity.id in names]


def _matched(inspection: Inspection, scale: float | None, scene: Scene) -> dict[str, Matched]:
    """The model's boxes by entity: as many as are asked for, and the surplus; none of what it says is not there."""
    absent = {reply.question for reply in inspection.answers if reply.answer == "no"}
    matched = {}
    for entity in scene.entities:
        given = [thing.box.box(scale) for thing in inspection.things if scale is not None and thing.entity == entity.id]
        boxes = [] if f"{entity.id}.exists" in absent else one_each([box for box in given if box is not None], TWICE)
        things = [Detection(box, TRUSTED, {entity.noun: 1.0}, {}) for box in boxes]
        instances = [things[index] if index < len(things) else None for index in range(entity.count)]
        matched[entity.id] = Matched(entity, instances, things[entity.count :])
    return matched


def _computed(
    question: Question, scene: Scene, matched: Mapping[str, Matched], things: Sequence[Detection]
) -> Answer | None:
    """What boxes tell of counts, places and relations; None if one of the things it is about has none."""
    match question.kind:
        case "count" | "place" | "relation":
            found = all(matched[name].present for name in question.concerns(scene))
            return from_boxes(question, scene, matched, things) if found else None
        case "exists" | "attribute" | "background" | "absent" | "style" | "claim" | "others":
            return None
        case never:
            assert_never(never)


def _said(reply: Reply, question: Question, matched: Mapping[str, Matched], scale: float | None) -> Answer:
    """The model's own answer, with its boxes."""
    boxes: list[Box] = matched[question.entity].boxes if question.entity else []
    box = reply.box.box(scale) if reply.box is not None and scale is not None else None
    match question.kind:
        case "exists":
            box = boxes[0] if box is None and boxes else box
        case "attribute":
            boxes = boxes if box is None else [box]  # what it points at: others may look as they have to
        case "count" | "place" | "relation" | "background" | "absent" | "style" | "claim" | "others":
            pass
        case never:
            assert_never(never)
    return Answer(reply.probability, reply.evidence[:500], box, boxes)


def _unread(question: Question, why: str) -> Verdict:
    return Verdict(question_id=question.id, status="unsure", p=0.5, source=NOBODY, evidence=why)
