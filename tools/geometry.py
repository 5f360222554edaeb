"""Relations and places as geometry over boxes: the one definition that planning and inspection share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import get_args

from .layout import Box, Layout
from .scene import Place, Predicate, Relation, Scene

MARGIN = 0.03
"""How far centres have to be apart, in fractions of the canvas, for one to be left of or above the other."""

_NEAR: tuple[Predicate, ...] = ("next to", "on", "inside")
"""Relations of touch: two apples inside two bowls are each inside one of them, not both."""

_THIRDS: dict[str, tuple[float, float]] = {
    "top left": (0, 0), "top": (1, 0), "top right": (2, 0),
    "left": (0, 1), "centre": (1, 1), "right": (2, 1),
    "bottom left": (0, 2), "bottom": (1, 2), "bottom right": (2, 2),
}  # fmt: skip


UNSURE = 0.08
"""How far from the middle line something has to be for it to be on one side of it surely."""


DEPTH: frozenset[Predicate] = frozenset({"in front of", "behind"})
"""What cannot be told from boxes."""


def holds(predicate: Predicate, subject: Box, objects: Sequence[Box]) -> bool | None:
    """Whether `subject predicate objects` holds on boxes; None where boxes cannot tell.

    left of, right of, above, below compare centres along the named axis; between lies between two centres on the axis
    on which they are further apart; next to is a gap of less than a third of the canvas; on is above and touching;
    inside is nine tenths covered. What is a matter of DEPTH cannot be told.
    """
    (x, y), other = subject.centre, objects[0]
    ox, oy = other.centre
    match predicate:
        case "left of":
            return ox - x > MARGIN
        case "right of":
            return x - ox > MARGIN
        case "above":
            return oy - y > MARGIN
        case "below" | "under":
            return y - oy > MARGIN
        case "between":
            px, py = objects[1].centre
            a, b, c = (ox, px, x) if abs(ox - px) >= abs(oy - py) else (oy, py, y)
            return min(a, b) + MARGIN < c < max(a, b) - MARGIN
        case "next to":
            return _gap(subject, other) < 1 / 3
        case "on":
            return oy - y > MARGIN and _gap(subject, other) < 0.1
        case "inside":
            return subject.overlap(other) > 0.9 and subject.area <= other.area
    return None


def allows(predicate: Predicate, region: Box, others: Sequence[Box]) -> bool | None:
    """`holds` for regions, in which things are painted smaller than they: whether what is inside may stand so.

    on is above, or touching and on one height; inside is half covered; all else is as for things.
    """
    other = others[0]
    if predicate == "on":
        lower = region.centre[1] - other.centre[1]
        return lower < -MARGIN or (lower <= MARGIN and _gap(region, other) == 0)
    if predicate == "inside":
        return region.overlap(other) * min(region.area, other.area) > region.area / 2
    return holds(predicate, region, others)


Rule = Callable[[Predicate, Box, Sequence[Box]], bool | None]


def relation_holds(
    predicate: Predicate,
    subjects: Sequence[Box],
    objects: Sequence[Sequence[Box]],
    same: bool = False,
    rule: Rule = holds,
) -> bool | None:
    """Whether a relation holds between all instances of its entities; None where boxes cannot tell.

    `objects` has the instances of each object in turn; `same` says that both objects of a `between` are one entity, of
    which some two then have to have each subject between them. A relation of touch needs one object for each subject;
    any other holds between every subject and every object. False if one side has no instance.
    """
    choices = list(combinations(objects[0], 2) if same else product(*objects))
    some = same or predicate in _NEAR
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


def _gap(a: Box, b: Box) -> float:
    across = max(a.x0 - b.x1, b.x0 - a.x1, 0.0)
    down = max(a.y0 - b.y1, b.y0 - a.y1, 0.0)
    return math.hypot(across, down)


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
