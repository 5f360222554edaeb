"""A vision model as inspector: it looks through a real endpoint, and its boxes are believed before its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from block_world import PAPER, BlockPainter
from fake_endpoint import Answer, Dialect, FakeEndpoint, completion, error, refusal, serving, tools
from PIL import Image
from seeing_mind import pictures, seeing, text_of

import muralist
from muralist.agent.endpoint import Endpoint
from muralist.agent.inspectors.inspection import Corners, Inspection, Reply, Thing
from muralist.agent.inspectors.mllm import MOST, MllmInspector
from muralist.tools.checklist import Checklist, checklist
from muralist.tools.errors import MuralistError, NoVision, Refused
from muralist.tools.scene import Attribute, Entity, Relation, Scene
from muralist.tools.verdict import Verdict, settle, unanswered

Json = dict[str, Any]
Blocks = Callable[..., Json]

PROMPT = "two red cups to the left of a blue book"
BOXES = {"cup": [(0.1, 0.1), (0.1, 0.6)], "book": [(0.7, 0.4)]}


def scene() -> Scene:
    return Scene(
        prompt=PROMPT,
        caption=PROMPT,
        entities=[
            Entity(id="cup", noun="cup", count=2, attributes=[Attribute(kind="colour", value="red")], span="red cups"),
            Entity(id="book", noun="book", place="right", span="blue book"),
        ],
        relations=[
            Relation(subject="cup", predicate="left of", objects=["book"]),
            Relation(subject="cup", predicate="behind", objects=["book"]),
        ],
        background="sand",
    )


def things(boxes: dict[str, list[tuple[float, float]]], scale: float = 1) -> list[Json]:
    return [
        {"entity": name, "box": {"x0": x * scale, "y0": y * scale, "x1": (x + 0.2) * scale, "y1": (y + 0.2) * scale}}
        for name, corners in boxes.items()
        for x, y in corners
    ]


def yes_to_all(questions: Checklist, **said: Json) -> list[Json]:
    return [
        {"question": each.id, "answer": "yes", "p": 0.95, **said.get(each.id.replace(".", "_"), {})}
        for each in questions.questions
    ]


async def verdicts(reply: Json, dialect: Dialect = tools, picture: Image.Image | None = None) -> dict[str, Verdict]:
    """What the inspector makes of a model's reply about the scene's picture, before dependencies."""
    with serving(lambda offered, request: ("inspection", reply), dialect) as fake:
        inspector = MllmInspector(Endpoint("fake", base_url=fake.url))
        given = await inspector.inspect(picture or Image.new("RGB", (640, 640), PAPER), checklist(scene()))
    return {verdict.question_id: verdict for verdict in given}


async def test_a_model_that_sees_inspects_a_run_with_one_call_per_picture(blocks: Blocks, monkeypatch: Any) -> None:
    with serving(seeing(), tools) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        painter = BlockPainter(faults={0: [2]})
        chosen = blocks(painter) | {"inspector": "mllm", "inspector_model": "eyes"}
        result = await muralist.adraw("a red cup, a blue book and a green apple", **chosen)
    assert result.passed
    assert [attempt.accepted for attempt in result.attempts] == [True, True]
    assert result.run.usage.inspector_calls == len(fake.requests) == 2
    assert {verdict.source for verdict in result.attempt.verdicts or []} == {"mllm"}
    assert [picture.size for picture in pictures(fake.requests[0])] == [result.image.size]
    assert {request["model"] for request in fake.requests} == {"eyes"}


async def test_large_pictures_are_sent_scaled_down() -> None:
    with serving(lambda offered, request: ("inspection", {"answers": []}), tools) as fake:
        inspector = MllmInspector(Endpoint("fake", base_url=fake.url))
        await inspector.inspect(Image.new("RGB", (2000, 1000)), checklist(scene()))
    assert [picture.size for picture in pictures(fake.requests[0])] == [(768, 384)]


async def test_what_boxes_can_tell_is_worked_out_from_them_whatever_the_model_says() -> None:
    questions = checklist(scene())
    right = await verdicts({"things": things(BOXES), "answers": yes_to_all(questions)})
    assert {verdict.status for verdict in right.values()} == {"pass"}

    swapped = {"cup": [(0.7, 0.1), (0.7, 0.6), (0.4, 0.3)], "book": [(0.1, 0.4)]}
    wrong = await verdicts({"things": things(swapped), "answers": yes_to_all(questions)})
    assert [name for name, verdict in wrong.items() if verdict.status != "pass"] == [
        "cup.count", "book.place", "relation.0",
    ]  # fmt: skip
    assert wrong["cup.count"].evidence == "3 found, 2 asked for"
    assert len(wrong["cup.count"].boxes) == 3
    assert wrong["cup.count"].box is not None


async def test_a_thing_that_is_listed_twice_counts_once() -> None:
    doubled = {**BOXES, "cup": [(0.1, 0.1), (0.11, 0.1)]}
    given = await verdicts({"things": things(doubled), "answers": yes_to_all(checklist(scene()))})
    assert given["cup.count"].status == "fail"


async def test_boxes_of_what_the_model_says_is_missing_count_for_nothing() -> None:
    answers = yes_to_all(checklist(scene()), book_exists={"answer": "no", "p": 0.02})
    given = await verdicts({"things": things(BOXES), "answers": answers})
    assert given["book.exists"].status == "fail"
    assert given["book.exists"].boxes == []


async def test_without_boxes_the_models_own_answers_stand() -> None:
    answers = yes_to_all(checklist(scene()), cup_count={"answer": "no", "p": 0.1}, relation_0={"answer": "unsure"})
    given = await verdicts({"answers": answers})
    assert (given["cup.count"].status, given["relation.0"].status) == ("fail", "unsure")


async def test_boxes_on_a_grid_of_a_thousand_are_mended_and_those_of_unknown_scale_left_out() -> None:
    answers = yes_to_all(checklist(scene()))
    mended = await verdicts({"things": things(BOXES, 1000), "answers": answers})
    assert mended["cup.count"].boxes[0].x0 == pytest.approx(0.1)
    doubtful = await verdicts({"things": things(BOXES, 500), "answers": answers})
    assert all(not verdict.boxes for verdict in doubtful.values())


@pytest.mark.parametrize(
    ("given", "mended"),
    [
        ([0.2, 0.1, 0.6, 0.4], (0.2, 0.1, 0.6, 0.4)),
        ([0.6, 0.4, 0.2, 0.1], (0.2, 0.1, 0.6, 0.4)),
        ([-0.02, 0.5, 0.5, 1.03], (0, 0.5, 0.5, 1)),
        ([0.3, 0.3, 0.3, 0.9], None),
    ],
)
def test_boxes_that_are_turned_over_or_slip_off_the_canvas_are_mended(given: Any, mended: Any) -> None:
    box = Corners.model_validate(given).box(1.0)
    assert (None if box is None else (box.x0, box.y0, box.x1, box.y1)) == mended


@pytest.mark.parametrize(
    ("answer", "p", "probability"),
    [("Yes.", 0.9, 0.9), ("no", 0.1, 0.1), ("no", 0.9, 0.1), ("yes", 95, 0.95), (True, None, 0.9), ("unsure", 0.9, 0.5),
     ("yes", 7000, 0.99), ("no", -3, 0.01)],
)  # fmt: skip
def test_the_word_decides_and_the_probability_says_how_surely(answer: Any, p: Any, probability: float) -> None:
    reply = Reply.model_validate({"question": "cup.exists", "answer": answer, "p": p})
    assert reply.probability == pytest.approx(probability)


def test_a_reply_without_boxes_is_in_fractions() -> None:
    thing = Thing(entity="cup", box=Corners(x0=0, y0=0, x1=1.04, y1=1))
    assert [Inspection(answers=[], things=each).scale(512) for each in ([], [thing])] == [1.0, 1.0]


async def test_questions_that_it_leaves_out_stay_unanswered() -> None:
    questions = checklist(scene())
    partly = [each for each in yes_to_all(questions) if not each["question"].startswith("book")]
    given = await verdicts({"things": [], "answers": partly})
    assert unanswered(settle(questions, list(given.values()))) == ["book.exists", "book.count", "book.place"]


async def test_a_long_checklist_is_asked_in_parts() -> None:
    many = Scene(
        prompt="things",
        caption="things",
        entities=[Entity(id=f"cup{number}", noun="cup", place="left", span="cup") for number in range(12)],
    )
    questions = checklist(many)
    with serving(seeing(), tools) as fake:
        inspector = MllmInspector(Endpoint("fake", base_url=fake.url))
        given = await inspector.inspect(Image.new("RGB", (64, 64), PAPER), questions)
    assert len(questions.questions) == 37 > MOST
    assert len(fake.requests) == 2
    assert [verdict.question_id for verdict in given] == [question.id for question in questions.questions]
    assert "cup11.exists" not in text_of(fake.requests[0])


def blind(fake: FakeEndpoint, request: Json) -> Answer:
    """A model without vision."""
    if pictures(request):
        return error(400, "this model does not support image input")
    return tools(fake, request)


@pytest.mark.parametrize(
    ("reply", "dialect", "said"),
    [
        ({"answers": []}, blind, "model fake takes no pictures"),
        ({"answers": [], "sees_picture": False}, tools, "model fake says that it sees no picture"),
    ],
)
async def test_a_model_without_vision_is_told_of_in_one_line_that_says_what_would_be_right(
    reply: Json, dialect: Dialect, said: str
) -> None:
    with pytest.raises(NoVision, match="set MURALIST_INSPECTOR_MODEL to a model that sees") as caught:
        await verdicts(reply, dialect)
    assert str(caught.value).startswith(f"inspector 'mllm': {said}")
    assert "\n" not in str(caught.value)


async def test_the_picture_is_kept_if_the_inspector_cannot_see(blocks: Blocks, monkeypatch: Any) -> None:
    with serving(seeing(), blind) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        chosen = blocks() | {"inspector": "mllm", "inspector_model": "blind"}
        result = await muralist.adraw("a red cup", **chosen)
    assert "takes no pictures" in result.reason
    assert result.image.size == (128, 128)


async def test_a_refusal_is_passed_on_with_its_reason() -> None:
    with pytest.raises(Refused, match="I will not picture cups"):
        await verdicts({}, refusal)


async def test_what_cannot_be_read_is_nobodys_answer_and_says_why() -> None:
    def babbling(fake: FakeEndpoint, request: Json) -> Answer:
        return completion("What a lovely picture!")

    questions = checklist(scene())
    given = await verdicts({}, babbling)
    settled = settle(questions, list(given.values()))
    assert unanswered(settled) == [question.id for question in questions.questions]
    assert "model fake gave no answer that can be used" in settled[0].evidence


async def test_an_mllm_inspector_without_a_model_is_refused_before_anything_is_painted(blocks: Blocks) -> None:
    with pytest.raises(MuralistError, match="inspector 'mllm' needs a model that sees: set MURALIST_INSPECTOR_MODEL"):
        await muralist.adraw("a red cup", **(blocks() | {"inspector": "mllm"}))
