"""What a tool gives back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from .checklist import Question
from .errors import MuralistError
from .layout import Layout
from .run import Attempt, Move, Run, unasked
from .scene import Value
from .verdict import CALLER, Verdict, display_name, unanswered

if TYPE_CHECKING:
    from PIL import Image


class Findings(Value):
    """Where a run stands after an inspection.

    `verdicts` and `open_questions` are those of the best image, or of the candidate while its verdicts are awaited.
    """

    status: Literal["accepted", "rejected", "awaiting_verdicts"]
    best_id: str | None
    candidate_id: str
    reason: str
    score: float = Field(description="Score of the best image, in [0, 1].")
    passed: bool = Field(
        description="True if the best image answers every question with yes, and nothing was left out."
    )
    not_understood: list[str] = Field(
        default_factory=list, description="Words of the prompt that no question asks about: they rule out a pass."
    )
    open_questions: list[Question] = Field(
        description="What the best image does not yet show; of a candidate that awaits verdicts, what nobody answered."
    )
    beyond: list[str] = Field(default_factory=list, description="Questions that no chosen inspector can answer.")
    doubtful: list[str] = Field(
        default_factory=list, description="Questions that pass, but hardly: refining what they are about may help."
    )
    verdicts: list[Verdict]
    layout: Layout | None = Field(default=None, description="Layout of the best image, if the run has another by now.")
    rejected_moves: list[Move]
    edits: bool = Field(default=True, description="Whether the painter can repaint parts of a picture.")
    seed: int = Field(description="Seed of the candidate.")
    rounds_left: int
    images_left: int

    @property
    def answered(self) -> bool:
        """True if every question is answered with yes: whatever else was said, no picture can show more of it."""
        return self.status != "awaiting_verdicts" and not self.open_questions


@dataclass(frozen=True)
class Outcome:
    """The run after the tool, one sentence for a model to read, the structure behind it, and what went wrong."""

    run: Run
    text: str
    data: dict[str, Any] = field(default_factory=dict)
    picture: Image.Image | None = None
    stopped: MuralistError | None = None
    """What went wrong; the run has whatever was finished before."""
    changed: bool = True
    """Whether the run is another than before."""

    def content(self) -> str:
        """Sentence and structure as one JSON object: what a model is sent as the tool's answer."""
        return json.dumps({"text": self.text, **self.data}, ensure_ascii=False)


def findings(run: Run, candidate: Attempt) -> Findings:
    """Sum up a run around its latest candidate."""
    questions = run.checklist.questions if run.checklist else []
    verdicts = candidate.verdicts or []
    awaiting = candidate.verdicts is None or bool(unanswered(verdicts))
    judged = run.best or candidate
    if awaiting:
        wanted = set(unanswered(verdicts)) if verdicts else {question.id for question in questions}
    else:
        verdicts = judged.verdicts or []
        wanted = {verdict.question_id for verdict in verdicts if verdict.status != "pass"}
    layout, left = run.layout_of(judged), run.left()
    return Findings(
        status="awaiting_verdicts" if awaiting else "accepted" if candidate.accepted else "rejected",
        best_id=run.best_id,
        candidate_id=candidate.image_id,
        reason=candidate.reason,
        score=judged.score or 0.0,
        passed=run.passed,
        not_understood=run.not_understood,
        open_questions=[question for question in questions if question.id in wanted],
        beyond=run.beyond,
        doubtful=run.doubtful,
        verdicts=verdicts,
        layout=None if layout == run.layout else layout,
        rejected_moves=run.rejected,
        edits=run.abilities.edits,
        seed=candidate.seed,
        rounds_left=max(0, left.rounds),
        images_left=max(0, left.images),
    )


def describe(found: Findings) -> str:
    """Findings as text, for readers who cannot see the picture."""
    if found.status == "accepted" and found.best_id != found.candidate_id:
        head = f"Picture {found.candidate_id} was inspected again; the best is {found.best_id}, of which this is said."
    else:
        head = {
            "accepted": f"Picture {found.candidate_id} is the best so far ({found.reason}).",
            "rejected": f"Picture {found.candidate_id} was thrown away ({found.reason}); the best is {found.best_id}.",
            "awaiting_verdicts": f"Picture {found.candidate_id} awaits verdicts: answer the open questions.",
        }[found.status]
    disputes = "".join(f" Disputed: {_dispute(verdict)}." for verdict in found.verdicts if verdict.dispute)
    if found.passed and found.status != "awaiting_verdicts":
        unsure = f" Hardly sure of {', '.join(found.doubtful)}: refine it, or leave it." if found.doubtful else ""
        return f"{head} It shows everything that was asked for.{unsure}{disputes}"
    if found.answered:
        return (
            f"{head} Not passed, though every question is answered with yes: {unasked(found.not_understood)}.{disputes}"
        )
    by_id = {verdict.question_id: verdict for verdict in found.verdicts}
    missing = "; ".join(
        f"{question.id}: {question.text}" + _answer(by_id.get(question.id)) for question in found.open_questions
    )
    return f"{head} Open: {missing}.{disputes}"


def _answer(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    known = [display_name(CALLER)] if verdict.source == CALLER else []
    known += [verdict.evidence] if verdict.evidence else []
    where = f" at {verdict.box}" if verdict.box else ""
    return f" {verdict.status}" + (f" ({': '.join(known)})" if known else "") + where


def _dispute(verdict: Verdict) -> str:
    said = ", ".join(map(str, verdict.dispute))
    return f"{verdict.question_id}: {said}; {verdict.status} by {display_name(verdict.source)}"
