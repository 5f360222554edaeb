import pytest

from muralist.picturebook.admission import admit, gist
from muralist.tools.errors import BadPrompt
from muralist.tools.scene import Attribute, Entity, Scene


def scene(noun: str, colour: str = "red") -> Scene:
    entity = Entity(id="it", noun=noun, attributes=[Attribute(kind="colour", value=colour)], span=noun)
    return Scene(prompt=noun, caption=noun, entities=[entity])


def test_a_known_noun_and_colour_are_admitted() -> None:
    admit(scene("apple"))


def test_an_unknown_noun_is_named_with_the_nearest_known_ones_and_the_way_to_another_backbone() -> None:
    with pytest.raises(BadPrompt, match=r"'aeroplane'.*did you mean airplane.*--backbone"):
        admit(scene("aeroplane"))


def test_a_noun_like_no_other_gets_the_whole_list() -> None:
    with pytest.raises(BadPrompt, match=r"it knows apple, banana"):
        admit(scene("xylophone"))


def test_an_unknown_colour_is_named() -> None:
    with pytest.raises(BadPrompt, match=r"no colour 'mauve'"):
        admit(scene("apple", "mauve"))


def test_the_gist_of_many_things_keeps_the_ground_and_names_no_thing() -> None:
    assert gist("a red apple to the left of a car, on Sand") == "many things on sand"
    assert gist("a red apple and a car") == "many things"
