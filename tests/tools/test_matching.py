"""Matching a hand-written layout with the scene by its words."""

from __future__ import annotations

import pytest

from muralist.tools.errors import BadLayout
from muralist.tools.layout import Instance, Layout, Region
from muralist.tools.matching import with_instances
from muralist.tools.scene import Attribute, Entity, Scene


def entity(noun: str, colour: str | None = None, count: int = 1) -> Entity:
    name = f"{colour}_{noun}".replace(" ", "_") if colour else noun.replace(" ", "_")
    attributes = [Attribute(kind="colour", value=colour)] if colour else []
    return Entity(id=name, noun=noun, attributes=attributes, count=count, span=noun)


def scene(*entities: Entity) -> Scene:
    return Scene(prompt="anything", caption="anything", entities=list(entities))


def layout(*prompts: str, stated: dict[int, list[Instance]] | None = None) -> Layout:
    width = 1 / len(prompts)
    return Layout(
        regions=[
            Region(prompt, number * width, 0, (number + 1) * width, 1, instances=(stated or {}).get(number, []))
            for number, prompt in enumerate(prompts)
        ],
        base_prompt="anything",
    )


def held(matched: Layout) -> list[list[str]]:
    return [[f"{each.entity}.{each.index}" for each in region.instances] for region in matched.regions]


def test_regions_go_to_the_entities_with_the_most_words_in_common() -> None:
    both = scene(entity("apple", "red"), entity("apple", "green"))
    assert held(with_instances(layout("a green apple", "a red apple"), both)) == [["green_apple.0"], ["red_apple.0"]]
    assert held(with_instances(layout("an apple", "a red apple"), both)) == [["green_apple.0"], ["red_apple.0"]]


def test_each_of_several_alike_gets_a_region_of_its_own_where_there_are_enough() -> None:
    three = scene(entity("apple", "red", 3))
    regions = layout("a red apple", "a red apple", "a table", "a red apple")
    assert held(with_instances(regions, three)) == [["red_apple.0"], ["red_apple.1"], [], ["red_apple.2"]]


def test_several_alike_share_a_region_that_is_the_only_one_to_name_them() -> None:
    three = scene(entity("apple", "red", 3), entity("cup"))
    matched = held(with_instances(layout("three red apples", "a cup"), three))
    assert matched == [["red_apple.0", "red_apple.1", "red_apple.2"], ["cup.0"]]


@pytest.mark.parametrize(
    ("noun", "prompt"),
    [("berry", "some berries"), ("box", "two boxes"), ("shoe", "a pair of shoes"), ("leaf", "yellow leaves"),
     ("glass", "glasses"), ("bus", "buses"), ("hot air balloon", "a balloon of hot air")],
)  # fmt: skip
def test_plurals_and_word_order_do_not_matter(noun: str, prompt: str) -> None:
    only = entity(noun)
    assert held(with_instances(layout(prompt), scene(only))) == [[f"{only.id}.0"]]


def test_what_the_layout_states_is_kept_and_only_the_rest_is_matched() -> None:
    stated = {0: [Instance(entity="cup")]}
    matched = with_instances(layout("a dog", "a cup and a dog", stated=stated), scene(entity("cup"), entity("dog")))
    assert held(matched) == [["cup.0"], ["dog.0"]]


def test_an_entity_that_no_region_names_is_told() -> None:
    with pytest.raises(BadLayout, match=r"no region of the layout shows blue_cup \(blue cup\): name the cup in"):
        with_instances(layout("a red apple"), scene(entity("apple", "red"), entity("cup", "blue")))
