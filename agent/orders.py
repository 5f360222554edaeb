"""A scene's relations and places as orders between instances; contradictions are found and named here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

from muralist.tools.errors import BadLayout
from muralist.tools.layout import Instance
from muralist.tools.scene import Place, Relation, Scene

Axis = int
X, Y = 0, 1
THIRDS: dict[Place, tuple[int | None, int | None]] = {
    "top left": (0, 0), "top": (None, 0), "top right": (2, 0), "left": (0, None), "centre": (1, 1),
    "right": (2, None), "bottom left": (0, 2), "bottom": (None, 2), "bottom right": (2, 2),
}  # fmt: skip
"""Place to the third of the canvas on each axis, counted from the top left; None leaves the axis open."""

ORDERED: dict[str, tuple[Axis, bool]] = {
    "left of": (X, True), "right of": (X, False), "above": (Y, True), "on": (Y, True), "below": (Y, False),
    "under": (Y, False),
}  # fmt: skip
_DEPTH: dict[str, bool] = {"behind": True, "in front of": False}
"""Nearer things stand lower in a picture; this gives way to what is stated."""

_MOST_READINGS = 64


@dataclass(frozen=True)
class Edge:
    """On an axis, instance `before` ends where `after` begins at the latest; `why` is said if that cannot be."""

    axis: Axis
    before: int
    after: int
    why: str


@dataclass
class Orders:
    """All that a grid has to keep (`edges`, `thirds`) and all that it should (`level`, `upright`, `near`)."""

    names: list[str]
    edges: list[Edge] = field(default_factory=list)
    thirds: dict[int, tuple[int | None, int | None]] = field(default_factory=dict)
    inside: dict[int, int] = field(default_factory=dict)
    level: list[tuple[int, int]] = field(default_factory=list)
    upright: list[tuple[int, int]] = field(default_factory=list)
    near: list[tuple[int, list[int]]] = field(default_factory=list)
    """Each instance beside the nearest of the others."""

    @property
    def free(self) -> list[int]:
        """The instances that need a cell of their own."""
        return [at for at in range(len(self.names)) if at not in self.inside]

    def home(self, instance: int) -> int:
        """The instance itself, or what it is inside of, all the way out."""
        while instance in self.inside:
            instance = self.inside[instance]
        return instance


def orders_of(scene: Scene, instances: Sequence[Instance]) -> Iterator[Orders]:
    """The readings of the scene, best first: they differ in the axis and direction that each `between` takes.

    Raises BadLayout naming what contradicts if no reading is free of contradictions.
    """
    members: dict[str, list[int]] = {}
    for at, instance in enumerate(instances):
        members.setdefault(instance.entity, []).append(at)
    _check_references(scene)
    betweens = [relation for relation in scene.relations if relation.predicate == "between"]
    contradiction: BadLayout | None = None
    consistent = False
    choices = product(((X, False), (X, True), (Y, False), (Y, True)), repeat=len(betweens))
    for choice in islice(choices, _MOST_READINGS):
        orders = _stated(scene, instances, members, list(choice))
        loop = _loop(orders)
        if loop:
            contradiction = contradiction or BadLayout(f"the scene contradicts itself: {'; '.join(loop)}")
            continue
        consistent = True
        _add_depth(scene, members, orders)
        yield orders
    if not consistent and contradiction is not None:
        raise contradiction


def _check_references(scene: Scene) -> None:
    known = [entity.id for entity in scene.entities]
    for relation in scene.relations:
        for name in [relation.subject, *relation.objects]:
            if name not in known:
                raise BadLayout(f"a relation speaks of '{name}', which is no entity: use one of {', '.join(known)}")


def sentence(scene: Scene, relation: Relation) -> str:
    """`the red apple is left of the blue cup`."""
    objects = " and ".join(f"the {scene.entity(other).name}" for other in relation.objects)
    return f"the {scene.entity(relation.subject).name} is {relation.predicate} {objects}"


def _stated(
    scene: Scene, instances: Sequence[Instance], members: dict[str, list[int]], choice: list[tuple[Axis, bool]]
) -> Orders:
    """Everything that is said outright."""
    orders = Orders([scene.entity(each.entity).name for each in instances])
    for relation in scene.relations:
        if relation.predicate == "inside" and relation.subject != relation.objects[0]:
            around = members[relation.objects[0]]
            for at, subject in enumerate(members[relation.subject]):
                container = around[at % len(around)]
                if orders.home(container) == subject:
                    raise BadLayout(
                        f"the scene contradicts itself: {sentence(scene, relation)}, and the other way round"
                    )
                orders.inside.setdefault(subject, container)
    for entity in scene.entities:
        if entity.place:
            for at in members[entity.id]:
                orders.thirds.setdefault(orders.home(at), THIRDS[entity.place])
    for relation in scene.relations:
        _relate(scene, relation, members, orders, choice)
    _order_places(orders)
    return orders


def _relate(
    scene: Scene,
    relation: Relation,
    members: dict[str, list[int]],
    orders: Orders,
    choice: list[tuple[Axis, bool]],
) -> None:
    why, predicate = sentence(scene, relation), relation.predicate
    subjects = [orders.home(at) for at in members[relation.subject]]
    objects = [[orders.home(at) for at in members[other]] for other in relation.objects]
    if predicate == "between":
        (axis, turned), first, second = choice.pop(0), objects[0], objects[1]
        if relation.among_alike:
            half = max(1, len(first) // 2)
            first, second = first[:half], second[half:] or second[:1]
        if turned:
            first, second = second, first
        for subject in subjects:
            orders.edges += [Edge(axis, at, subject, why) for at in first if at != subject]
            orders.edges += [Edge(axis, subject, at, why) for at in second if at != subject]
            (orders.level if axis == X else orders.upright).extend((subject, at) for at in [*first, *second])
            orders.near += [(subject, [at]) for at in [*first, *second]]
        return
    for subject, other in product(subjects, objects[0]):
        if predicate in ORDERED:
            axis, forward = ORDERED[predicate]
            orders.edges.append(Edge(axis, subject, other, why) if forward else Edge(axis, other, subject, why))
            (orders.level if axis == X else orders.upright).append((subject, other))
    if predicate not in ORDERED or predicate in {"on", "under"}:
        orders.near += [(subject, objects[0]) for subject in subjects]


def _order_places(orders: Orders) -> None:
    """What is placed further left ends before what is placed further right, and likewise down the canvas."""
    for axis, (one, first), (two, second) in product((X, Y), orders.thirds.items(), orders.thirds.items()):
        before, after = first[axis], second[axis]
        if before is not None and after is not None and before < after:
            places = [place for third in (first, second) for place in THIRDS if THIRDS[place] == third]
            why = f"the {orders.names[one]} is at the {places[0]}, the {orders.names[two]} at the {places[1]}"
            orders.edges.append(Edge(axis, one, two, why))


def _add_depth(scene: Scene, members: dict[str, list[int]], orders: Orders) -> None:
    """`behind` as higher up, where nothing stated speaks against it."""
    for relation in scene.relations:
        if relation.predicate not in _DEPTH:
            continue
        for subject, other in product(members[relation.subject], members[relation.objects[0]]):
            pair = (orders.home(subject), orders.home(other))
            before, after = pair if _DEPTH[relation.predicate] else pair[::-1]
            orders.edges.append(Edge(Y, before, after, sentence(scene, relation)))
            orders.upright.append((before, after))
            if before == after or _loop(orders):
                orders.edges.pop()


def _loop(orders: Orders) -> list[str]:
    """What is said along a circle of edges, or an empty list if there is none."""
    for axis in (X, Y):
        following: dict[int, list[Edge]] = {}
        for edge in orders.edges:
            if edge.axis == axis:
                following.setdefault(edge.before, []).append(edge)
        for start in sorted(following):
            path = _way(following, start, start)
            if path:
                return list(dict.fromkeys(edge.why for edge in path))
    return []


def _way(following: dict[int, list[Edge]], start: int, goal: int) -> list[Edge]:
    """The shortest way along edges from start to goal, at least one edge long."""
    ways: list[list[Edge]] = [[edge] for edge in following.get(start, [])]
    seen: set[int] = set()
    while ways:
        way = ways.pop(0)
        end = way[-1].after
        if end == goal:
            return way
        if end not in seen:
            seen.add(end)
            ways += [[*way, edge] for edge in following.get(end, [])]
    return []


def levels(orders: Orders, axis: Axis) -> tuple[dict[int, int], dict[int, int]]:
    """For each free instance, the longest chain of edges before it and the longest one after it on that axis."""
    edges = [edge for edge in orders.edges if edge.axis == axis]
    ahead = dict.fromkeys(orders.free, 0)
    behind = dict.fromkeys(orders.free, 0)
    for _ in range(len(orders.free)):
        changed = False
        for edge in edges:
            if ahead[edge.after] < ahead[edge.before] + 1:
                ahead[edge.after], changed = ahead[edge.before] + 1, True
            if behind[edge.before] < behind[edge.after] + 1:
                behind[edge.before], changed = behind[edge.after] + 1, True
        if not changed:
            break
    return ahead, behind
