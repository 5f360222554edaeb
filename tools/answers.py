"""The checklist beside the verdicts on a picture: what every summary shows."""

from __future__ import annotations

from pydantic import Field

from muralist.tools.run import Attempt, Run
from muralist.tools.value import Value
from muralist.tools.verdict import NOBODY, Opinion, Source, Status


class Answer(Value):
    """A question of the checklist with the inspector's answer about a picture."""

    id: str
    text: str
    status: Status
    p: float
    source: Source
    evidence: str = ""
    dispute: list[Opinion] = Field(default_factory=list)

    @property
    def why(self) -> str:
        """The evidence, and who said what if two disagree."""
        disputed = f"disputed: {', '.join(map(str, self.dispute))}" if self.dispute else ""
        return "; ".join(part for part in (self.evidence, disputed) if part)


def answered(run: Run, attempt: Attempt) -> list[Answer]:
    """Every question about one of the run's pictures, in the checklist's order; unsure where nobody answered."""
    verdicts = {verdict.question_id: verdict for verdict in attempt.verdicts or []}
    answers = []
    for question in run.checklist.questions if run.checklist else []:
        verdict = verdicts.get(question.id)
        answers.append(
            Answer(
                id=question.id,
                text=question.text,
                status=verdict.status if verdict else "unsure",
                p=verdict.p if verdict else 0.5,
                source=verdict.source if verdict else NOBODY,
                evidence=verdict.evidence if verdict else "",
                dispute=verdict.dispute if verdict else [],
            )
        )
    return answers
