"""What a scene and a layout may be, and what is said of those that may not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.checklist import checklist
from muralist.tools.drawing import draw_layout
from muralist.tools.errors import BadLayout, BadPrompt, BadScene, MuralistError
from muralist.tools.fidelity import check_scene
from muralist.tools.geometry import holds, stands_at
from muralist.tools.layout import Box, Grid, Instance, Layout, Part, Region, parse_split_ratio
from muralist.tools.plan import check_layout
from muralist.tools.predicates import MARGIN
from muralist.tools.recaption import check_prompt
from muralist.tools.scene import Attribute, Entity, Relation, Scene

PROMPT = "a red cup to the left of a blue book on sand"


def scene(**changes: Any) -> Scene:
    """A cup left of a book, with some fields changed."""
    red, blue = (Attribute(kind="colour", value=value) for value in ("red", "blue"))
    fields: dict[str, Any] = {
        "prompt": PROMPT,
        "caption": PROMPT,
        "entities": [
            Entity(id="cup", noun="cup", attributes=[red], span="a red cup"),
            Entity(id="book", noun="book", attributes=[blue], span="a blue book"),
        ],
        "relations": [Relation(subject="cup", predicate="left of", objects=["book"])],
        "background": "sand",
    }
    return Scene(**{**fields, **changes})


def layout(*regions: Region) -> Layout:
    return Layout(regions=list(regions), base_prompt=PROMPT)


CUP = Region("a red cup", 0, 0, 0.5, 1, instances=[Instance(entity="cup")])
BOOK = Region("a blue book", 0.5, 0, 1, 1, instances=[Instance(entity="book")])
X = {"prompt": "x", "x0": 0, "y0": 0, "x1": 1, "y1": 1}
CUPS = [Entity(id="cup", noun="cup", count=9, span="a red cup"), Entity(id="book", noun="book", count=9, span="book")]


def test_a_scene_and_a_layout_that_fit_pass() -> None:
    check_scene(scene(), PROMPT)
    check_layout(layout(CUP, BOOK), scene())


def test_what_is_kept_of_a_given_picture_may_lie_over_what_is_changed() -> None:
    over = Region("a blue book", 0.1, 0, 0.6, 1, instances=[Instance(entity="book")])
    with pytest.raises(BadLayout, match="share more than half"):
        check_layout(layout(CUP, over), scene(relations=[]))
    check_layout(layout(CUP, over), scene(relations=[], kept=["cup"]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"prompt": "a cup"}, "is not the prompt: repeat it word for word"),
        ({"entities": [*scene().entities, scene().entities[0]]}, "two entities have the id 'cup'"),
        ({"entities": [Entity(id="dog", noun="dog", span="a dog")]}, "entity 'dog' is not in the prompt"),
        ({"relations": [Relation(subject="cup", predicate="above", objects=["dog"])]}, "speaks of 'dog'"),
        ({"relations": [Relation(subject="cup", predicate="above", objects=["cup"])]}, "cannot be above itself"),
        ({"entities": CUPS, "relations": []}, "the scene has 18 things: at most 16"),
        ({"relations": [], "background": None}, "the scene loses 'left', 'sand': put each into the span"),
        ({"absent": ["dog", "cup"]}, "'cup' is to be there and must not be there: leave it out of 'absent'"),
        ({"absent": ["sand"]}, "'sand' is to be there and must not be there"),
    ],
)
def test_a_scene_that_does_not_stand_for_its_prompt_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadScene, match=message):
        check_scene(scene(**wrong), PROMPT)


def test_a_prompt_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadPrompt, match="the prompt is no text in UTF-8: write it anew") as caught:
        check_prompt("a red cup \udcff")
    str(caught.value).encode()


@given(st.text(alphabet=" \t\n.,;!?…—", max_size=30))
def test_a_prompt_without_a_word_is_empty(text: str) -> None:
    with pytest.raises(BadPrompt, match=r"^the prompt is empty"):
        check_prompt(text)


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        ([CUP], "book number 1 is in 0 regions"),
        ([CUP, CUP, BOOK], "cup number 1 is in 2 regions"),
        (
            [CUP, BOOK, Region("a dog", 0, 0, 1, 0.2, instances=[Instance(entity="dog")])],
            "a region holds dog number 1, which the scene does not have",
        ),
        (
            [CUP.model_copy(update={"x0": 0.5, "x1": 1.0}), BOOK.model_copy(update={"x0": 0.0, "x1": 0.5})],
            "cup has to be left of book",
        ),
        (
            [CUP.model_copy(update={"x1": 0.8}), BOOK.model_copy(update={"x0": 0.2})],
            "regions 'a red cup' and 'a blue book' share more than half of the smaller",
        ),
    ],
)
def test_a_layout_that_does_not_show_its_scene_is_refused(regions: list[Region], message: str) -> None:
    with pytest.raises(BadLayout, match=message):
        check_layout(layout(*regions), scene())


def test_no_region_speaks_of_what_must_not_be_there() -> None:
    dogs = [CUP.model_copy(update={"prompt": "a red cup and two dogs"}), BOOK]
    with pytest.raises(BadLayout, match="region 'a red cup and two dogs' speaks of 'dog', which must not be there"):
        check_layout(layout(*dogs), scene(absent=["dog"]))


def test_all_that_is_said_of_the_whole_is_asked_for_part_by_part() -> None:
    said = scene(absent=["dog", "grass"], style="oil painting, van gogh", claims=["Is it at sunset?"])
    asked = {question.id: question.text for question in checklist(said).questions if question.entity is None}
    assert asked == {
        "background": "Is the background sand?",
        "absent.0": "Is there no dog?",
        "absent.1": "Is the background anything but grass?",
        "style.0": "Is it an oil painting?",
        "style.1": "Is the style of the picture van gogh?",
        "claim.0": "Is it at sunset?",
        "others": "Is there nothing else in the picture than: red cup, blue book?",
    }


@pytest.mark.parametrize(
    ("background", "noun", "asked"),
    [("sand", "cup", True), (None, "cup", True), ("a busy street", "cup", False), (None, "market", False)],
)
def test_what_nobody_asked_for_is_asked_about_unless_the_scene_leaves_room(
    background: str | None, noun: str, asked: bool
) -> None:
    told = Scene(prompt="x", caption="x", background=background, entities=[Entity(id="it", noun=noun, span="x")])
    assert any(question.kind == "others" for question in checklist(told).questions) is asked


def test_an_entity_has_to_be_where_the_prompt_places_it() -> None:
    placed = [scene().entities[0].model_copy(update={"place": "top right"}), scene().entities[1]]
    with pytest.raises(BadLayout, match="cup has to be at the top right"):
        check_layout(layout(CUP, BOOK), scene(entities=placed))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"regions": [], "base_prompt": "x"}, "regions: List should have at least 1 item"),
        ({"regions": [X] * 17, "base_prompt": "x"}, "regions: List should have at most 16 items"),
        ({"regions": [{**X, "x0": -0.1}], "base_prompt": "x"}, "regions.0.x0: Input should be greater than"),
        ({"regions": [{**X, "x0": 0.5, "x1": 0.5}], "base_prompt": "x"}, "regions.0: region 'x' .* small"),
        ({"regions": [{**X, "y0": 0.8, "y1": 0.2}], "base_prompt": "x"}, "region 'x' .* inside out"),
        ({"regions": [{**X, "x1": float("nan")}], "base_prompt": "x"}, "regions.0.x1: Input should be"),
        ({"regions": [{**X, "prompt": ""}], "base_prompt": "x"}, "regions.0.prompt: String should have at least 1"),
        ({"regions": [{**X, "colour": 1}], "base_prompt": "x"}, "regions.0.colour: there is no such field"),
        ({"regions": [{**X, "mask": [[0, 0]]}], "base_prompt": "x"}, "regions.0.mask: a mask needs weights"),
        ({"regions": [{**X, "mask": [[1], [1, 0]]}], "base_prompt": "x"}, "a mask needs rows of equal"),
        ({"regions": [X], "base_prompt": "x", "base_ratio": 2}, "base_ratio: Input should be less than"),
        ({"regions": [{"prompt": "x", "x0": 0, "y0": 0, "y1": 1}], "base_prompt": "x"}, "regions.0.x1: Field required"),
        ({"regions": [{"prompt": "x"}], "base_prompt": "x"}, "regions.0.x0: Field required; .*y0.*; .*x1"),
    ],
)  # fmt: skip
def test_an_impossible_layout_is_named_in_one_line(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Layout.model_validate(values)
    line = one_line(caught.value)
    assert "\n" not in line
    with pytest.raises(MuralistError, match=message):
        raise MuralistError(line)


def test_a_region_that_is_only_named_covers_the_canvas() -> None:
    assert Region("a red car").box == Box(x0=0, y0=0, x1=1, y1=1)
    assert Region("a red car", 0, 0, 0.5, 1).box == Box(x0=0, y0=0, x1=0.5, y1=1)
    assert Region("a red car", y0=0.5).box == Box(x0=0, y0=0.5, x1=1, y1=1)


PARTS = st.recursive(
    st.builds(lambda share: Part(prompt="x", share=share), st.floats(0.5, 3)),
    lambda inner: st.builds(
        lambda parts, share, across: Part(prompt="x", share=share, **{"columns" if across else "rows": parts}),
        st.lists(inner, min_size=1, max_size=2), st.floats(0.5, 3), st.booleans(),
    ),
    max_leaves=5,
)  # fmt: skip


@given(st.lists(PARTS, min_size=1, max_size=2), st.booleans())
def test_a_grid_covers_the_canvas_exactly_once(parts: list[Part], across: bool) -> None:
    named: dict[str, Any] = {"columns" if across else "rows": parts}
    try:
        boxes = [region.box for region in Grid(base_prompt="x", **named).layout().regions]
    except BadLayout:
        return  # a cell below the smallest size
    assert sum(box.area for box in boxes) == pytest.approx(1, abs=1e-6)
    assert all(one.overlap(two) < 1e-6 for at, one in enumerate(boxes) for two in boxes[:at])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Part(prompt="x")] * 17, "the grid's cell 'x' takes 0.0588 by 1 of the canvas: both sides"),
        ([Part(prompt="x", rows=[Part(prompt="y")] * 6)] * 3, "the grid has 18 cells: at most 16"),
        ([Part(prompt="x"), Part(prompt="thin", share=0.01)], "the grid's cell 'thin' takes 0.0099 by 1"),
        ([Part(prompt="x", share=1e308)] * 4, "takes 0 by 1"),
        ([Part(prompt="x"), Part(prompt="y", share=1e-12, rows=[Part(prompt="z")])], "the grid's cell 'y'"),
    ],
)
def test_a_grid_that_cannot_be_painted_is_refused_in_one_line(parts: list[Part], message: str) -> None:
    with pytest.raises(BadLayout, match=message) as caught:
        Grid(base_prompt="x", columns=parts).layout()
    assert "\n" not in str(caught.value)


@given(st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), min_size=1, max_size=3), st.integers(1, 4))
def test_a_split_ratio_gives_its_rows_their_heights_and_its_columns_their_widths(
    rows: list[list[int]], height: int
) -> None:
    ratio = ";".join(",".join(map(str, [height + number, *widths])) for number, widths in enumerate(rows))
    prompts = [f"{row}.{column}" for row, widths in enumerate(rows) for column in range(len(widths))]
    regions = parse_split_ratio(ratio, " BREAK ".join(prompts), "all").layout().regions
    assert [region.prompt for region in regions] == prompts
    total = sum(height + number for number in range(len(rows)))
    at = iter(regions)
    for number, widths in enumerate(rows):
        for width in widths:
            region = next(at)
            assert region.box.height == pytest.approx((height + number) / total, abs=1e-6)
            assert region.box.width == pytest.approx(width / sum(widths), abs=1e-6)


@pytest.mark.parametrize(
    ("ratio", "prompts", "message"),
    [
        ("1,a;2", "x BREAK y", "split ratio '1,a;2' is not numbers"),
        ("1,0;2", "x BREAK y", "has a number that is not positive"),
        ("1,1,1;2,1,1", "x BREAK y", "has 4 cells, but 2 prompts are given by BREAK"),
        ("", "x", "is not numbers"),
    ],
)
def test_a_split_ratio_that_makes_no_sense_is_refused(ratio: str, prompts: str, message: str) -> None:
    with pytest.raises(BadLayout, match=message):
        parse_split_ratio(ratio, prompts, "all")


@pytest.mark.parametrize("ratio", ["nan", "inf", "1,nan", "1e999"])
def test_a_split_ratio_of_no_finite_numbers_is_refused(ratio: str) -> None:
    with pytest.raises(BadLayout):
        parse_split_ratio(ratio, "x", "all")


SIDES = st.tuples(st.floats(0, 0.9), st.floats(0.01, 0.5))


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    (x, width), (y, height) = draw(SIDES), draw(SIDES)
    return Box(x0=x, y0=y, x1=min(1.0, x + width), y1=min(1.0, y + height))


def mirrored(box: Box) -> Box:
    return Box(x0=1 - box.x1, y0=box.y0, x1=1 - box.x0, y1=box.y1)


@given(boxes(), boxes())
def test_left_is_the_opposite_of_right_and_above_of_below(one: Box, two: Box) -> None:
    for near, far in (("left of", "right of"), ("above", "below")):
        assert holds(near, one, [two]) == holds(far, two, [one])  # type: ignore[arg-type]
        assert not (holds(near, one, [two]) and holds(far, one, [two]))  # type: ignore[arg-type]


@given(boxes(), boxes())
def test_a_mirror_swaps_left_and_right_and_leaves_above(one: Box, two: Box) -> None:
    if abs(abs(one.centre[0] - two.centre[0]) - MARGIN) > 1e-9:
        assert holds("left of", one, [two]) == holds("right of", mirrored(one), [mirrored(two)])
    assert holds("above", one, [two]) == holds("above", mirrored(one), [mirrored(two)])


@given(boxes(), boxes())
def test_nearness_is_mutual_and_boxes_alone_do_not_tell_depth(one: Box, two: Box) -> None:
    assert holds("next to", one, [two]) == holds("next to", two, [one])
    assert one.iou(two) == pytest.approx(two.iou(one))
    assert 0 <= one.iou(two) <= one.overlap(two) + 1e-9 <= 1 + 1e-8
    assert holds("behind", one, [two]) is None
    assert holds("inside", one, [one])
    assert not holds("between", one, [one, one])


@given(boxes())
def test_a_box_stands_at_its_corner_and_not_at_the_opposite_one(box: Box) -> None:
    x, y = box.centre
    if x < 0.5 and y < 0.5:
        assert stands_at("top left", box)
        assert stands_at("left", box)
        assert not stands_at("bottom right", box)
        assert not stands_at("bottom", box)


@given(boxes(), st.floats(0, 0.5))
def test_a_grown_box_holds_the_box_and_stays_on_the_canvas(box: Box, margin: float) -> None:
    grown = box.grown(margin)
    assert grown.overlap(box) == pytest.approx(1)
    assert grown.area >= box.area


def test_a_relation_takes_as_many_objects_as_its_predicate_needs() -> None:
    with pytest.raises(ValidationError, match="'between' takes 2 objects, not 1"):
        Relation(subject="cup", predicate="between", objects=["book"])
    with pytest.raises(ValidationError, match="'above' takes 1 object, not 2"):
        Relation(subject="cup", predicate="above", objects=["book", "sand"])


def test_a_prompt_of_several_lines_has_a_label_of_one() -> None:
    layout = parse_split_ratio("1,1,1", "a white cat\non the left BREAK " + "a very black dog, " * 100, "all").layout()
    drawn = draw_layout(layout, 64, 32)
    assert drawn.size == (64, 32)
    assert len(drawn.getcolors() or []) > 2
