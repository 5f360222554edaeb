"""The loop's law, by properties: what scores, what is accepted, what is never forgotten."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from muralist.tools.checklist import checklist
from muralist.tools.layout import Layout, Region
from muralist.tools.run import Attempt, Move, Options, Run
from muralist.tools.scene import Attribute, Entity, Relation, Scene
from muralist.tools.usage import Budget
from muralist.tools.verdict import (
    CALLER,
    FLOOR,
    Verdict,
    acceptable,
    all_passed,
    merge,
    regressions,
    score,
    settle,
    share_passed,
    status_of,
    unanswered,
)  # fmt: skip

NOUNS = ("cup", "book", "apple", "car")
PROBABILITIES = st.one_of(st.sampled_from([0.0, 0.4, 0.5, 0.6, 1.0]), st.floats(0, 1))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """One to four entities with colours and counts, a few relations, perhaps a background."""
    ids = NOUNS[: draw(st.integers(1, 4))]
    entities = [
        Entity(
            id=name, noun=name, span=name, count=draw(st.integers(1, 3)),
            attributes=[Attribute(kind="colour", value="red")] if draw(st.booleans()) else [],
            place="left" if draw(st.booleans()) else None,
        )
        for name in ids
    ]  # fmt: skip
    pairs = [(one, two) for one in ids for two in ids if one != two]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=3)) if pairs else []
    return Scene(
        prompt=" ".join(ids), caption=" ".join(ids), entities=entities,
        relations=[Relation(subject=one, predicate="above", objects=[two]) for one, two in chosen],
        background="sand" if draw(st.booleans()) else None,
    )  # fmt: skip


def raw(scene: Scene, chances: list[float], source: str = "inspector") -> list[Verdict]:
    """A verdict for every question, before the dependencies are applied."""
    return [
        Verdict(question_id=question.id, status=status_of(p), p=p, source=source)
        for question, p in zip(checklist(scene).questions, chances, strict=False)
    ]


@st.composite
def inspected(draw: st.DrawFn) -> tuple[Scene, list[float]]:
    scene = draw(scenes())
    size = len(checklist(scene).questions)
    return scene, draw(st.lists(PROBABILITIES, min_size=size, max_size=size))


@given(inspected(), st.data())
def test_losing_an_object_never_raises_a_score(found: tuple[Scene, list[float]], data: st.DataObject) -> None:
    scene, chances = found
    lost = data.draw(st.sampled_from([f"{entity.id}.exists" for entity in scene.entities]))
    questions = checklist(scene).questions
    without = [
        min(p, data.draw(st.floats(0, 0.4))) if question.id == lost else p
        for question, p in zip(questions, chances, strict=True)
    ]
    before, after = (settle(checklist(scene), raw(scene, each)) for each in (chances, without))
    assert score(after) <= score(before) + 1e-12
    assert share_passed(after) <= share_passed(before)


@given(inspected(), st.data())
def test_what_becomes_of_the_children_of_a_lost_object_does_not_matter_to_whether_they_count(
    found: tuple[Scene, list[float]], data: st.DataObject
) -> None:
    scene, chances = found
    entity = data.draw(st.sampled_from(scene.entities))
    questions = checklist(scene).questions
    chances = [0.0 if each.id == f"{entity.id}.exists" else p for each, p in zip(questions, chances, strict=True)]
    for verdict, question in zip(settle(checklist(scene), raw(scene, chances)), questions, strict=True):
        if f"{entity.id}.exists" in question.depends_on:
            assert (verdict.status, verdict.p) == ("skipped", FLOOR)


@given(inspected())
def test_a_score_is_the_geometric_mean_and_lies_between_its_bounds(found: tuple[Scene, list[float]]) -> None:
    scene, chances = found
    verdicts = settle(checklist(scene), raw(scene, chances))
    mean = math.prod(verdict.p for verdict in verdicts) ** (1 / len(verdicts))
    assert math.isclose(score(verdicts), mean, rel_tol=1e-9)
    assert FLOOR <= score(verdicts) <= 1
    assert all_passed(verdicts) == (share_passed(verdicts) == 1)


@given(inspected())
def test_a_candidate_without_verdicts_is_never_accepted(found: tuple[Scene, list[float]]) -> None:
    scene, chances = found
    verdicts = settle(checklist(scene), raw(scene, chances))
    assert not acceptable(verdicts, None)
    assert not acceptable(None, None)
    assert acceptable(None, verdicts)
    assert not acceptable(verdicts, verdicts)


@given(inspected(), st.data())
def test_a_caller_can_veto_but_never_overrule_a_failure(found: tuple[Scene, list[float]], data: st.DataObject) -> None:
    scene, chances = found
    size = len(chances)
    said = data.draw(st.lists(PROBABILITIES, min_size=size, max_size=size))
    inspector, caller = raw(scene, chances), raw(scene, said, "somebody")
    for one, own, both in zip(inspector, caller, merge(inspector, caller), strict=True):
        if one.status == "pass":
            assert (both.status, both.source) == (("fail", CALLER) if own.status == "fail" else ("pass", "inspector"))
        if one.status == "fail":
            assert both.model_copy(update={"dispute": []}) == one
        if one.status == "unsure":
            assert (both.status, both.source) == (own.status, CALLER)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Scene, list[list[float | None]]]:
    """A scene, and for each of several attempts a probability per question; None where nobody answers."""
    scene = draw(scenes())
    size = len(checklist(scene).questions)
    answers = st.lists(st.one_of(PROBABILITIES, st.none()), min_size=size, max_size=size)
    sure = st.lists(PROBABILITIES, min_size=size, max_size=size)
    return scene, draw(st.lists(st.one_of(sure, answers), min_size=1, max_size=6))


def judged(run: Run, number: int, answers: list[float | None]) -> Run:
    """One more attempt with these answers."""
    board = run.checklist
    assert board is not None
    given_ones = [
        Verdict(question_id=question.id, status=status_of(p), p=p, source="inspector")
        for question, p in zip(board.questions, answers, strict=True)
        if p is not None
    ]
    layout = Layout(regions=[Region("anything")], base_prompt="anything")
    attempt = Attempt(image_id=f"{run.run_id}-{number}", action="paint", seed=number, layout=layout)
    return run.painted(attempt).judged(attempt.image_id, settle(board, given_ones))


@settings(max_examples=200)
@given(histories())
def test_over_any_sequence_of_attempts_the_best_never_falls_and_nothing_is_forgotten(
    history: tuple[Scene, list[list[float | None]]],
) -> None:
    scene, pictures = history
    run = Run.open(scene=scene, budget=Budget(images=20))
    best = 0.0
    for number, answers in enumerate(pictures):
        before, run = run, judged(run, number, answers)
        attempt = run.attempts[-1]
        verdicts = attempt.verdicts or []
        if unanswered(verdicts):
            assert attempt.accepted is None
            assert (run.best_id, run.rejected) == (before.best_id, before.rejected)
            continue
        if attempt.accepted:
            assert run.best_id == attempt.image_id
            if before.best is not None:
                assert not regressions(before.best.verdicts or [], verdicts)
        else:
            assert run.best_id == before.best_id
            assert run.tried(Move(action="paint", target="canvas", seed=number))
        assert run.best is not None
        assert (run.best.score or 0) >= best
        best = run.best.score or 0
    assert run.usage.images == len(pictures)
    assert Run.model_validate_json(run.model_dump_json()) == run
    if run.passed:
        assert run.best is not None
        assert all(verdict.status == "pass" for verdict in run.best.verdicts or [])


@given(histories())
def test_judging_the_best_again_keeps_its_reason_and_rejects_no_move(
    history: tuple[Scene, list[list[float | None]]],
) -> None:
    scene, pictures = history
    run = Run.open(scene=scene)
    for number, answers in enumerate(pictures):
        run = judged(run, number, answers)
    for attempt in [each for each in run.attempts if each.accepted is not None and each.verdicts]:
        again = run.judged(attempt.image_id, attempt.verdicts or [])
        if attempt.image_id == run.best_id:
            assert again == run
        assert again.rejected == run.rejected


@given(histories(), st.data())
def test_what_was_accepted_once_is_never_rejected_afterwards(
    history: tuple[Scene, list[list[float | None]]], data: st.DataObject
) -> None:
    scene, pictures = history
    run = Run.open(scene=scene)
    for number, answers in enumerate(pictures):
        run = judged(run, number, answers)
    for attempt in [each for each in run.attempts if each.accepted]:
        chances = data.draw(st.lists(PROBABILITIES, min_size=len(pictures[0]), max_size=len(pictures[0])))
        again = run.judged(attempt.image_id, settle(checklist(scene), raw(scene, chances)))
        assert again.attempt(attempt.image_id).accepted
        assert again.rejected == run.rejected
        assert again.best_id in (run.best_id, attempt.image_id)


@given(inspected(), st.data())
def test_a_caller_answers_what_the_inspector_left_out(found: tuple[Scene, list[float]], data: st.DataObject) -> None:
    scene, chances = found
    inspector = raw(scene, chances)
    silent = data.draw(st.sampled_from(inspector)).question_id
    caller = raw(scene, [0.9] * len(chances), "somebody")
    both = merge([verdict for verdict in inspector if verdict.question_id != silent], caller)
    (filled,) = [verdict for verdict in both if verdict.question_id == silent]
    assert (filled.status, filled.source) == ("pass", CALLER)
    assert unanswered(settle(checklist(scene), both)) == []


def test_the_layout_behind_an_edit_is_that_of_the_picture_it_goes_back_to() -> None:
    plan, patch = (Layout(regions=[Region(name)], base_prompt="anything") for name in ("a cup", "a patch"))
    run = Run.open().painted(Attempt(image_id="r-1", action="paint", seed=0, layout=plan))
    for number in (2, 3):
        run = run.painted(
            Attempt(image_id=f"r-{number}", action="edit", seed=0, layout=patch, parent=f"r-{number - 1}")
        )
    assert [run.layout_of(attempt) for attempt in run.attempts] == [plan] * 3


@pytest.mark.parametrize("wrong", [{"width": 100}, {"height": 32}, {"width": 4096}, {"steps": 201}, {"guidance": 31}])
def test_options_outside_of_the_limits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


def test_every_run_has_an_id_of_its_own_that_cannot_be_guessed() -> None:
    ids = {Run.open().run_id for _ in range(100)}
    assert len(ids) == 100
    assert all(len(each) == 32 for each in ids)
