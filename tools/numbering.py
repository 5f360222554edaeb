"""Which of the boxes that were found is which instance of an entity: the one in whose region it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .checklist import Checklist
from .layout import Box, Layout
from .scene import Entity
from .verdict import Verdict


@dataclass(frozen=True)
class Found:
    """The boxes of one entity: by instance, and those that are too many."""

    boxes: dict[int, Box] = field(default_factory=dict)
    surplus: list[Box] = field(default_factory=list)

    def missing(self, entity: Entity) -> list[int]:
        """Indices of the instances that nothing was found for."""
        return [index for index in range(entity.count) if index not in self.boxes]

    def index_of(self, box: Box) -> int | None:
        """The instance that a box shows, be it drawn somewhat differently; None if it is none of them."""
        shared = {index: known.iou(box) for index, known in self.boxes.items()}
        most = max(shared.values(), default=0.0)
        if most == 0 or any(known.iou(box) > most for known in self.surplus):
            return None
        return min(index for index, share in shared.items() if share == most)


def numbered(verdicts: Sequence[Verdict], checklist: Checklist, layout: Layout) -> list[Verdict]:
    """The verdicts with their `instances` numbered as the layout's, where an entity has several."""
    given = {verdict.question_id: verdict for verdict in verdicts}
    several = {each.id: found_of(each, layout, given) for each in checklist.scene.entities if each.count > 1}
    changed: dict[str, Verdict] = {}
    for question in checklist.questions:
        verdict, found = given.get(question.id), several.get(question.entity or "")
        if verdict is not None and found is not None:
            own = found.boxes.values()
            of_others = len(question.concerns(checklist.scene)) > 1
            pointed = [box for box in verdict.pointed_at if box in own or not of_others]
            known = [(index, box) for box in pointed if (index := found.index_of(box)) is not None]
            instances = sorted(known, key=lambda each: each[0])
            changed[question.id] = verdict.model_copy(update={"instances": instances})
    return [changed.get(verdict.question_id, verdict) for verdict in verdicts]


def found_of(entity: Entity, layout: Layout, given: Mapping[str, Verdict]) -> Found:
    """Give the boxes of an entity's number, or else of its existence, to the instances whose regions they fit best.

    Too many are those that whoever gave the boxes took for no instance; else what the number's verdict points at, and
    what is left.
    """
    exists, count = given.get(f"{entity.id}.exists"), given.get(f"{entity.id}.count")
    if exists is not None and exists.status == "fail" and exists.box is None:
        return Found()
    boxes, known = list(count.boxes if count else []), list(count.instances if count else [])
    if exists is not None and not boxes:
        boxes, known = exists.boxes or exists.pointed_at, exists.instances
    ours = [box for _, box in known if box in boxes]
    if ours:
        surplus = [box for box in boxes if box not in ours]
    elif count is not None and count.box is not None and count.status != "pass" and len(boxes) > entity.count:
        surplus = [max(boxes, key=count.box.iou)]
    else:
        surplus = []
    matched, left = _by_region(entity, layout, [box for box in boxes if box not in surplus])
    return Found(matched, [*surplus, *left])


def _by_region(entity: Entity, layout: Layout, boxes: Sequence[Box]) -> tuple[dict[int, Box], list[Box]]:
    """Best fit first; and the boxes that are left."""
    matched: dict[int, Box] = {}
    left = set(range(len(boxes)))
    pairs = [
        (_fit(box, home(layout, entity.id, index)), index, at)
        for index in range(entity.count)
        for at, box in enumerate(boxes)
    ]
    for _, index, at in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if index not in matched and at in left:
            matched[index] = boxes[at]
            left.discard(at)
    return matched, [boxes[at] for at in sorted(left)]


def home(layout: Layout, entity: str, index: int) -> Box | None:
    """The box of the region that holds an instance, if one does."""
    for instance, region in layout.placed():
        if instance.entity == entity and instance.index == index:
            return region.box
    return None


def _fit(box: Box, region: Box | None) -> float:
    """Overlap, and beyond it closeness of the centres, so that a box outside of every region still goes to one."""
    if region is None:
        return -2.0
    (x, y), (u, v) = box.centre, region.centre
    distance: float = ((x - u) ** 2 + (y - v) ** 2) ** 0.5
    return box.overlap(region) - distance / 2
