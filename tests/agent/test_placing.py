"""Where the offline plan puts things."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muralist.agent import lay_out
from muralist.parsing import parse_prompt
from muralist.tools.errors import BadLayout
from muralist.tools.layout import Box, Layout
from muralist.tools.plan import check_layout
from muralist.tools.predicates import PredicateName
from muralist.tools.scene import Entity, Place, Relation, Scene


def boxes(layout: Layout) -> list[tuple[float, float, float, float]]:
    return [(round(r.x0, 3), round(r.y0, 3), round(r.x1, 3), round(r.y1, 3)) for r in layout.regions]


def planned(prompt: str) -> Layout:
    return lay_out(parse_prompt(prompt))


def box(layout: Layout, entity: str, index: int = 0) -> Box:
    return layout.region_of(entity, index).box


def test_one_thing_has_the_whole_canvas() -> None:
    assert boxes(planned("a red apple")) == [(0, 0, 1, 1)]


def test_two_things_stand_side_by_side() -> None:
    assert boxes(planned("a red apple and a blue cup")) == [(0, 0, 0.5, 1), (0.5, 0, 1, 1)]


def test_four_and_six_things_make_two_rows() -> None:
    quarter = [(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]
    assert boxes(planned("an apple, a cup, a cat and a dog")) == quarter
    thirds = [(0, 0.333), (0.333, 0.667), (0.667, 1)]
    assert boxes(planned("six apples")) == [(x0, y, x1, y + 0.5) for y in (0, 0.5) for x0, x1 in thirds]


def test_every_region_asks_for_one_instance_with_its_looks() -> None:
    layout = planned("two red apples above an orange")
    assert [region.prompt for region in layout.regions] == ["a red apple", "a red apple", "an orange"]
    assert [(i.entity, i.index) for i, _ in layout.placed()] == [("apple", 0), ("apple", 1), ("orange", 0)]


def test_the_whole_prompt_is_the_base() -> None:
    layout = planned("a red apple above a blue cup on sand")
    assert layout.base_prompt == "a red apple above a blue cup on sand"
    assert layout.base_ratio == 0.5


def test_a_chain_of_relations_tiles_the_canvas() -> None:
    layout = planned("a red apple above a blue cup and to the left of a green book")
    assert box(layout, "apple").y1 <= box(layout, "cup").y0
    assert box(layout, "apple").x1 <= box(layout, "book").x0
    assert sum(region.box.area for region in layout.regions) == pytest.approx(1)


@pytest.mark.parametrize(("place", "x", "y"), [("top left", 0, 0), ("centre", 1, 1), ("bottom right", 2, 2)])
def test_a_place_is_a_ninth_of_the_canvas(place: str, x: int, y: int) -> None:
    centre = box(planned(f"a cat in the {place}"), "cat").centre
    assert [int(3 * coordinate) for coordinate in centre] == [x, y]


def test_four_corners_are_four_quarters() -> None:
    layout = planned(
        "a cat at the top left, a dog at the top right, a frog at the bottom left and a key at the bottom right"
    )
    assert boxes(layout) == [(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]


def test_all_of_several_things_keep_a_relation() -> None:
    layout = planned("three red apples to the left of two cats")
    rightmost = max(box(layout, "apple", index).x1 for index in range(3))
    assert rightmost <= min(box(layout, "cat", index).x0 for index in range(2))


def test_between_is_an_order_on_one_axis() -> None:
    layout = planned("a cat between a dog and a bird")
    assert box(layout, "dog").x1 <= box(layout, "cat").x0
    assert box(layout, "cat").x1 <= box(layout, "bird").x0


def test_between_gives_way_to_what_is_stated() -> None:
    layout = planned("a cat between a dog and a bird. The dog is to the right of the bird.")
    assert box(layout, "bird").x1 <= box(layout, "cat").x0
    assert box(layout, "cat").x1 <= box(layout, "dog").x0


def test_between_two_alike_stands_in_their_middle() -> None:
    layout = planned("a cat between two chairs")
    assert box(layout, "chair", 0).x1 <= box(layout, "cat").x0 < box(layout, "chair", 1).x0


def test_things_next_to_each_other_touch() -> None:
    layout = planned("a cat, a dog, a bird, a frog, a key and a cup next to the cat")
    cat, cup = box(layout, "cat"), box(layout, "cup")
    assert cat.grown(1e-6).overlap(cup) > 0


def test_what_is_inside_lies_in_its_container() -> None:
    layout = planned("two red apples inside a blue bowl next to a cat")
    bowl = box(layout, "bowl")
    for index in range(2):
        apple = box(layout, "apple", index)
        assert bowl.x0 < apple.x0 < apple.x1 < bowl.x1
        assert bowl.y0 < apple.y0 < apple.y1 < bowl.y1
    assert bowl.overlap(box(layout, "cat")) == 0


@pytest.mark.parametrize(
    "prompt",
    [
        "a group of friends sitting around a table and playing cards",
        "two apples inside two bowls",
        "three cats on two chairs",
        "seven keys on a keychain",
        "a cat between two chairs and a dog under the cat",
        "a cup on a book next to a lamp inside a box",
    ],
)
def test_a_plan_allows_every_relation_between_several(prompt: str) -> None:
    scene = parse_prompt(prompt)
    check_layout(lay_out(scene), scene)


def test_what_is_in_front_stands_lower() -> None:
    layout = planned("a cat in front of a dog")
    assert box(layout, "dog").y1 <= box(layout, "cat").y0


def test_contradicting_relations_are_named() -> None:
    with pytest.raises(BadLayout) as error:
        planned("a cat is left of a dog. The dog is left of a bird. The bird is left of the cat.")
    assert str(error.value) == (
        "the scene contradicts itself: the cat is left of the dog; the dog is left of the bird; "
        "the bird is left of the cat"
    )


def test_places_that_contradict_a_relation_are_named() -> None:
    with pytest.raises(BadLayout, match="the cat is right of the dog") as error:
        planned("a cat in the top left to the right of a dog in the bottom right")
    assert "the cat is at the top left, the dog at the bottom right" in str(error.value)


def test_more_than_sixteen_things_are_refused_with_the_limit() -> None:
    with pytest.raises(BadLayout, match="17 things, 16 at most"):
        planned("nine apples and eight cups")


def test_a_relation_to_nothing_is_refused_by_name() -> None:
    scene = parse_prompt("a cat and a dog")
    broken = scene.model_copy(update={"relations": [Relation(subject="cat", predicate="above", objects=["moon"])]})
    with pytest.raises(BadLayout, match="'moon', which is no entity: use one of cat, dog"):
        lay_out(broken)


_ORDERED: tuple[PredicateName, ...] = ("left of", "right of", "above", "below", "on", "under")


def holds(predicate: str, subject: Box, other: Box) -> bool:
    """The relation between the centres, with a sixteenth of the canvas to spare."""
    (x, y), (u, v) = subject.centre, other.centre
    gap = {"left of": u - x, "right of": x - u, "above": v - y, "on": v - y, "below": y - v, "under": y - v}[predicate]
    return gap >= 1 / 16 - 1e-9


def scene_of(counts: list[int], relations: list[Relation], places: list[Place | None]) -> Scene:
    entities = [
        Entity(id=f"e{at}", noun=f"thing{at}", count=count, place=place, span="x")
        for at, (count, place) in enumerate(zip(counts, places, strict=True))
    ]
    return Scene(prompt="x", caption="x", entities=entities, relations=relations)


@st.composite
def consistent_scenes(draw: st.DrawFn) -> Scene:
    """Relations read off a hidden arrangement, so that they cannot contradict each other."""
    counts = draw(st.lists(st.integers(1, 3), min_size=1, max_size=6).filter(lambda each: sum(each) <= 16))
    spots = draw(st.permutations(range(len(counts)))), draw(st.permutations(range(len(counts))))
    pairs = [(a, b) for a in range(len(counts)) for b in range(len(counts)) if a != b]
    relations = []
    for a, b in draw(st.lists(st.sampled_from(pairs), max_size=8)) if pairs else []:
        predicate = draw(st.sampled_from(_ORDERED))
        line = spots[0] if predicate in ("left of", "right of") else spots[1]
        first = predicate in ("left of", "above", "on")
        subject, other = (a, b) if (line[a] < line[b]) == first else (b, a)
        relations.append(Relation(subject=f"e{subject}", predicate=predicate, objects=[f"e{other}"]))
    return scene_of(counts, relations, [None] * len(counts))


@settings(max_examples=150, deadline=None)
@given(consistent_scenes())
def test_every_instance_is_placed_and_every_relation_holds(scene: Scene) -> None:
    layout = lay_out(scene)
    placed = sorted((instance.entity, instance.index) for instance, _ in layout.placed())
    assert placed == sorted((entity.id, index) for entity in scene.entities for index in range(entity.count))
    for relation in scene.relations:
        for one in range(scene.entity(relation.subject).count):
            for two in range(scene.entity(relation.objects[0]).count):
                subject, other = box(layout, relation.subject, one), box(layout, relation.objects[0], two)
                assert holds(relation.predicate, subject, other), relation


@settings(max_examples=80, deadline=None)
@given(consistent_scenes())
def test_regions_do_not_overlap_and_the_plan_is_the_same_twice(scene: Scene) -> None:
    layout = lay_out(scene)
    for at, one in enumerate(layout.regions):
        assert all(one.box.overlap(two.box) < 1e-6 for two in layout.regions[:at])
    assert lay_out(scene) == layout


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=8).filter(lambda each: sum(each) <= 16))
def test_without_relations_the_whole_canvas_is_given_out(counts: list[int]) -> None:
    layout = lay_out(scene_of(counts, [], [None] * len(counts)))
    assert sum(region.box.area for region in layout.regions) == pytest.approx(1)


_places: list[Place | None] = [None, "top left", "top", "right", "centre", "bottom left"]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(_places), min_size=1, max_size=5, unique_by=lambda place: place or object()))
def test_places_hold_for_the_centres(places: list[Place | None]) -> None:
    layout = lay_out(scene_of([1] * len(places), [], places))
    thirds = {"left": 0, "top": 0, "right": 2, "bottom": 2}
    for at, place in enumerate(places):
        x, y = (int(3 * coordinate) for coordinate in box(layout, f"e{at}").centre)
        for word in (place or "").split():
            if word == "centre":
                assert (x, y) == (1, 1)
            else:
                assert thirds[word] == (x if word in ("left", "right") else y)
