"""A layout for a given picture: what is there stays where it stands, and what is new or has to move gets free room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from statistics import median

from muralist.tools.detection import Detection, Matched, match
from muralist.tools.edits import sizeable
from muralist.tools.errors import BadLayout
from muralist.tools.geometry import allows, place_of, relation_holds, stands_at
from muralist.tools.layout import MAX_REGIONS, Box, Instance, Layout, Region
from muralist.tools.observation import Observation
from muralist.tools.predicates import MARGIN, PREDICATES, Axis, X
from muralist.tools.scene import Entity, Place, Relation, Scene
from muralist.tools.words import with_article, with_ground

from .constraints import THIRDS
from .placing import region_of

_STEP = 1 / 32
"""How finely places are tried, and how much is left free around a thing."""
_SIZES = (1.25, 1.0, 0.8, 0.65, 0.5, 0.4, 0.3)
"""Sides of what is new, as shares of those of what is there."""
_USUAL = 0.4
"""Side of a thing where nothing is to be compared with."""
_LEAST = 0.15

Slot = tuple[str, int]
"""Entity id and index."""
NOBODY = ""
"""The entity of things that the scene does not speak of: they are in the way."""


def lay_out_around(scene: Scene, observation: Observation) -> Layout:
    """One region per instance: the box of the thing that it is on the picture, or free room where there is none; and
    one without instances wherever something has to go.

    A thing that is not kept and does not stand where the scene wants it gets another place, near the old one. What is
    new takes the place of what has to go, or else stands as free as possible, in a usual size. Raises BadLayout if
    there is no room.
    """
    matched = match(scene, observation.things)
    standing = {
        (entity.id, index): sizeable(thing.box.grown(_STEP))
        for entity in scene.entities
        for index, thing in enumerate(matched[entity.id].instances)
        if thing is not None
    }
    matches = [thing for mine in matched.values() for thing in mine.present]
    others = [thing for thing in observation.things if all(thing is not each for each in matches)]
    doomed = _doomed(scene, matched)
    going = [thing.box.grown(_STEP) for thing in others if doomed(thing)]
    moving = {slot: box for slot, box in standing.items() if slot[0] in _misplaced(scene, standing)}
    boxes = {slot: box for slot, box in standing.items() if slot not in moving}
    boxes |= {(NOBODY, at): thing.box for at, thing in enumerate(others) if not doomed(thing)}
    free = list(going)
    for entity in scene.entities:
        for slot in ((entity.id, index) for index in range(entity.count)):
            if slot not in boxes:
                boxes[slot] = _room(scene, entity, boxes, moving.get(slot), free)
                free = [box for box in free if box.overlap(boxes[slot]) < 0.5]
    regions = [
        region_of(scene, Instance(entity=name, index=index), box)
        for (name, index), box in sorted(boxes.items())
        if name != NOBODY
    ]
    ground = with_ground("nothing", scene.background)
    regions += [Region(ground, box.x0, box.y0, box.x1, box.y1) for box in map(sizeable, [*free, *moving.values()])]
    return Layout(regions=regions[:MAX_REGIONS] or [Region(ground)], base_prompt=scene.caption)


def _doomed(scene: Scene, matched: Mapping[str, Matched]) -> Callable[[Detection], bool]:
    """Tells of a thing that the scene does not want whether it has to go: all others are let be."""
    gone = {name.split()[-1] for name in scene.absent}
    surplus = [thing for name, mine in matched.items() if name not in scene.kept for thing in mine.surplus]
    return lambda thing: thing.noun in gone or any(thing is each for each in surplus)


def _misplaced(scene: Scene, standing: dict[Slot, Box]) -> set[str]:
    """Entities that may move and do not stand where the scene wants them."""
    wrong = {
        name
        for (name, _), box in standing.items()
        if (place := scene.entity(name).place) is not None and not stands_at(place, box)
    }
    for relation in scene.relations:
        if not _holds(relation, standing):
            free = [name for name in [relation.subject, *relation.objects] if name not in scene.kept]
            wrong.update(free[:1])
    return wrong - set(scene.kept)


def _holds(relation: Relation, boxes: dict[Slot, Box]) -> bool:
    """True, too, while not everything that it speaks of has a box."""
    subjects, *objects = (
        [box for (name, _), box in boxes.items() if name == each] for each in [relation.subject, *relation.objects]
    )
    if not subjects or not all(objects):
        return True
    return relation_holds(relation.predicate, subjects, objects, relation.among_alike, allows) is not False


def _room(scene: Scene, entity: Entity, boxes: dict[Slot, Box], now: Box | None, going: Sequence[Box]) -> Box:
    """The best free box for one more instance of an entity, `now` being where it stands.

    Raises BadLayout if none is free.
    """
    relations = [each for each in scene.relations if entity.id in {each.subject, *each.objects}]

    def fits(box: Box, clearly: bool) -> bool:
        tried = {**boxes, (entity.id, -1): box}
        return (
            all(box.overlap(other) == 0 for other in boxes.values())
            and _stands(entity.place, box, clearly)
            and all(_holds(relation, tried) and (not clearly or _apart(relation, tried)) for relation in relations)
        )

    if now is None:
        for box in going:
            if fits(box, clearly=False):
                return box
    usual = median([max(box.width, box.height) for box in [*boxes.values(), *going]] or [_USUAL])
    width, height = (now.width, now.height) if now else (usual, usual)
    sizes = [size for size in _SIZES if size * min(width, height) >= _LEAST and (now is None or size <= 1)]
    for clearly, size in product((True, False), sizes):
        found = [box for box in _boxes(size * width, size * height) if fits(box, clearly)]
        if found:
            wanted = _wanted(entity, relations)
            return min(found, key=lambda box: _strain(box, wanted, list(boxes.values()), now))
    raise BadLayout(
        f"there is no room for {with_article(entity.name)} on the picture: wish for less, or remove something"
    )


def _stands(place: Place | None, box: Box, clearly: bool) -> bool:
    return place is None or (
        stands_at(place, box) and (not clearly or set(place.split()) <= set(place_of(box).split()))
    )


def _apart(relation: Relation, boxes: dict[Slot, Box]) -> bool:
    """True if what has to be left of, or above, something else ends before that begins."""
    order = PREDICATES[relation.predicate].order
    if order is None:
        return True
    subjects, others = (
        [box for (name, _), box in boxes.items() if name == each] for each in (relation.subject, relation.objects[0])
    )
    before, after = (subjects, others) if order.first else (others, subjects)
    return all(_end(one, order.axis) <= _start(two, order.axis) + MARGIN for one, two in product(before, after))


def _start(box: Box, axis: Axis) -> float:
    return box.x0 if axis == X else box.y0


def _end(box: Box, axis: Axis) -> float:
    return box.x1 if axis == X else box.y1


def _boxes(width: float, height: float) -> Iterator[Box]:
    width, height = min(width, 1.0), min(height, 1.0)
    across, down = int((1 - width) / _STEP) + 1, int((1 - height) / _STEP) + 1
    for row, column in product(range(down), range(across)):
        x0, y0 = column * _STEP, row * _STEP
        yield Box(x0=x0, y0=y0, x1=min(1.0, x0 + width), y1=min(1.0, y0 + height))


Wanted = tuple[float | None, float | None]
"""Where a centre is wanted on each axis; None leaves the axis open."""


def _wanted(entity: Entity, relations: Sequence[Relation]) -> Wanted:
    """The middle of its place, and of the side on which it has to be of something else."""
    thirds: list[int | None] = list(THIRDS[entity.place] if entity.place else (None, None))
    for relation in relations:
        if (order := PREDICATES[relation.predicate].order) is not None:
            axis, first = order.axis, order.first == (relation.subject == entity.id)
            thirds[axis] = (0 if first else 2) if thirds[axis] is None else thirds[axis]
    across, down = ((2 * third + 1) / 6 if third is not None else None for third in thirds)
    return across, down


def _strain(box: Box, wanted: Wanted, others: Sequence[Box], now: Box | None) -> float:
    """How far a box is from where one would put it: where it is wanted, else not far from `now`, apart from others."""
    strain = sum(abs(at - goal) for at, goal in zip(box.centre, wanted, strict=True) if goal is not None)
    if now is not None:
        ways = zip(box.centre, now.centre, wanted, strict=True)
        strain += sum(abs(at - was) for at, was, goal in ways if goal is None)
    edge = min(box.x0, box.y0, 1 - box.x1, 1 - box.y1)
    return strain - min([*(_gap(box, other) for other in others), edge, 4 * MARGIN])


def _gap(a: Box, b: Box) -> float:
    """How far two boxes are apart on the axis on which they are further apart."""
    return max(a.x0 - b.x1, b.x0 - a.x1, a.y0 - b.y1, b.y0 - a.y1)
