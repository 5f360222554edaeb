"""Every kind of question, wherever it is told what to do with one."""

from collections.abc import Callable
from typing import get_args

import pytest
from PIL import Image

from muralist.agent.inspectors.grounded import GroundedInspector
from muralist.parsing import parse_prompt
from muralist.picturebook.inspector import PicturebookInspector, judge
from muralist.tools.box_verdicts import from_boxes
from muralist.tools.checklist import Aspect, Checklist, Question, QuestionKind, checklist
from muralist.tools.detection import Detection, match
from muralist.tools.layout import Box

PROMPT = "a red cup in the top left to the left of two books, on sand, no dogs, an oil painting. The cup is happy."
ASKED = checklist(
    parse_prompt(PROMPT).model_copy(update={"style": "oil painting", "claims": ["Is the cup happy?"], "unparsed": []})
)
SCENE = ASKED.scene
THINGS = [Detection(Box(x0=0.1, y0=0.1, x1=0.3, y1=0.3), 0.9, {"cup": 1.0}, {"red": 0.9})]
STRANGE = Question.model_construct(id="cup.mood.0", kind="mood", text="Is the cup glad?", entity="cup", index=0)
PICTURE = Image.new("RGB", (32, 32))


def asking(question: Question) -> Checklist:
    return Checklist.model_construct(scene=SCENE, questions=[question])


def test_a_checklist_has_questions_of_every_kind() -> None:
    assert {question.kind for question in ASKED.questions} == set(get_args(QuestionKind))
    assert {question.aspect for question in ASKED.questions} == set(get_args(Aspect))


def test_a_question_concerns_the_entities_that_it_names_and_one_about_the_whole_none() -> None:
    concerned = {question.id: question.concerns(SCENE) for question in ASKED.questions}
    assert concerned["relation.0"] == ["cup", "book"]
    assert concerned["cup.colour.0"] == concerned["cup.place"] == ["cup"]
    assert concerned["background"] == concerned["others"] == concerned["absent.0"] == []


def test_what_depends_on_things_depends_on_those_that_it_concerns() -> None:
    for question in ASKED.questions:
        if question.depends_on:
            assert question.depends_on == [f"{name}.exists" for name in question.concerns(SCENE)]


@pytest.mark.parametrize(
    "asks",
    [
        lambda question: question.aspect,
        lambda question: question.concerns(SCENE),
        lambda question: from_boxes(question, SCENE, match(SCENE, THINGS), THINGS),
        lambda question: PicturebookInspector().cannot_answer(asking(question)),
        lambda question: judge(asking(question), THINGS, PICTURE, "eye"),
        lambda question: GroundedInspector(lambda *_, **__: THINGS).cannot_answer(asking(question)),
    ],
    ids="aspect concerns from_boxes picturebook judge grounded".split(),
)
def test_a_question_of_an_unknown_kind_is_never_taken_for_one_of_a_known_kind(
    asks: Callable[[Question], object],
) -> None:
    with pytest.raises(AssertionError, match="mood"):
        asks(STRANGE)
