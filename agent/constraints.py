"""A scene's relations and places as constraints between instances; contradictions are found and named here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import islice, pairwise, product

from muralist.tools.errors import BadLayout
from muralist.tools.layout import Instance
from muralist.tools.predicates import PREDICATES, Axis, Order, X, Y
from muralist.tools.scene import Place, Relation, Scene

THIRDS: dict[Place, tuple[int | None, int | None]] = {
    "top left": (0, 0), "top": (None, 0), "top right": (2, 0), "left": (0, None), "centre": (1, 1),
    "right": (2, None), "bottom left": (0, 2), "bottom": (None, 2), "bottom right": (2, 2),
}  # fmt: skip
"""Place to the third of the canvas on each axis, counted from the top left; None leaves the axis open."""

_MOST_READINGS = 64


@dataclass(frozen=True)
class Edge:
    """On an axis, instance `before` ends where `after` begins at the latest; `why` is said if that cannot be."""

    axis: Axis
    before: int
    after: int
    why: str


@dataclass
class Constraints:
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


def constraints_of(scene: Scene, instances: Sequence[Instance]) -> Iterator[Constraints]:
    """The readings of the scene, best first: they differ in the axis and direction that each `between` takes.

    Raises BadLayout naming what contradicts if no reading is free of contradictions.
    """
    members: dict[str, list[int]] = {}
    for at, instance in enumerate(instances):
        members.setdefault(instance.entity, []).append(at)
    _check_references(scene)
    betweens = [relation for relation in scene.relations if len(relation.objects) > 1]
    contradiction: BadLayout | None = None
    consistent = False
    choices = product(((X, False), (X, True), (Y, False), (Y, True)), repeat=len(betweens))
    for choice in islice(choices, _MOST_READINGS):
        constraints = _stated(scene, instances, members, list(choice))
        loop = _loop(constraints)
        if loop:
            contradiction = contradiction or BadLayout(f"the scene contradicts itself: {'; '.join(loop)}")
            continue
        consistent = True
        _add_depth(scene, members, constraints)
        yield constraints
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
    subject, *objects = (scene.entity(name).name for name in (relation.subject, *relation.objects))
    return PREDICATES[relation.predicate].statement(subject, objects)


def _stated(
    scene: Scene, instances: Sequence[Instance], members: dict[str, list[int]], choice: list[tuple[Axis, bool]]
) -> Constraints:
    """Everything that is said outright."""
    constraints = Constraints([scene.entity(each.entity).name for each in instances])
    for relation in scene.relations:
        if PREDICATES[relation.predicate].contained and relation.subject != relation.objects[0]:
            around = members[relation.objects[0]]
            for at, subject in enumerate(members[relation.subject]):
                container = around[at % len(around)]
                if constraints.home(container) == subject:
                    raise BadLayout(
                        f"the scene contradicts itself: {sentence(scene, relation)}, and the other way round"
                    )
                constraints.inside.setdefault(subject, container)
    for entity in scene.entities:
        if entity.place:
            for at in members[entity.id]:
                constraints.thirds.setdefault(constraints.home(at), THIRDS[entity.place])
    for relation in scene.relations:
        _relate(scene, relation, members, constraints, choice)
    _order_places(constraints)
    return constraints


def _relate(
    scene: Scene,
    relation: Relation,
    members: dict[str, list[int]],
    constraints: Constraints,
    choice: list[tuple[Axis, bool]],
) -> None:
    why, predicate = sentence(scene, relation), PREDICATES[relation.predicate]
    subjects = [constraints.home(at) for at in members[relation.subject]]
    objects = [[constraints.home(at) for at in members[other]] for other in relation.objects]
    if len(objects) > 1:
        (axis, turned), first, second = choice.pop(0), objects[0], objects[1]
        if relation.among_alike:
            half = max(1, len(first) // 2)
            first, second = first[:half], second[half:] or second[:1]
        if turned:
            first, second = second, first
        for subject in subjects:
            constraints.edges += [Edge(axis, at, subject, why) for at in first if at != subject]
            constraints.edges += [Edge(axis, subject, at, why) for at in second if at != subject]
            (constraints.level if axis == X else constraints.upright).extend((subject, at) for at in [*first, *second])
            constraints.near += [(subject, [at]) for at in [*first, *second]]
        return
    for subject, other in product(subjects, objects[0]):
        if predicate.order is not None:
            constraints.edges.append(_edge(predicate.order, subject, other, why))
            (constraints.level if predicate.order.axis == X else constraints.upright).append((subject, other))
    if predicate.beside:
        constraints.near += [(subject, objects[0]) for subject in subjects]


def _edge(order: Order, subject: int, other: int, why: str) -> Edge:
    return Edge(order.axis, subject, other, why) if order.first else Edge(order.axis, other, subject, why)


def _order_places(constraints: Constraints) -> None:
    """What is placed further left ends before what is placed further right, and likewise down the canvas."""
    for axis, (one, first), (two, second) in product((X, Y), constraints.thirds.items(), constraints.thirds.items()):
        before, after = first[axis], second[axis]
        if before is not None and after is not None and before < after:
            places = [place for third in (first, second) for place in THIRDS if THIRDS[place] == third]
            why = f"the {constraints.names[one]} is at the {places[0]}, the {constraints.names[two]} at the {places[1]}"
            constraints.edges.append(Edge(axis, one, two, why))


def _add_depth(scene: Scene, members: dict[str, list[int]], constraints: Constraints) -> None:
    """`behind` as higher up, where nothing stated speaks against it."""
    for relation in scene.relations:
        depth = PREDICATES[relation.predicate].depth
        if depth is None:
            continue
        for subject, other in product(members[relation.subject], members[relation.objects[0]]):
            edge = _edge(depth, constraints.home(subject), constraints.home(other), sentence(scene, relation))
            constraints.edges.append(edge)
            constraints.upright.append((edge.before, edge.after))
            if _loop(constraints):
                constraints.edges.pop()


def _loop(constraints: Constraints) -> list[str]:
    """What is said along a circle of edges, from its first instance on; an empty list if there is none."""
    for axis in (X, Y):
        try:
            _sorter(constraints, axis).prepare()
        except CycleError as error:
            *circle, _ = error.args[1]
            start = circle.index(min(circle))
            around = [*circle[start:], *circle[: start + 1]]
            said = {(edge.before, edge.after): edge.why for edge in reversed(constraints.edges) if edge.axis == axis}
            return list(dict.fromkeys(said[pair] for pair in pairwise(around)))
    return []


def _sorter(constraints: Constraints, axis: Axis) -> TopologicalSorter[int]:
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for edge in constraints.edges:
        if edge.axis == axis:
            sorter.add(edge.after, edge.before)
    return sorter


def levels(constraints: Constraints, axis: Axis) -> tuple[dict[int, int], dict[int, int]]:
    """For each free instance, the longest chain of edges before it and the longest one after it on that axis."""
    edges = [edge for edge in constraints.edges if edge.axis == axis]
    ahead = dict.fromkeys(constraints.free, 0)
    behind = dict.fromkeys(constraints.free, 0)
    rank = {instance: at for at, instance in enumerate(_sorter(constraints, axis).static_order())}
    for edge in sorted(edges, key=lambda edge: rank[edge.after]):
        ahead[edge.after] = max(ahead[edge.after], ahead[edge.before] + 1)
    for edge in sorted(edges, key=lambda edge: rank[edge.before], reverse=True):
        behind[edge.before] = max(behind[edge.before], behind[edge.after] + 1)
    return ahead, behind
