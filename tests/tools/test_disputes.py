"""Several sources about one picture: what they come to together, and that no disagreement is hidden."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.tools.checklist import checklist
from muralist.tools.layout import Layout, Region
from muralist.tools.outcome import describe, findings
from muralist.tools.run import Attempt, Run
from muralist.tools.scene import Entity, Scene
from muralist.tools.verdict import NOBODY, Verdict, combine, merge, regressions, settle, status_of, unanswered

PROBABILITIES = st.floats(0, 1)
SCENE = Scene(prompt="a cup", caption="a cup", entities=[Entity(id="cup", noun="cup", span="cup")])


def says(source: str, p: float, question: str = "cup.exists", **more: object) -> Verdict:
    return Verdict.model_validate({"question_id": question, "status": status_of(p), "p": p, "source": source, **more})


def together(*verdicts: Verdict) -> Verdict:
    (only,) = combine([[verdict] for verdict in verdicts], "+".join(verdict.source for verdict in verdicts))
    return only


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((0.9, 0.9), "pass"),
        ((0.9, 0.5), "pass"),
        ((0.5, 0.1), "fail"),
        ((0.95, 0.05), "unsure"),
        ((0.97, 0.35), "pass"),
        ((0.55, 0.45), "unsure"),
        ((0.9, 0.9, 0.05), "pass"),
    ],
)
def test_those_that_are_sure_count_by_how_sure_they_are(answers: tuple[float, ...], status: str) -> None:
    verdicts = [says(f"inspector{number}", p) for number, p in enumerate(answers)]
    assert together(*verdicts).status == status
    assert together(*reversed(verdicts)).p == pytest.approx(together(*verdicts).p)


@given(PROBABILITIES, st.floats(0.41, 0.59))
def test_an_unsure_inspector_says_nothing_beside_a_sure_one(p: float, doubt: float) -> None:
    alone, both = says("eyes", p), together(says("eyes", p), says("doubter", doubt))
    if alone.status != "unsure":
        assert both.status == alone.status
        assert both.p == pytest.approx(p, abs=0.0101)
        assert both.dispute == []


@given(st.lists(PROBABILITIES, min_size=2, max_size=4))
def test_a_dispute_is_kept_if_and_only_if_one_passes_what_another_fails(answers: list[float]) -> None:
    verdicts = [says(f"inspector{number}", p) for number, p in enumerate(answers)]
    both = together(*verdicts)
    if {"pass", "fail"} <= {verdict.status for verdict in verdicts}:
        assert [(each.source, each.p) for each in both.dispute] == [(each.source, each.p) for each in verdicts]
    else:
        assert both.dispute == []


def test_boxes_and_evidence_are_those_of_who_agrees_with_the_outcome() -> None:
    corner = {"x0": 0, "y0": 0, "x1": 0.5, "y1": 0.5}
    both = together(
        says("eyes", 0.35, evidence="nothing there", boxes=[]),
        says("boxes", 0.97, evidence="a cup", boxes=[corner]),
        says("words", 0.9, evidence="a small cup"),
    )
    assert (both.status, len(both.boxes)) == ("pass", 1)
    assert both.evidence == "boxes: a cup; words: a small cup"


def test_what_nobody_answered_remains_open_and_what_one_answered_does_not() -> None:
    unread = says(NOBODY, 0.5, evidence="could not be read")
    assert unanswered([together(unread, unread)]) == ["cup.exists"]
    assert together(unread, says("eyes", 0.9)).status == "pass"
    assert unanswered([together(unread, says("eyes", 0.5))]) == []


def test_losing_a_thing_is_a_regression_whichever_of_the_inspectors_sees_it() -> None:
    before = combine([[says("eyes", 0.9)], [says("boxes", 0.9)]], "eyes+boxes")
    after = combine([[says("eyes", 0.5)], [says("boxes", 0.1)]], "eyes+boxes")
    assert regressions(before, after) == ["cup.exists"]


@pytest.mark.parametrize(("inspector", "caller"), [(0.9, 0.1), (0.1, 0.9)])
def test_a_caller_who_disagrees_is_shown_whether_it_counts_or_not(inspector: float, caller: float) -> None:
    (merged,) = merge([says("eyes", inspector)], [says("anyone", caller)])
    assert merged.status == "fail"
    assert [(each.source, each.p) for each in merged.dispute] == [("eyes", inspector), ("caller", caller)]


def test_the_callers_veto_joins_the_dispute_of_two_inspectors() -> None:
    both = combine([[says("eyes", 0.35)], [says("boxes", 0.97)]], "eyes+boxes")
    (merged,) = merge(both, [says("caller", 0.1)])
    assert [each.source for each in merged.dispute] == ["eyes", "boxes", "caller"]


def told(verdicts: list[Verdict]) -> str:
    """What the findings about a first picture with these verdicts say."""
    layout = Layout(regions=[Region("a cup")], base_prompt="a cup")
    run = Run.open(scene=SCENE).painted(Attempt(image_id="r-1", action="paint", seed=0, layout=layout))
    run = run.judged("r-1", settle(checklist(SCENE), verdicts))
    return describe(findings(run, run.attempts[-1]))


def test_findings_tell_who_said_what_also_where_all_passes() -> None:
    both = combine([[says("eyes", 0.35)], [says("boxes", 0.97)]], "eyes+boxes")
    text = told([*both, says("eyes", 0.9, "cup.count"), says("eyes", 0.9, "others")])
    assert "It shows everything that was asked for." in text
    assert "Disputed: cup.exists: eyes says fail (0.35), boxes says pass (0.97); pass by eyes+boxes." in text


def test_findings_mark_what_is_self_reported() -> None:
    seen = [says("eyes", 0.9, each) for each in ("cup.exists", "cup.count", "others")]
    text = told(merge(seen, [says("caller", 0.1, "cup.count")]))
    assert "fail (caller (self-reported))" in text
    assert "eyes says pass (0.90), caller (self-reported) says fail (0.10)" in text
