"""The relations that a scene can state, one record each: how each is said, told from boxes, planned and read.

A new one is a name in `PredicateName` and a record in the table; everything else follows from the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .layout import Box

PredicateName = Literal[
    "left of", "right of", "above", "below", "between", "next to",
    "in front of", "behind", "on", "under", "inside",
]  # fmt: skip
"""The closed list of relations; `subject predicate objects`, seen by the viewer."""

Axis = Literal[0, 1]
X: Axis = 0
Y: Axis = 1

Rule = Callable[[Box, Sequence[Box]], bool]
"""Whether a relation holds between the boxes of a subject and of its objects."""

MARGIN = 0.03
"""How far centres have to be apart, in fractions of the canvas, for one to be left of or above the other."""
NEAR = 1 / 3
"""A gap between two things, in fractions of the canvas, below which they are next to each other."""
TOUCHING = 0.1
"""The same for one that lies on the other."""
COVERED = 0.9
"""Share of a thing that lies in another one, above which it is inside."""


class Order(NamedTuple):
    """On an axis the subject comes first, which is further left or higher up, or else last."""

    axis: Axis
    first: bool


@dataclass(frozen=True, kw_only=True)
class Predicate:
    """One relation.

    `rule` tells it from the boxes of things, None if boxes cannot; `in_regions`, if it differs, from regions, in which
    things are painted smaller than they. `one_will_do`: of several objects each subject needs only one.

    Planning: `order` has to be kept, `depth` gives way to what is stated; `beside` puts the subject next to its
    object, `contained` into it; `shares` lets their regions overlap as they like.

    Wording, each phrase apart by a comma: `phrases` lead to an object, those `alone` can do without one; `verbs` say it
    by themselves. `side` is its side of the canvas, which together with that of its `inverse` makes `left to right`.
    `traces` are all words of a prompt that a scene with this relation keeps; `wording` is how it is best said, if not
    by its name.
    """

    name: PredicateName
    rule: Rule | None
    phrases: str
    traces: str
    in_regions: Rule | None = None
    objects: int = 1
    one_will_do: bool = False
    order: Order | None = None
    depth: Order | None = None
    beside: bool = False
    contained: bool = False
    shares: bool = False
    inverse: PredicateName | None = None
    alone: str = ""
    verbs: str = ""
    side: str = ""
    wording: str = ""

    @property
    def decidable_from_boxes(self) -> bool:
        return self.rule is not None

    @property
    def words(self) -> str:
        """How it is said between two things: `to the left of`."""
        return self.wording or self.name

    def statement(self, subject: str, objects: Sequence[str]) -> str:
        """`the red apple is left of the blue cup`."""
        return f"the {subject} is {self.name} {_all(objects)}"

    def question(self, subject: str, objects: Sequence[str]) -> str:
        """`Is the red apple left of the blue cup?`"""
        return f"Is the {subject} {self.name} {_all(objects)}?"


def _all(names: Sequence[str]) -> str:
    return " and ".join(f"the {name}" for name in names)


def gap(a: Box, b: Box) -> float:
    """Distance between the nearest points of two boxes; 0 if they meet."""
    across = max(a.x0 - b.x1, b.x0 - a.x1, 0.0)
    down = max(a.y0 - b.y1, b.y0 - a.y1, 0.0)
    return math.hypot(across, down)


def _ordered(order: Order) -> Rule:
    """Centres stand so along the axis."""

    def rule(subject: Box, objects: Sequence[Box]) -> bool:
        one, two = subject.centre[order.axis], objects[0].centre[order.axis]
        return (two - one if order.first else one - two) > MARGIN

    return rule


def _between(subject: Box, objects: Sequence[Box]) -> bool:
    """The centre lies between the two others, on the axis on which those are further apart."""
    (x, y), (ox, oy), (px, py) = subject.centre, objects[0].centre, objects[1].centre
    a, b, c = (ox, px, x) if abs(ox - px) >= abs(oy - py) else (oy, py, y)
    return min(a, b) + MARGIN < c < max(a, b) - MARGIN


def _next_to(subject: Box, objects: Sequence[Box]) -> bool:
    return gap(subject, objects[0]) < NEAR


def _on(subject: Box, objects: Sequence[Box]) -> bool:
    """Above and touching."""
    return _ordered(HIGHER)(subject, objects) and gap(subject, objects[0]) < TOUCHING


def _on_in_regions(subject: Box, objects: Sequence[Box]) -> bool:
    """Above, or touching and on one height."""
    lower = subject.centre[Y] - objects[0].centre[Y]
    return lower < -MARGIN or (lower <= MARGIN and gap(subject, objects[0]) == 0)


def _inside(subject: Box, objects: Sequence[Box]) -> bool:
    return subject.overlap(objects[0]) > COVERED and subject.area <= objects[0].area


def _inside_in_regions(subject: Box, objects: Sequence[Box]) -> bool:
    """Half covered."""
    other = objects[0]
    return subject.overlap(other) * min(subject.area, other.area) > subject.area / 2


LEFT, RIGHT = Order(X, True), Order(X, False)
HIGHER, LOWER = Order(Y, True), Order(Y, False)

_TABLE = (
    Predicate(
        name="left of", rule=_ordered(LEFT), order=LEFT, inverse="right of", side="left", wording="to the left of",
        phrases="left to, leftwards of",
        traces="left",
    ),
    Predicate(
        name="right of", rule=_ordered(RIGHT), order=RIGHT, inverse="left of", side="right", wording="to the right of",
        phrases="right to, rightwards of",
        traces="right",
    ),
    Predicate(
        name="above", rule=_ordered(HIGHER), order=HIGHER, inverse="below", side="top",
        phrases="over, higher than", alone="above, overhead, up above, high above",
        traces="above over top higher upper down",
    ),
    Predicate(
        name="below", rule=_ordered(LOWER), order=LOWER, inverse="above", side="bottom",
        phrases="lower than", alone="below, down below",
        traces="below bottom lower beneath under underneath",
    ),
    Predicate(
        name="between", rule=_between, objects=2, beside=True,
        phrases="between, in between, halfway between, midway between",
        traces="between middle among amid",
    ),
    Predicate(
        name="next to", rule=_next_to, inverse="next to", one_will_do=True, beside=True, shares=True,
        phrases="""
        next to, beside, besides, near, near to, close to, by, alongside of, adjacent to, adjoining,
        side by side with, by the side of, on side of, on the side of, at the side of, at side of, to the side of,
        to side of, on one side of, on either side of, on both sides of, past, along, against,
        in the vicinity of, across from, around, on a side of, off to the side of, bordering,
        at the foot of, at the base of, at the edge of, at the end of, at the head of
        """,
        alone="nearby, alongside", verbs="touching, overlooking",
        traces="""
        next near nearby beside besides close adjacent front vicinity bordering adjoining touching along alongside
        around against across side by each other past
        """,
    ),
    Predicate(
        name="in front of", rule=None, depth=LOWER, inverse="behind", beside=True, shares=True,
        phrases="in front of, in the front of, at the front of, before", alone="in front",
        traces="front before",
    ),
    Predicate(
        name="behind", rule=None, depth=HIGHER, inverse="in front of", beside=True, shares=True,
        phrases="""
        in back of, in the back of, at the back of, hidden by, hidden behind, obscured by, concealed by,
        partially hidden by, occluded by, blocked by, covered by
        """,
        alone="behind",
        traces="behind back hidden obscured concealed occluded blocked partially covered",
    ),
    Predicate(
        name="on", rule=_on, in_regions=_on_in_regions, order=HIGHER, one_will_do=True, beside=True, shares=True,
        phrases="on, atop, atop of, upon, onto, on top of, on to, ontop of",
        verbs="riding, rides, ride, rode, covering, covers, covered, topping",
        traces="top atop ontop over covering topping riding rides ride rode",
    ),
    Predicate(
        name="under", rule=_ordered(LOWER), order=LOWER, beside=True, shares=True,
        phrases="under, underside of", alone="underneath, beneath",
        traces="under underneath underside beneath below",
    ),
    Predicate(
        name="inside", rule=_inside, in_regions=_inside_in_regions, one_will_do=True, beside=True, contained=True,
        shares=True,
        phrases="inside of, within, in, into, in the inside of, on the inside of, contained in, enclosed in",
        alone="inside",
        traces="inside within enclosed middle center centre central amid amidst among",
    ),
)  # fmt: skip

PREDICATES: Mapping[PredicateName, Predicate] = {each.name: each for each in _TABLE}

SIDES: Mapping[str, PredicateName] = {each.side: each.name for each in _TABLE if each.side}
"""A side of the canvas to the relation of what is on that side of something: `top` to `above`."""

ROWS: Mapping[tuple[str, str], PredicateName] = {
    (each.side, PREDICATES[each.inverse].side): each.name for each in _TABLE if each.side and each.inverse
}
"""From one side to the other: how each of a row stands to the next one, such as `left of` from left to right."""


def by_comma(text: str) -> list[str]:
    """Phrases that stand apart by a comma, each with single spaces."""
    return [" ".join(phrase.split()) for phrase in text.split(",") if phrase.strip()]
