"""Verdicts and the rules of scoring and acceptance; all pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from .checklist import Checklist
from .layout import Box
from .value import Value

PASS_AT = 0.6
FAIL_AT = 0.4
FLOOR = 0.01
"""Smallest probability a question contributes to the score."""

NOISE = 0.1
"""A score that differs by no more than this share may be the same picture's, unless an inspector knows better."""

Status = Literal["pass", "fail", "unsure", "skipped"]
Source = str
"""Who said it: the name of an inspector, or `caller`."""

CALLER: Source = "caller"
NOBODY: Source = "nobody"
"""The source of a question that no inspector answered."""


class Opinion(Value):
    """What one source said to a question that others answered differently."""

    source: Source
    status: Status
    p: float = Field(ge=0, le=1, allow_inf_nan=False)
    evidence: str = ""

    def __str__(self) -> str:
        return f"{display_name(self.source)} says {self.status} ({self.p:.2f})"


class Verdict(Value):
    """The answer to one question; `p` is the probability of yes.

    `box` is what the answer points at (of a count that is too high: the surplus one); `boxes` are all instances
    found. Where the entity has several, `instances` are those of these boxes that show one, each with its index: as
    the inspector tells them apart, and once the picture is judged, as the layout numbers them. `dispute` is who said
    what, if one said pass and another fail.
    """

    question_id: str
    status: Status
    p: float = Field(ge=0, le=1, allow_inf_nan=False)
    source: Source
    box: Box | None = None
    boxes: list[Box] = Field(default_factory=list)
    instances: list[tuple[int, Box]] = Field(default_factory=list)
    evidence: str = ""
    dispute: list[Opinion] = Field(default_factory=list)

    @property
    def pointed_at(self) -> list[Box]:
        """`box` and `boxes`, each once."""
        return list(dict.fromkeys([*([] if self.box is None else [self.box]), *self.boxes]))


def display_name(source: Source) -> str:
    """A source's name for readers: the caller's is marked as self-reported."""
    return f"{source} (self-reported)" if source == CALLER else source


def status_of(p: float) -> Status:
    """Hysteresis: pass at p >= 0.6, fail at p <= 0.4, between them unsure."""
    return "pass" if p >= PASS_AT else "fail" if p <= FAIL_AT else "unsure"


def settle(checklist: Checklist, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Order verdicts as the checklist does and apply its dependencies.

    A child of a question that failed is skipped with p(parent) * p(child). One whose parents passed keeps its status
    and carries the product as p; of one that is unsure no child passes. Everything is floored at `FLOOR`. A question
    without a verdict is unsure, at p = 0.5.
    """
    given = {verdict.question_id: verdict for verdict in verdicts}
    settled: dict[str, Verdict] = {}
    for question in checklist.questions:
        verdict = given.get(question.id) or Verdict(
            question_id=question.id, status="unsure", p=0.5, source=NOBODY, evidence="no inspector answered"
        )
        parents = [settled[parent] for parent in question.depends_on]
        p = max(FLOOR, verdict.p * math.prod(parent.p for parent in parents))
        broken = any(parent.status in ("fail", "skipped") for parent in parents)
        open_ = any(parent.status == "unsure" for parent in parents)
        status: Status = "skipped" if broken else "unsure" if open_ and verdict.status == "pass" else verdict.status
        settled[question.id] = verdict.model_copy(update={"p": p, "status": status})
    return list(settled.values())


def combine(answers: Sequence[Sequence[Verdict]], source: Source) -> list[Verdict]:
    """Several inspectors' answers as one: those that are sure count alike, by the mean of their logits.

    One that is unsure says nothing, unless all are. The combination's verdicts are all of the one `source`, whoever
    was sure, so that losing an object is a regression even if another inspector sees it. Boxes and evidence are those
    of the inspectors that agree with the outcome, the first with boxes first; where two are sure and disagree, both
    are kept in `dispute`. What nobody answered remains nobody's.
    """
    by_question: dict[str, list[Verdict]] = {}
    for verdict in (verdict for each in answers for verdict in each):
        by_question.setdefault(verdict.question_id, []).append(verdict)
    return [_combined(given, source) for given in by_question.values()]


def _combined(given: Sequence[Verdict], source: Source) -> Verdict:
    given = [verdict for verdict in given if verdict.source != NOBODY] or given
    if given[0].source == NOBODY:
        return given[0]
    sure = [verdict for verdict in given if verdict.status in ("pass", "fail")]
    heard = sure or given
    p = _sigmoid(math.fsum(_logit(verdict.p) for verdict in heard) / len(heard))
    status: Status = status_of(p) if sure else "unsure"
    agreeing = [verdict for verdict in heard if verdict.status == status] or heard
    shown = next((verdict for verdict in agreeing if verdict.boxes or verdict.box), agreeing[0])
    return Verdict(
        question_id=shown.question_id,
        status=status,
        p=p,
        source=source,
        box=shown.box,
        boxes=shown.boxes,
        instances=shown.instances,
        evidence="; ".join(f"{each.source}: {each.evidence}" for each in agreeing if each.evidence),
        dispute=_dispute(given),
    )


def _dispute(given: Sequence[Verdict]) -> list[Opinion]:
    """Who said what, if one says pass and another fail; else nothing."""
    if not {"pass", "fail"} <= {verdict.status for verdict in given}:
        return []
    opinions = []
    for verdict in given:
        own = Opinion(source=verdict.source, status=verdict.status, p=verdict.p, evidence=verdict.evidence)
        opinions += verdict.dispute or [own]
    return opinions


def _logit(p: float) -> float:
    p = min(max(p, FLOOR), 1 - FLOOR)
    return math.log(p / (1 - p))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def merge(inspector: Sequence[Verdict], caller: Sequence[Verdict]) -> list[Verdict]:
    """The inspector's verdicts decide; a caller's may veto a pass, and count alone where it is unsure or silent.

    Where the two disagree, both are kept in `dispute`, whichever counts.
    """
    own = {verdict.question_id: verdict.model_copy(update={"source": CALLER}) for verdict in caller}
    merged = []
    for verdict in inspector:
        said = own.get(verdict.question_id)
        if said is None:
            merged.append(verdict)
            continue
        vetoed = verdict.status == "pass" and said.status == "fail"
        counts = said if vetoed or verdict.status == "unsure" else verdict
        merged.append(counts.model_copy(update={"dispute": _dispute([verdict, said]) or verdict.dispute}))
    answered = {verdict.question_id for verdict in inspector}
    return [*merged, *(said for said in own.values() if said.question_id not in answered)]


def score(verdicts: Sequence[Verdict]) -> float:
    """Geometric mean of p over all questions, skipped ones included; 1 for an empty checklist."""
    if not verdicts:
        return 1.0
    return math.exp(math.fsum(math.log(max(FLOOR, verdict.p)) for verdict in verdicts) / len(verdicts))


def share_passed(verdicts: Sequence[Verdict]) -> float:
    """The share of questions with status pass; 1 for an empty checklist."""
    if not verdicts:
        return 1.0
    return sum(verdict.status == "pass" for verdict in verdicts) / len(verdicts)


def all_passed(verdicts: Sequence[Verdict]) -> bool:
    """True if nothing failed and nothing is unverified."""
    return all(verdict.status == "pass" for verdict in verdicts)


def unanswered(verdicts: Sequence[Verdict]) -> list[str]:
    """Ids of questions that nobody has answered yet."""
    return [verdict.question_id for verdict in verdicts if verdict.source == NOBODY and verdict.status == "unsure"]


def regressions(best: Sequence[Verdict], candidate: Sequence[Verdict]) -> list[str]:
    """Ids of questions that went from pass to fail (or skipped) by the same source."""
    before: Mapping[str, Verdict] = {verdict.question_id: verdict for verdict in best}
    return [
        verdict.question_id
        for verdict in candidate
        if (old := before.get(verdict.question_id)) is not None
        and old.status == "pass"
        and verdict.status in ("fail", "skipped")
        and old.source == verdict.source
    ]


def acceptable(best: Sequence[Verdict] | None, candidate: Sequence[Verdict] | None, noise: float = NOISE) -> bool:
    """The loop's law: a candidate replaces the best only with all verdicts in, no regression and a higher score.

    Where it answers no more questions with yes, its score has to be higher by more than the share `noise`. A candidate
    without verdicts is never accepted; where nothing is best yet, any inspected candidate is.
    """
    if candidate is None:
        return False
    if best is None:
        return True
    more = share_passed(candidate) > share_passed(best)
    return not regressions(best, candidate) and score(candidate) > score(best) * (1 if more else 1 + noise)
