"""Which box is which instance: as inspectors tell them apart, and as the layout numbers them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.agent import lay_out
from muralist.parsing import parse_prompt
from muralist.tools.box_verdicts import from_boxes
from muralist.tools.checklist import checklist
from muralist.tools.detection import Detection, match
from muralist.tools.layout import Box, Layout
from muralist.tools.numbering import Found, found_of, numbered
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict, combine, status_of

SCENE = parse_prompt("two red apples to the left of a blue cup")
PLAN = lay_out(SCENE)


def middle(box: Box, by: float = 0.0) -> Box:
    """A thing in the middle of a region, moved to the right."""
    x, y = box.centre
    return Box(x0=x - 0.08 + by, y0=y - 0.08, x1=x + 0.08 + by, y1=y + 0.08)


FIRST, SECOND = (middle(PLAN.region_of("apple", index).box) for index in (0, 1))
CUP = middle(PLAN.region_of("cup").box)
STRAY = Box(x0=0.8, y0=0.85, x1=0.95, y1=1)


def thing(noun: str, box: Box, colour: str, p: float = 0.9) -> Detection:
    return Detection(box, 0.95, {noun: p}, {"red": 0.05, "blue": 0.05, colour: 0.95})


def judged(*things: Detection, scene: Scene = SCENE) -> dict[str, Verdict]:
    """What boxes tell of the picture, before anybody knows its layout."""
    matched = match(scene, things)
    answers = [(question, from_boxes(question, scene, matched, things)) for question in checklist(scene).questions]
    given = [answer.verdict(question, "eyes", matched) for question, answer in answers if answer is not None]
    return {verdict.question_id: verdict for verdict in given}


def by_layout(given: dict[str, Verdict], layout: Layout = PLAN) -> dict[str, Verdict]:
    return {verdict.question_id: verdict for verdict in numbered(list(given.values()), checklist(SCENE), layout)}


def says(question: str, p: float, **more: object) -> Verdict:
    return Verdict.model_validate({"question_id": question, "status": status_of(p), "p": p, "source": "eyes", **more})


APPLES = (thing("apple", SECOND, "red"), thing("apple", FIRST, "red"), thing("cup", CUP, "blue"))


def test_of_several_alike_a_verdict_says_which_box_is_which() -> None:
    given = judged(*APPLES)
    assert given["apple.count"].instances == [(0, SECOND), (1, FIRST)]
    assert given["apple.exists"].instances == given["apple.colour.0"].instances == given["apple.count"].instances
    assert given["relation.0"].boxes == [SECOND, FIRST, CUP]
    assert given["relation.0"].instances == [(0, SECOND), (1, FIRST)]


def test_of_a_thing_that_stands_alone_nothing_is_numbered() -> None:
    given = by_layout(judged(*APPLES))
    assert given["cup.exists"].boxes == [CUP]
    assert given["cup.exists"].instances == given["cup.count"].instances == []


def test_only_the_wrong_ones_are_numbered_where_only_those_are_pointed_at() -> None:
    given = judged(thing("apple", FIRST, "red"), thing("apple", SECOND, "blue"), thing("cup", CUP, "blue"))
    assert given["apple.colour.0"].instances == [(1, SECOND)]


def test_once_the_layout_is_known_instances_are_numbered_as_their_regions_are() -> None:
    given = by_layout(judged(*APPLES))
    for name in ("apple.count", "apple.exists", "apple.colour.0", "relation.0"):
        assert given[name].instances == [(0, FIRST), (1, SECOND)], name


def test_what_the_inspector_took_for_no_instance_is_too_many_wherever_it_stands() -> None:
    blue = thing("apple", FIRST, "blue")
    given = judged(blue, thing("apple", SECOND, "red"), thing("apple", STRAY, "red"), thing("cup", CUP, "blue"))
    found = found_of(SCENE.entity("apple"), PLAN, given)
    assert found == Found({0: STRAY, 1: SECOND}, [FIRST])
    assert by_layout(given)["apple.count"].instances == [(0, STRAY), (1, SECOND)]


def test_without_word_from_the_inspector_what_fits_no_region_is_too_many() -> None:
    given = {"apple.count": says("apple.count", 0.1, boxes=[STRAY, SECOND, FIRST])}
    assert found_of(SCENE.entity("apple"), PLAN, given) == Found({0: FIRST, 1: SECOND}, [STRAY])
    assert by_layout(given)["apple.count"].instances == [(0, FIRST), (1, SECOND)]


def test_a_box_that_another_inspector_draws_differently_has_the_same_number() -> None:
    given = judged(*APPLES)
    given["apple.colour.0"] = says("apple.colour.0", 0.1, box=SECOND.grown(0.02))
    assert by_layout(given)["apple.colour.0"].instances == [(1, SECOND.grown(0.02))]
    given["apple.colour.0"] = says("apple.colour.0", 0.1, box=STRAY)
    assert by_layout(given)["apple.colour.0"].instances == []


def test_together_inspectors_number_the_boxes_of_the_one_whose_boxes_are_shown() -> None:
    (both,) = combine([[says("apple.count", 0.9)], [judged(*APPLES)["apple.count"]]], "both")
    assert both.instances == [(0, SECOND), (1, FIRST)]


def test_the_one_that_is_not_found_is_missing_in_its_own_region() -> None:
    given = judged(thing("apple", SECOND, "red"), thing("cup", CUP, "blue"))
    assert given["apple.count"].instances == [(0, SECOND)]
    assert found_of(SCENE.entity("apple"), PLAN, given).missing(SCENE.entity("apple")) == [0]
    assert by_layout(given)["apple.count"].instances == [(1, SECOND)]


SIDES = st.tuples(st.integers(0, 24), st.integers(2, 8)).map(lambda each: (each[0] / 32, (each[0] + each[1]) / 32))
BOXES = st.tuples(SIDES, SIDES).map(lambda each: Box(x0=each[0][0], x1=each[0][1], y0=each[1][0], y1=each[1][1]))


@given(st.lists(BOXES, max_size=5, unique=True), st.sampled_from([0.1, 0.5, 0.9]))
def test_to_number_twice_is_to_number_once(boxes: list[Box], p: float) -> None:
    once = by_layout({"apple.count": says("apple.count", p, boxes=boxes, box=boxes[0] if boxes else None)})
    assert by_layout(once) == once
    indices = [index for index, _ in once["apple.count"].instances]
    assert indices == sorted(indices)
    assert len(set(indices)) == min(2, len(boxes))


@pytest.mark.parametrize("kept", [{}, {"instances": [[1, {"x0": 0.0, "y0": 0.0, "x1": 0.5, "y1": 0.5}]]}])
def test_a_verdict_reads_as_it_was_written_with_or_without_instances(kept: dict[str, object]) -> None:
    verdict = says("apple.count", 0.9, **kept)
    assert Verdict.model_validate_json(verdict.model_dump_json(exclude_defaults=True)) == verdict
