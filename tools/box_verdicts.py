"""Verdicts from boxes: what detected things say about existence, numbers, colours, places and relations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, assert_never

from .checklist import Question
from .detection import Detection, Matched
from .geometry import relation_holds, stands_at
from .layout import Box
from .scene import Relation, Scene
from .verdict import Source, Verdict, status_of
from .words import GROUNDS, with_article

SAME = 0.5
"""A box that shares more than this of the smaller one with a thing is no thing besides it."""
SURE = 0.97
"""p of what geometry says, if the boxes it rests on are certain."""


class Answer(NamedTuple):
    """What one question comes to, before it is anyone's verdict; the fields are those of `Verdict`."""

    p: float
    evidence: str
    box: Box | None = None
    boxes: Sequence[Box] = ()

    @property
    def denied(self) -> Answer:
        """The answer to whether it is not so."""
        return self._replace(p=1 - self.p)

    def verdict(self, question: Question, source: Source, matched: Mapping[str, Matched]) -> Verdict:
        """The answer as somebody's verdict; of several alike it says which of its boxes is which."""
        mine = matched.get(question.entity or "")
        return Verdict(
            question_id=question.id,
            status=status_of(self.p),
            p=self.p,
            source=source,
            box=self.box,
            boxes=list(self.boxes),
            instances=mine.among([*self.boxes, self.box]) if mine is not None and mine.entity.count > 1 else [],
            evidence=self.evidence,
        )


def cannot_tell(why: str) -> Answer:
    """An answer that says nothing."""
    return Answer(0.5, why)


def from_boxes(
    question: Question, scene: Scene, matched: Mapping[str, Matched], things: Sequence[Detection]
) -> Answer | None:
    """Answer a question about what is there or not, how many, how coloured and where; None where boxes cannot tell.

    `matched` has every entity of the scene by its id; `things` is all that was seen.
    """
    index = question.index or 0
    match question.kind:
        case "exists":
            given = {id(thing) for each in matched.values() for thing in each.present}
            free = [thing for thing in things if id(thing) not in given]
            return _exists(_asked_of(question, matched), things, free)
        case "count":
            return _count(_asked_of(question, matched))
        case "attribute":
            return _colour(_asked_of(question, matched), index)
        case "place":
            return _place(_asked_of(question, matched))
        case "relation":
            return _relation(scene.relations[index], matched)
        case "absent":
            return _absent(scene.absent[index], things)
        case "others":
            return _others(matched, things)
        case "background" | "style" | "claim":
            return None
        case never:
            assert_never(never)


def _asked_of(question: Question, matched: Mapping[str, Matched]) -> Matched:
    """The things of the entity that a question is about."""
    if question.entity is None:
        raise AssertionError(f"question '{question.id}' has to name its entity")
    return matched[question.entity]


def _absent(name: str, things: Sequence[Detection]) -> Answer | None:
    """None for a ground, which has no box. `blue car` is a car that is blue, unless one was looked for by that name."""
    if name in GROUNDS:
        return None
    found = max(things, key=lambda thing: _is_called(name, thing), default=None)
    p = 0.0 if found is None else _is_called(name, found)
    if found is None or status_of(p) == "fail":
        return Answer(SURE * (1 - p), _not_found(name, things))
    return Answer(SURE * (1 - p), f"there is {with_article(str(found))}", found.box)


def _others(matched: Mapping[str, Matched], things: Sequence[Detection]) -> Answer:
    """Whatever is neither given to an entity nor one too many of its kind, well formed or not: remnants count, too."""
    known = [thing for mine in matched.values() for thing in [*mine.present, *mine.surplus]]
    others = [thing for thing in things if all(thing.box.overlap(each.box) <= SAME for each in known)]
    if not others:
        return Answer(SURE, "nothing else found")
    surest = max(others, key=lambda thing: thing.confidence)
    found = ", ".join(with_article(str(thing)) for thing in others)
    return Answer(SURE * (1 - surest.confidence), f"also found: {found}", surest.box, [thing.box for thing in others])


def _is_called(name: str, thing: Detection) -> float:
    """Well formed or not: half a car is no empty street."""
    *looks, noun = [name] if name in thing.nouns else name.split()
    return thing.looks_like(noun) * math.prod(thing.colours.get(look, 0.0) for look in looks)


def _exists(mine: Matched, things: Sequence[Detection], free: Sequence[Detection]) -> Answer:
    noun = mine.entity.noun
    if mine.present:
        best = max(mine.present, key=lambda thing: thing.is_a(noun))
        return Answer(best.is_a(noun), with_article(str(best)), best.box, mine.boxes)
    p = max((thing.is_a(noun) for thing in free), default=0.0)
    return Answer(p, _not_found(noun, things))


def _not_found(name: str, things: Sequence[Detection]) -> str:
    return f"no {name} found; seen: {', '.join(map(str, things)) or 'nothing'}"


def _count(mine: Matched) -> Answer:
    noun, wanted = mine.entity.noun, mine.entity.count
    number = len(mine.present) + len(mine.surplus)
    evidence = f"{number} found, {wanted} asked for"
    if len(mine.present) < wanted:  # what is surplus besides does not look like those that are missing
        return Answer(1 - SURE, evidence, None, mine.boxes)
    if mine.surplus:
        extra = max(mine.surplus, key=lambda thing: thing.looks_like(noun))  # half a cat is one too many, too
        return Answer(1 - extra.looks_like(noun), evidence, extra.box, mine.boxes)
    return Answer(math.prod(thing.is_a(noun) for thing in mine.present) ** (1 / wanted), evidence, None, mine.boxes)


def _place(mine: Matched) -> Answer:
    place = mine.entity.place
    wrong = [thing for thing in mine.present if place and not stands_at(place, thing.box)]
    return _geometry(not wrong, mine.present, wrong or mine.present, f"{place}")


def _colour(mine: Matched, index: int) -> Answer | None:
    """None for other attributes, and for colours that could not be told of all that was found."""
    attribute = mine.entity.attributes[index]
    if attribute.kind != "colour" or not all(attribute.value in thing.colours for thing in mine.present):
        return None
    if not mine.present:
        return Answer(1 - SURE, "not found")
    worst = min(mine.present, key=lambda thing: thing.colours[attribute.value])
    wrong = [thing.box for thing in mine.present if status_of(thing.colours[attribute.value]) != "pass"]
    return Answer(worst.colours[attribute.value], f"it is {worst.colour}", worst.box, wrong or mine.boxes)


def _relation(relation: Relation, matched: Mapping[str, Matched]) -> Answer | None:
    parties = [matched[name] for name in dict.fromkeys((relation.subject, *relation.objects))]
    if not all(party.present for party in parties):
        return Answer(1 - SURE, "not everything it speaks of was found")
    subjects, *objects = (
        [thing.box for thing in matched[name].present] for name in (relation.subject, *relation.objects)
    )
    held = relation_holds(relation.predicate, subjects, objects, relation.among_alike)
    if held is None:
        return None
    things = [thing for party in parties for thing in party.present]
    return _geometry(held, things, matched[relation.subject].present, relation.predicate)


def _geometry(held: bool, rests_on: Sequence[Detection], points_at: Sequence[Detection], what: str) -> Answer:
    if not rests_on:
        return Answer(1 - SURE, "not found")
    where = ", ".join(f"{thing.noun} at ({thing.box.centre[0]:.2f}, {thing.box.centre[1]:.2f})" for thing in rests_on)
    evidence = f"{'' if held else 'not '}{what}: {where}"
    return Answer(SURE if held else 1 - SURE, evidence, points_at[0].box, [thing.box for thing in rests_on])
