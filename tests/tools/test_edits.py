"""Edits as regions to repaint, and those that cannot be done."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from muralist.tools.edits import MIN_EDIT, Edit, edit_layout, sizeable
from muralist.tools.errors import BadEdit
from muralist.tools.layout import Box
from muralist.tools.scene import Attribute, Entity, Scene

RED = [Attribute(kind="colour", value="red")]
PROMPT = "a red cup and two books on sand"
SCENE = Scene(
    prompt=PROMPT, caption=PROMPT, background="sand",
    entities=[
        Entity(id="cup", noun="cup", attributes=RED, span="a red cup"),
        Entity(id="book", noun="book", count=2, span="two books"),
    ],
)  # fmt: skip


def test_edits_that_cannot_be_done_are_named() -> None:
    here = Box(x0=0, y0=0, x1=0.5, y1=0.5)
    with pytest.raises(BadEdit, match="there is no entity 'dog': the scene has cup, book"):
        edit_layout([Edit(action="add", entity="dog", box=here)], SCENE)
    with pytest.raises(BadEdit, match="the edits of cup and book overlap"):
        edit_layout([Edit(action="add", entity=name, box=here) for name in ("cup", "book")], SCENE)
    with pytest.raises(BadEdit, match="there is no cup number 2 to replace: the scene has 1, so index"):
        edit_layout([Edit(action="replace", entity="cup", index=1, box=here)], SCENE)
    with pytest.raises(BadEdit, match="the red cup has to stay as it is"):
        edit_layout([Edit(action="remove", entity="cup", box=here)], SCENE.model_copy(update={"kept": ["cup"]}))
    with pytest.raises(ValidationError, match="a move needs both"):
        Edit(action="move", entity="cup", box=here)


def test_a_move_clears_one_box_and_paints_the_other() -> None:
    start, goal = Box(x0=0, y0=0, x1=0.25, y1=0.25), Box(x0=0.5, y0=0.5, x1=1, y1=1)
    regions = edit_layout([Edit(action="move", entity="cup", box=start, to=goal)], SCENE).regions
    assert [(region.prompt, region.box) for region in regions] == [
        ("nothing on sand", start), ("a red cup on sand", goal),
    ]  # fmt: skip


def test_one_too_many_may_be_removed_although_the_scene_does_not_count_it() -> None:
    (region,) = edit_layout(
        [Edit(action="remove", entity="cup", index=1, box=Box(x0=0, y0=0, x1=1, y1=1))], SCENE
    ).regions
    assert (region.prompt, region.instances) == ("nothing on sand", [])


EDGES = st.tuples(st.floats(0, 0.99), st.floats(0.001, 1))


@given(EDGES, EDGES)
def test_a_box_is_widened_to_the_smallest_edit_even_at_the_canvas_edge(
    across: tuple[float, float], down: tuple[float, float]
) -> None:
    (x, width), (y, height) = across, down
    box = Box(x0=x, y0=y, x1=min(1.0, x + width), y1=min(1.0, y + height))
    sized = sizeable(box)
    assert min(sized.width, sized.height) >= MIN_EDIT - 1e-9
    assert sized.overlap(box) == pytest.approx(1)
    assert sizeable(sized).iou(sized) == pytest.approx(1)
    assert Edit(action="add", entity="cup", box=box).boxes == [sized]


def test_small_edits_are_told_apart_by_what_is_really_repainted() -> None:
    one, two = (Box(x0=x, y0=0, x1=x + 0.02, y1=0.5) for x in (0.1, 0.15))
    with pytest.raises(BadEdit, match="overlap"):
        edit_layout([Edit(action="add", entity=name, box=box) for name, box in (("cup", one), ("book", two))], SCENE)


def test_around_what_is_repainted_nothing_is_to_appear() -> None:
    add = Edit(action="add", entity=SCENE.entities[0].id, box=Box(x0=0, y0=0, x1=0.5, y1=0.5))
    layout = edit_layout([add], SCENE)
    assert (layout.base_prompt, layout.base_ratio) == ("nothing on sand", 0)
