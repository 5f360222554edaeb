"""Relations and places as geometry over boxes: the one definition that planning and inspection share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import get_args

from .layout import Box, Layout
from .predicates import PREDICATES, PredicateName
from .scene import Place, Relation, Scene

_THIRDS: dict[str, tuple[float, float]] = {
    "top left": (0, 0), "top": (1, 0), "top right": (2, 0),
    "left": (0, 1), "centre": (1, 1), "right": (2, 1),
    "bottom left": (0, 2), "bottom": (1, 2), "bottom right": (2, 2),
}  # fmt: skip


UNSURE = 0.08
"""How far from the middle line something has to be for it to be on one side of it surely."""


def holds(predicate: PredicateName, subject: Box, objects: Sequence[Box]) -> bool | None:
    """Whether `subject predicate objects` holds on the boxes of things; None where boxes cannot tell."""
    rule = PREDICATES[predicate].rule
    return None if rule is None else rule(subject, objects)


def allows(predicate: PredicateName, region: Box, others: Sequence[Box]) -> bool | None:
    """`holds` for regions, in which things are painted smaller than they: whether what is inside may stand so."""
    rule = PREDICATES[predicate].in_regions
    return holds(predicate, region, others) if rule is None else rule(region, others)


Telling = Callable[[PredicateName, Box, Sequence[Box]], bool | None]
"""`holds` or `allows`."""


def relation_holds(
    predicate: PredicateName,
    subjects: Sequence[Box],
    objects: Sequence[Sequence[Box]],
    same: bool = False,
    rule: Telling = holds,
) -> bool | None:
    """Whether a relation holds between all instances of its entities; None where boxes cannot tell.

    `objects` has the instances of each object in turn; `same` says that both objects of a `between` are one entity, of
    which some two then have to have each subject between them. Where one will do, each subject needs one object: two
    apples inside two bowls are each inside one of them. Any other relation holds between every subject and every
    object. False if one side has no instance.
    """
    choices = list(combinations(objects[0], 2) if same else product(*objects))
    some = same or PREDICATES[predicate].one_will_do
    for subject in subjects:
        answers = [rule(predicate, subject, choice) for choice in choices]
        if None in answers:
            return None
        if not (any(answers) if some else answers and all(answers)):
            return False
    return bool(subjects)


def broken_relations(scene: Scene, layout: Layout) -> list[Relation]:
    """The relations that no painting of the layout's regions can show."""

    def boxes(entity: str) -> list[Box]:
        return [layout.region_of(entity, index).box for index in range(scene.entity(entity).count)]

    return [
        relation
        for relation in scene.relations
        if relation_holds(
            relation.predicate,
            boxes(relation.subject),
            [boxes(name) for name in relation.objects],
            same=relation.among_alike,
            rule=allows,
        )
        is False
    ]


def stands_at(place: Place, box: Box) -> bool:
    """Whether a box's centre lies where `place` says: halves for one-sided words, the middle half for `centre`."""
    column, row = _THIRDS[place]
    x, y = box.centre
    if place == "centre":
        return 0.25 <= x <= 0.75 and 0.25 <= y <= 0.75
    fits_x = column == 1 or (x < 0.5 if column == 0 else x > 0.5)
    fits_y = row == 1 or (y < 0.5 if row == 0 else y > 0.5)
    return fits_x and fits_y


def place_of(box: Box) -> Place:
    """The place at which a box stands surely: one that moves by less than `UNSURE` still does."""
    column, row = (1 if abs(middle - 0.5) < UNSURE else 0 if middle < 0.5 else 2 for middle in box.centre)
    return next(place for place in get_args(Place) if _THIRDS[place] == (column, row))
