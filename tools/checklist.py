"""The checklist: the scene as questions that a picture answers with yes or no."""

from __future__ import annotations

from typing import Literal, assert_never

from pydantic import Field

from .predicates import PREDICATES
from .scene import Scene
from .value import Value
from .words import GROUNDS, MEDIA, ROOMY, with_article, words

QuestionKind = Literal[
    "exists", "count", "attribute", "place", "relation", "background", "absent", "style", "claim", "others"
]

Aspect = Literal["presence", "number", "look", "position", "strangers", "whole"]
"""What a question is about, and with it what mends a picture on which its answer is no."""


class Question(Value):
    """One yes-or-no question. It is asked only once everything it depends on has passed."""

    id: str
    kind: QuestionKind
    text: str
    entity: str | None = Field(default=None, description="The entity it is about; of a relation, the subject.")
    depends_on: list[str] = Field(default_factory=list)
    index: int | None = Field(
        default=None,
        description="Position among the entity's attributes or the scene's relations, absent things, styles or claims.",
    )

    @property
    def aspect(self) -> Aspect:
        """Whether and how well a thing is there, how many, how it looks, where it stands; or what nobody asked for."""
        match self.kind:
            case "exists":
                return "presence"
            case "count":
                return "number"
            case "attribute":
                return "look"
            case "place" | "relation":
                return "position"
            case "absent" | "others":
                return "strangers"
            case "background" | "style" | "claim":
                return "whole"
            case never:
                assert_never(never)

    def concerns(self, scene: Scene) -> list[str]:
        """Ids of the entities that have to be found for it to be answered; none if it is about the whole picture."""
        match self.kind:
            case "exists" | "count" | "attribute" | "place":
                return [] if self.entity is None else [self.entity]
            case "relation":
                relation = scene.relations[self.index or 0]
                return [relation.subject, *relation.objects]
            case "background" | "absent" | "style" | "claim" | "others":
                return []
            case never:
                assert_never(never)


class Checklist(Value):
    """All questions of a scene, parents before children."""

    scene: Scene
    questions: list[Question]

    def question(self, question_id: str) -> Question:
        """The question of that id; KeyError if there is none."""
        for question in self.questions:
            if question.id == question_id:
                return question
        raise KeyError(question_id)


def checklist(scene: Scene) -> Checklist:
    """Derive the questions: existence, count, attributes and place per entity, then relations, then the whole."""
    questions: list[Question] = []
    for entity in scene.entities:
        exists = f"{entity.id}.exists"
        questions.append(
            Question(id=exists, kind="exists", entity=entity.id, text=f"Is there {with_article(entity.noun)}?")
        )
        questions.extend(
            Question(
                id=f"{entity.id}.{attribute.kind}.{position}",
                kind="attribute",
                entity=entity.id,
                text=f"Is the {entity.noun} {attribute.value}?",
                depends_on=[exists],
                index=position,
            )
            for position, attribute in enumerate(entity.attributes)
        )
        amount = (
            f"Is there exactly one {entity.name}?"
            if entity.count == 1
            else f"Are there exactly {entity.count} things that are {with_article(entity.name)}?"
        )
        questions.append(
            Question(
                id=f"{entity.id}.count",
                kind="count",
                entity=entity.id,
                text=amount,
                depends_on=[exists],
            )
        )
        if entity.place:
            questions.append(
                Question(
                    id=f"{entity.id}.place",
                    kind="place",
                    entity=entity.id,
                    text=f"Is the {entity.name} at the {entity.place} of the picture?",
                    depends_on=[exists],
                )
            )
    for position, relation in enumerate(scene.relations):
        subject, *objects = (scene.entity(name).name for name in (relation.subject, *relation.objects))
        questions.append(
            Question(
                id=f"relation.{position}",
                kind="relation",
                entity=relation.subject,
                text=PREDICATES[relation.predicate].question(subject, objects),
                depends_on=[f"{other}.exists" for other in [relation.subject, *relation.objects]],
                index=position,
            )
        )
    if scene.background:
        questions.append(Question(id="background", kind="background", text=f"Is the background {scene.background}?"))
    whole: list[tuple[QuestionKind, list[str]]] = [
        ("absent", [_absent(noun) for noun in scene.absent]),
        ("style", [_style(name) for name in styles(scene)]),
        ("claim", scene.claims),
    ]
    questions += [
        Question(id=f"{kind}.{position}", kind=kind, text=text, index=position)
        for kind, texts in whole
        for position, text in enumerate(texts)
    ]
    if not leaves_room(scene):
        named = ", ".join(dict.fromkeys(entity.name for entity in scene.entities))
        questions.append(
            Question(id="others", kind="others", text=f"Is there nothing else in the picture than: {named}?")
        )
    return Checklist(scene=scene, questions=questions)


def leaves_room(scene: Scene) -> bool:
    """True if things may be there that nobody named: in a market, in front of a city, where no thing is named, or on a
    given picture that shows more.
    """
    said = [*words(scene.background or ""), *(word for entity in scene.entities for word in words(entity.noun))]
    plain = scene.background is None or bool(GROUNDS & set(words(scene.background)))
    return scene.partial or not scene.entities or not plain or not ROOMY.isdisjoint(said)


def styles(scene: Scene) -> list[str]:
    """The parts of the scene's style, each of which is a question: `oil painting, van gogh` has two."""
    return [part.strip() for part in (scene.style or "").split(",") if part.strip()]


def _style(name: str) -> str:
    return (
        f"Is it {with_article(name)}?"
        if name.rsplit(maxsplit=1)[-1] in MEDIA
        else f"Is the style of the picture {name.removesuffix(' style')}?"
    )


def _absent(noun: str) -> str:
    return f"Is the background anything but {noun}?" if noun in GROUNDS else f"Is there no {noun}?"
