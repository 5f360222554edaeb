"""Relations between several instances, of things and of regions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.tools.errors import BadLayout
from muralist.tools.geometry import allows, relation_holds
from muralist.tools.layout import Box, Instance, Layout, Region
from muralist.tools.plan import check_layout
from muralist.tools.predicates import PredicateName
from muralist.tools.scene import Entity, Relation, Scene


def at(x: float, y: float = 0.5, size: float = 0.1) -> Box:
    return Box(x0=x - size / 2, y0=y - size / 2, x1=x + size / 2, y1=y + size / 2)


def test_between_several_alike_some_two_have_to_hold_each_subject() -> None:
    chairs = [at(0.1), at(0.3), at(0.9)]
    assert relation_holds("between", [at(0.6)], [chairs, chairs], same=True)
    assert relation_holds("between", [at(0.2), at(0.6)], [chairs, chairs], same=True)
    assert not relation_holds("between", [at(0.6), at(0.95)], [chairs, chairs], same=True)
    assert relation_holds("between", [at(0.6)], [chairs[:1], chairs[:1]], same=True) is False


def test_between_two_kinds_all_pairs_have_to_hold_each_subject() -> None:
    assert relation_holds("between", [at(0.5), at(0.6)], [[at(0.1), at(0.2)], [at(0.9)]])
    assert not relation_holds("between", [at(0.5)], [[at(0.1), at(0.55)], [at(0.9)]])


def test_an_order_holds_with_every_object_and_a_touch_with_one() -> None:
    assert relation_holds("left of", [at(0.1), at(0.2)], [[at(0.5), at(0.9)]])
    assert not relation_holds("left of", [at(0.1), at(0.6)], [[at(0.5), at(0.9)]])
    bowls = [at(0.2, size=0.3), at(0.8, size=0.3)]
    assert relation_holds("inside", [at(0.2), at(0.8)], [bowls])
    assert not relation_holds("inside", [at(0.2), at(0.5)], [bowls])
    assert relation_holds("next to", [at(0.05)], [[at(0.1), at(0.95)]])


@pytest.mark.parametrize("predicate", ["left of", "on", "inside", "next to"])
def test_nothing_stands_in_a_relation_to_nothing(predicate: PredicateName) -> None:
    assert relation_holds(predicate, [], [[at(0.5)]]) is False
    assert relation_holds(predicate, [at(0.5)], [[]]) is False


def test_depth_cannot_be_told_from_boxes() -> None:
    assert relation_holds("behind", [at(0.5)], [[at(0.1)]]) is None


CENTRES = st.lists(st.tuples(st.floats(0.05, 0.95), st.floats(0.05, 0.95)), min_size=1, max_size=3)


@given(CENTRES, CENTRES, st.sampled_from(["left of", "right of", "above", "below", "next to", "on", "under"]))
def test_the_order_of_instances_does_not_matter(
    subjects: list[tuple[float, float]], objects: list[tuple[float, float]], predicate: PredicateName
) -> None:
    one, two = [at(*each) for each in subjects], [at(*each) for each in objects]
    assert relation_holds(predicate, one, [two]) == relation_holds(predicate, one[::-1], [two[::-1]])


@given(CENTRES, CENTRES, st.sampled_from(["on", "inside", "next to", "under", "left of"]))
def test_what_holds_of_things_is_allowed_to_regions(
    subjects: list[tuple[float, float]], objects: list[tuple[float, float]], predicate: PredicateName
) -> None:
    one, two = [at(*each) for each in subjects], [at(*each, size=0.1) for each in objects]
    assert not relation_holds(predicate, one, [two]) or relation_holds(predicate, one, [two], rule=allows)


def planned(predicate: PredicateName, cup: Box, book: Box) -> None:
    prompt = "a cup, a book"
    scene = Scene(
        prompt=prompt, caption=prompt, relations=[Relation(subject="cup", predicate=predicate, objects=["book"])],
        entities=[Entity(id=name, noun=name, span=f"a {name}") for name in ("cup", "book")],
    )  # fmt: skip
    regions = [
        Region(f"a {name}", box.x0, box.y0, box.x1, box.y1, instances=[Instance(entity=name)])
        for name, box in (("cup", cup), ("book", book))
    ]
    check_layout(Layout(regions=regions, base_prompt=prompt), scene)


LOW, HIGH = at(0.5, 0.75, 0.5), at(0.5, 0.25, 0.5)


@pytest.mark.parametrize(
    ("predicate", "cup", "book"),
    [
        ("on", LOW, HIGH), ("on", at(0.2, 0.5, 0.2), at(0.8, 0.5, 0.2)), ("under", HIGH, LOW),
        ("inside", HIGH, LOW), ("inside", at(0.5, 0.5, 0.8), at(0.5, 0.5, 0.4)),
        ("next to", at(0.1, 0.5, 0.2), at(0.9, 0.5, 0.2)),
    ],
)  # fmt: skip
def test_a_plan_on_which_a_relation_cannot_be_painted_is_refused(predicate: PredicateName, cup: Box, book: Box) -> None:
    with pytest.raises(BadLayout, match=f"cup has to be {predicate} book, but the regions say otherwise"):
        planned(predicate, cup, book)


@pytest.mark.parametrize(
    ("predicate", "cup", "book"),
    [
        ("on", HIGH, LOW), ("on", at(0.5, 0.5, 0.4), at(0.5, 0.5, 0.8)), ("under", LOW, HIGH),
        ("inside", at(0.4, 0.5, 0.4), at(0.5, 0.5, 0.4)), ("next to", at(0.25, 0.5, 0.5), at(0.75, 0.5, 0.5)),
        ("behind", LOW, HIGH),
    ],
)  # fmt: skip
def test_a_plan_on_which_a_relation_can_be_painted_passes(predicate: PredicateName, cup: Box, book: Box) -> None:
    planned(predicate, cup, book)
