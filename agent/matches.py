"""What an inspection found, matched with what the layout wants: which box is which instance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from muralist.tools.checklist import Question, checklist
from muralist.tools.layout import Box, Layout
from muralist.tools.scene import Entity, Scene
from muralist.tools.verdict import Verdict


@dataclass(frozen=True)
class Found:
    """The boxes of one entity: by instance where they could be told apart, and those that are too many."""

    boxes: dict[int, Box] = field(default_factory=dict)
    surplus: list[Box] = field(default_factory=list)

    def missing(self, entity: Entity) -> list[int]:
        """Indices of the instances that nothing was found for."""
        return [index for index in range(entity.count) if index not in self.boxes]


@dataclass(frozen=True)
class Matches:
    """Questions that did not pass, and the boxes found, by entity id."""

    scene: Scene
    layout: Layout
    open: list[tuple[Question, Verdict]]
    found: dict[str, Found]

    def boxes(self) -> list[tuple[str, int, Box]]:
        """Every instance found, as (entity, index, box)."""
        return [(name, index, box) for name, found in self.found.items() for index, box in found.boxes.items()]


def match(scene: Scene, layout: Layout, verdicts: Sequence[Verdict], beyond: Collection[str] = ()) -> Matches:
    """Give every found box to the instance whose region it fits best.

    Left out are questions that depend on one which did not pass, and is mended first, and those `beyond` everyone.
    """
    given = {verdict.question_id: verdict for verdict in verdicts}
    asked = [question for question in checklist(scene).questions if question.id not in beyond]
    questions = [(question, given[question.id]) for question in asked if question.id in given]
    found = {entity.id: _found(entity, layout, given) for entity in scene.entities}
    failed = [
        (question, verdict)
        for question, verdict in questions
        if verdict.status in ("fail", "unsure")
        and all(given[parent].status == "pass" for parent in question.depends_on if parent in given)
    ]
    return Matches(scene=scene, layout=layout, open=failed, found=found)


def home(layout: Layout, entity: str, index: int) -> Box | None:
    """The box of the region that holds an instance, if one does."""
    for instance, region in layout.placed():
        if instance.entity == entity and instance.index == index:
            return region.box
    return None


def _found(entity: Entity, layout: Layout, given: dict[str, Verdict]) -> Found:
    exists, count = given.get(f"{entity.id}.exists"), given.get(f"{entity.id}.count")
    if exists is not None and exists.status == "fail" and exists.box is None:
        return Found()
    boxes: list[Box] = []
    for verdict in (count, exists):
        if verdict is not None and not boxes:
            boxes = list(verdict.boxes) or ([verdict.box] if verdict.box is not None and verdict is exists else [])
    surplus: list[Box] = []
    if count is not None and count.box is not None and count.status != "pass" and len(boxes) > entity.count:
        nearest = max(boxes, key=count.box.iou)
        boxes.remove(nearest)
        surplus.append(nearest)
    matched: dict[int, Box] = {}
    pairs = [
        (_fit(box, home(layout, entity.id, index)), index, at)
        for index in range(entity.count)
        for at, box in enumerate(boxes)
    ]
    left = set(range(len(boxes)))
    for _, index, at in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if index not in matched and at in left:
            matched[index] = boxes[at]
            left.discard(at)
    return Found(matched, [*surplus, *(boxes[at] for at in sorted(left))])


def _fit(box: Box, region: Box | None) -> float:
    """Overlap, and beyond it closeness of the centres, so that a box outside of every region still goes to one."""
    if region is None:
        return -2.0
    (x, y), (u, v) = box.centre, region.centre
    distance: float = ((x - u) ** 2 + (y - v) ** 2) ** 0.5
    return box.overlap(region) - distance / 2
