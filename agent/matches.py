"""What an inspection found, matched with what the layout wants: which box is which instance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from muralist.tools.checklist import Question, checklist
from muralist.tools.layout import Box, Layout
from muralist.tools.numbering import Found, found_of, numbered
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict


@dataclass(frozen=True)
class Matches:
    """Verdicts by question, those questions that did not pass, and the boxes found, by entity id."""

    scene: Scene
    layout: Layout
    verdicts: dict[str, Verdict]
    open: list[tuple[Question, Verdict]]
    found: dict[str, Found]

    def boxes(self) -> list[tuple[str, int, Box]]:
        """Every instance found, as (entity, index, box)."""
        return [(name, index, box) for name, found in self.found.items() for index, box in found.boxes.items()]


def match(scene: Scene, layout: Layout, verdicts: Sequence[Verdict], beyond: Collection[str] = ()) -> Matches:
    """Number every found box as the layout's instances are.

    Left out are questions that depend on one which did not pass, and is mended first, and those `beyond` everyone.
    """
    questioned = checklist(scene)
    given = {verdict.question_id: verdict for verdict in numbered(verdicts, questioned, layout)}
    asked = [question for question in questioned.questions if question.id not in beyond]
    questions = [(question, given[question.id]) for question in asked if question.id in given]
    found = {entity.id: found_of(entity, layout, given) for entity in scene.entities}
    failed = [
        (question, verdict)
        for question, verdict in questions
        if verdict.status in ("fail", "unsure")
        and all(given[parent].status == "pass" for parent in question.depends_on if parent in given)
    ]
    return Matches(scene=scene, layout=layout, verdicts=given, open=failed, found=found)
