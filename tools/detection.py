"""Detected things, and which of them is which instance of the scene."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations

from .geometry import relation_holds, stands_at
from .layout import Box
from .scene import Entity, Scene

LEAST_FIT = 0.1
"""Nothing is given to an instance that fits it less."""
ONE_MORE = 0.5
"""What looks less like an entity than this is not one too many of it, but something else."""
WELL_FORMED = 0.6
"""A thing whose form is less probable than this is told to be badly formed."""
MOST_ORDERS = 5040
"""Ways of telling things that look alike apart that are tried: all of them for up to seven."""


@dataclass(frozen=True)
class Detection:
    """One detected thing: its box, how sure it is, and what it is.

    `nouns`: for each noun the detector was asked for, the probability that it is one, given that it is anything;
    `colours`: for each colour word that can be told, the probability that one would call it so; `form`: the probability
    that it is well formed, so that a person who was not told would call it what it is most like.
    """

    box: Box
    confidence: float
    nouns: dict[str, float]
    colours: dict[str, float]
    form: float = 1.0

    def looks_like(self, noun: str) -> float:
        """Probability that what is here is meant as a thing of that noun, well formed or not."""
        return self.confidence * self.nouns.get(noun, 0.0)

    def is_a(self, noun: str) -> float:
        """Probability that there is a thing of that noun here, and well formed."""
        return self.looks_like(noun) * self.form

    @property
    def noun(self) -> str:
        return max(self.nouns, key=lambda noun: self.nouns[noun])

    @property
    def colour(self) -> str:
        """The colour one would most probably call it; empty if none can be told."""
        return max(self.colours, key=lambda colour: self.colours[colour], default="")

    def __str__(self) -> str:
        formed = "" if self.form >= WELL_FORMED else f", badly formed ({self.form:.2f})"
        return f"{self.colour} {self.noun}{formed}".lstrip()


@dataclass(frozen=True)
class Matched:
    """An entity's things, one or None per instance, and what else looks like it."""

    entity: Entity
    instances: list[Detection | None]
    surplus: list[Detection] = field(default_factory=list)

    @property
    def present(self) -> list[Detection]:
        return [thing for thing in self.instances if thing is not None]

    @property
    def boxes(self) -> list[Box]:
        return [thing.box for thing in [*self.present, *self.surplus]]

    def among(self, boxes: Sequence[Box | None]) -> list[tuple[int, Box]]:
        """Those of the boxes that are an instance's, each with its index."""
        return [(index, thing.box) for index, thing in enumerate(self.instances) if thing and thing.box in boxes]


def match(scene: Scene, things: Sequence[Detection]) -> dict[str, Matched]:
    """Give things to instances, best fit first; what is left and looks like an entity is surplus.

    The fit of a thing and an instance is P(it looks like the noun) times 0.2 + 0.8 P(colour). Where several entities
    look the same, their things are told apart by the places and relations that the scene states.
    """
    given = _by_order(scene, _by_fit(scene, things))
    taken = {id(thing) for thing in given.values()}
    surplus: dict[str, list[Detection]] = {entity.id: [] for entity in scene.entities}
    for thing in things:
        alike = [entity for entity in scene.entities if thing.looks_like(entity.noun) >= ONE_MORE]
        if id(thing) not in taken and alike:
            surplus[max(alike, key=lambda entity: _fit(entity, thing)).id].append(thing)
    return {
        entity.id: Matched(entity, [given.get((entity.id, index)) for index in range(entity.count)], surplus[entity.id])
        for entity in scene.entities
    }


Given = Mapping[tuple[str, int], Detection]
"""Entity id and index to its thing."""


def _by_fit(scene: Scene, things: Sequence[Detection]) -> Given:
    fits = sorted(
        (
            (_fit(entity, thing), -position, -index, entity.id)
            for entity in scene.entities
            for index in range(entity.count)
            for position, thing in enumerate(things)
        ),
        reverse=True,
    )
    given: dict[tuple[str, int], Detection] = {}
    taken: set[int] = set()
    for fit, position, index, entity_id in fits:
        if fit >= LEAST_FIT and -position not in taken and (entity_id, -index) not in given:
            given[entity_id, -index] = things[-position]
            taken.add(-position)
    return given


def _by_order(scene: Scene, given: Given) -> Given:
    """The same things, exchanged among entities of one name so that most places and relations hold."""
    names = [entity.name for entity in scene.entities]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        alike = {entity.id for entity in scene.entities if entity.name == name}
        slots = [slot for slot in given if slot[0] in alike]
        orders = islice(permutations([given[slot] for slot in slots]), MOST_ORDERS)
        exchanged = ({**given, **dict(zip(slots, order, strict=True))} for order in orders)
        given = max(exchanged, key=lambda candidate: _held(scene, candidate))
    return given


def _held(scene: Scene, given: Given) -> int:
    """How many of the stated places and relations hold."""
    boxes: dict[str, list[Box]] = {entity.id: [] for entity in scene.entities}
    for (entity_id, _), thing in given.items():
        boxes[entity_id].append(thing.box)
    held = sum(
        stands_at(entity.place, box)
        for entity in scene.entities
        if entity.place is not None
        for box in boxes[entity.id]
    )
    for relation in scene.relations:
        objects = [boxes[name] for name in relation.objects]
        held += relation_holds(relation.predicate, boxes[relation.subject], objects, relation.among_alike) is True
    return held


def _fit(entity: Entity, thing: Detection) -> float:
    fit = thing.looks_like(entity.noun)
    for attribute in entity.attributes:
        if attribute.kind == "colour" and attribute.value in thing.colours:
            fit *= 0.2 + 0.8 * thing.colours[attribute.value]
    return fit
