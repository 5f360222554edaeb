"""What a scene may make of its prompt: nothing lost, nothing added."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.tools.detection import Detection
from muralist.tools.errors import BadScene
from muralist.tools.fidelity import check_kept, check_scene, lost_words
from muralist.tools.layout import Box
from muralist.tools.observation import Observation
from muralist.tools.scene import Attribute, Entity, Relation, Scene
from muralist.tools.words import stem


def thing(span: str, noun: str, name: str = "", **fields: Any) -> Entity:
    return Entity(id=name or "thing", noun=noun, span=span, **fields)


def checked(prompt: str, *entities: Entity, **fields: Any) -> None:
    check_scene(Scene(**{"prompt": prompt, "caption": prompt, "entities": list(entities), **fields}), prompt)


CAT, HAT = thing("a cat", "cat", "cat"), thing("a hat", "hat", "hat")
RED_CAT = thing("a red cat", "cat", "cat")


@pytest.mark.parametrize(
    ("prompt", "entities"),
    [
        ("two cats, one black and one white", [thing("two cats", "cat")] * 2),
        (
            "two cats, one black and one white",
            [thing("two cats, one black", "cat"), thing("two cats, one black and one white", "cat")],
        ),
        ("a cat and a cat", [CAT] * 2),
        ("three people", [thing("three people", "person", count=3)]),
        ("women on grass", [thing("women", "woman", count=2)]),
        ("a Grey T-shirt", [thing("a Grey T-shirt", "t-shirt")]),
        ("a slice of cake", [thing("a slice of cake", "slice of cake")]),
        ("红苹果和蓝杯子", [thing("红苹果", "苹果"), thing("蓝杯子", "杯子")]),
        ("an 🍎 and a cup", [thing("🍎", "apple"), thing("a cup", "cup")]),
    ],
)  # fmt: skip
def test_a_scene_that_quotes_its_prompt_passes(prompt: str, entities: list[Entity]) -> None:
    named = [entity.model_copy(update={"id": f"e{number}"}) for number, entity in enumerate(entities)]
    checked(prompt, *named, unparsed=lost_words(Scene(prompt=prompt, caption=prompt, entities=named)))


@pytest.mark.parametrize(
    ("prompt", "entities", "message"),
    [
        ("a red cat", [RED_CAT, thing("red", "dragon", "dragon")], "'dragon' is a dragon, but its span 'red'"),
        ("a red cat", [thing("a red cat", "cat dragon")], "does not say 'dragon': use the noun that the prompt uses"),
        ("a caterpillar", [thing("a cat", "cat")], "its span 'a cat' has to quote whole words"),
        ("a red cat", [RED_CAT, thing("red cat", "cat", "twin")], "entities 'cat' and 'twin' are too many"),
        ("a red cat", [RED_CAT, thing("a red cat", "cat", "twin")], "the prompt says 'cat' once"),
        ("a cat in a hat", [CAT], "the scene loses 'hat': put each into the span"),
        ("a cat chasing a hat", [CAT, HAT], "the scene loses 'chasing'"),
        ("a cat left of a hat", [CAT, HAT], "the scene loses 'left'"),
        ("a cat in the top left corner", [CAT], "the scene loses 'top', 'left'"),
        ("three cats without a hat", [thing("cats", "cat"), HAT], "the scene loses 'three', 'without'"),
        ("beauty and joy", [], "the scene loses 'beauty', 'joy': .* or else into 'unparsed' and the caption"),
    ],
)  # fmt: skip
def test_a_scene_that_adds_or_loses_something_is_refused_by_name(
    prompt: str, entities: list[Entity], message: str
) -> None:
    with pytest.raises(BadScene, match=message) as caught:
        checked(prompt, *entities)
    assert "\n" not in str(caught.value)


def test_words_may_be_kept_in_every_part_of_a_scene() -> None:
    prompt = "an oil painting of two wooden cats left of a hat at the top, on a sandy beach, oddly serene"
    checked(
        prompt,
        thing("cats", "cat", "cat", attributes=[Attribute(kind="material", value="wooden")], count=2),
        HAT.model_copy(update={"place": "top"}),
        relations=[Relation(subject="cat", predicate="left of", objects=["hat"])],
        background="sandy beach", style="oil painting", unparsed=["oddly", "serene"],
    )  # fmt: skip


def test_what_is_not_understood_has_to_be_painted_through_the_caption() -> None:
    with pytest.raises(BadScene, match="the caption loses 'serene' of 'unparsed'"):
        checked("a serene cat", CAT.model_copy(update={"span": "cat"}), caption="a cat", unparsed=["serene"])


@given(st.text(max_size=40))
def test_the_lost_words_are_just_those_that_have_to_be_added(text: str) -> None:
    scene = Scene(prompt=f"cup {text}", caption=f"cup {text}", entities=[thing("cup", "cup")])
    lost = lost_words(scene)
    assert all(re.search(re.escape(word), scene.prompt.casefold()) for word in lost)
    assert lost_words(scene.model_copy(update={"unparsed": lost})) == []
    for first in lost[:1]:
        others = [word for word in lost if stem(word) != stem(first)]
        assert first in lost_words(scene.model_copy(update={"unparsed": others}))


def test_only_a_given_picture_has_things_that_the_prompt_does_not_name() -> None:
    cup, book = Entity(id="cup", noun="cup", span="the cup"), Entity(id="book", noun="book", span="book")
    wish = "make the cup red"
    scene = Scene(
        prompt=wish,
        caption=wish,
        entities=[cup.model_copy(update={"attributes": [Attribute(kind="colour", value="red")]}), book],
        kept=["book"],
    )
    check_scene(scene, wish, given=True)
    with pytest.raises(BadScene, match="only what is on a given picture can be kept"):
        check_scene(scene, wish)
    with pytest.raises(BadScene, match="'dog' is to be kept, but is no entity"):
        check_scene(scene.model_copy(update={"kept": ["dog"]}), wish, given=True)


def test_a_scene_loses_nothing_of_a_given_picture() -> None:
    wish = "a cup"
    scene = Scene(prompt=wish, caption=wish, entities=[Entity(id="cup", noun="cup", span="a cup")])
    box = Box(x0=0, y0=0, x1=0.5, y1=0.5)
    observation = Observation([Detection(box, 0.9, {"dog": 1.0}, {"brown": 0.9})], "sand")
    with pytest.raises(BadScene, match="the picture shows a brown dog on sand, but the scene loses the brown dog"):
        check_kept(scene, observation)
    check_kept(scene.model_copy(update={"absent": ["dog"]}), observation)
