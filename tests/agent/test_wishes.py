"""Wishes about a given picture, as scenes that it has to show in the end, and where everything goes then."""

from __future__ import annotations

import pytest

from muralist.agent.around import lay_out_around
from muralist.agent.wished import wished_scene
from muralist.tools.detection import Detection
from muralist.tools.errors import BadLayout, BadPrompt
from muralist.tools.fidelity import check_scene
from muralist.tools.geometry import place_of
from muralist.tools.layout import Box
from muralist.tools.observation import Observation
from muralist.tools.plan import check_layout
from muralist.tools.scene import Scene


def thing(look: str, x: float, y: float, form: float = 1.0, side: float = 0.2) -> Detection:
    colour, noun = look.split()
    box = Box(x0=x - side / 2, y0=y - side / 2, x1=x + side / 2, y1=y + side / 2)
    return Detection(box, 0.95, {noun: 1.0}, {colour: 0.95}, form)


OBSERVED = Observation(
    [
        thing("red turtle", 0.2, 0.2),
        thing("red turtle", 0.8, 0.2),
        thing("green cup", 0.2, 0.8),
        thing("brown dog", 0.8, 0.8),
    ],
    "grass",
)


def told(scene: Scene) -> set[str]:
    """What has to be there: `2 red turtle`, what is kept in brackets."""
    names = {each.id: f"{each.count} {each.name}" + f" {each.place}" * bool(each.place) for each in scene.entities}
    return {f"[{name}]" if entity in scene.kept else name for entity, name in names.items()}


TURTLES, CUP, DOG = "[2 red turtle]", "[1 green cup bottom left]", "[1 brown dog bottom right]"


@pytest.mark.parametrize(
    ("wish", "there", "absent"),
    [
        ("make the turtles blue", {"2 blue turtle", CUP, DOG}, []),
        ("paint a turtle blue", {"1 blue turtle", "[1 red turtle]", CUP, DOG}, []),
        ("turn the cup into a red one", {TURTLES, "1 red cup bottom left", DOG}, []),
        ("change the colour of the dog to white", {TURTLES, CUP, "1 white dog bottom right"}, []),
        ("remove the cup", {TURTLES, DOG}, ["cup"]),
        ("take the cup away", {TURTLES, DOG}, ["cup"]),
        ("Please delete the dog and the red turtles.", {CUP}, ["dog", "red turtle"]),
        ("remove a turtle", {"1 red turtle", CUP, DOG}, []),
        ("no cup", {TURTLES, DOG}, ["cup"]),
        ("a horse and no cat", {TURTLES, CUP, DOG, "1 horse"}, ["cat"]),
        ("paint the dog light blue", {TURTLES, CUP, "1 light blue dog bottom right"}, []),
        ("make the cup wooden", {TURTLES, "1 green wooden cup bottom left", DOG}, []),
        ("make the cup red and move it to the top", {TURTLES, "1 red cup top", DOG}, []),
        ("make everything blue", {"2 blue turtle", "1 blue cup bottom left", "1 blue dog bottom right"}, []),
        ("move the cup to the top", {TURTLES, "1 green cup top", DOG}, []),
        ("move the dog up", {TURTLES, CUP, "1 brown dog top"}, []),
        ("move everything to the top", {"2 red turtle top", "1 green cup top", "1 brown dog top"}, []),
        ("put the dog in the middle", {TURTLES, CUP, "1 brown dog centre"}, []),
        ("two more apples", {TURTLES, CUP, DOG, "2 apple"}, []),
        ("another cup", {TURTLES, "2 green cup", DOG}, []),
        ("add a red car", {TURTLES, CUP, DOG, "1 red car"}, []),
        ("replace the dog by a cat", {TURTLES, CUP, "1 cat bottom right"}, ["dog"]),
        ("turn the turtles into frogs", {"2 frog", CUP, DOG}, ["turtle"]),
        ("a cat instead of the dog", {TURTLES, CUP, "1 cat bottom right"}, ["dog"]),
        ("a dog", {TURTLES, CUP, "1 brown dog bottom right"}, []),
        ("a white dog", {TURTLES, CUP, "1 white dog bottom right"}, []),
        ("a horse on grass", {TURTLES, CUP, DOG, "1 horse"}, []),
        ("make the cup red, remove the dog and add a bird", {TURTLES, "1 red cup bottom left", "1 bird"}, ["dog"]),
    ],
)
def test_what_a_wish_does_not_name_is_kept(wish: str, there: set[str], absent: list[str]) -> None:
    scene = wished_scene(wish, OBSERVED)
    assert (told(scene), scene.absent, scene.background) == (there, absent, "grass")
    check_scene(scene, wish, given=True)
    check_layout(lay_out_around(scene, OBSERVED), scene)


def test_relations_are_to_what_is_there() -> None:
    scene = wished_scene("move the dog to the left of the cup", OBSERVED)
    (relation,) = scene.relations
    assert (relation.subject, relation.predicate, relation.objects) == ("dog", "left of", ["cup"])
    assert scene.kept == ["turtle", "cup"]
    beside = wished_scene("add a red turtle to the left of a red turtle", OBSERVED)
    assert [each.id for each in beside.entities if each.id not in beside.kept] == ["turtle_2", "turtle_3"]


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("make the unicorn blue", "there is no unicorn on the picture: it shows 2 × red turtle, a green cup"),
        ("remove the blue cup", "there is no blue cup on the picture"),
        ("remove the turtle", "it cannot be told which turtle is meant"),
        ("remove three turtles", "there are not 3 × turtle on the picture"),
        ("make the dog bigger", "cannot be read as a change: wishes are such as"),
        ("move the dog", "cannot be read as a change"),
        ("remove", "cannot be read as a change"),
        ("turn the grass into sand", "the ground stays as it is"),
        ("a dog on sand", "leave out 'sand'"),
    ],
)
def test_a_wish_that_cannot_be_done_says_what_can(wish: str, message: str) -> None:
    with pytest.raises(BadPrompt, match=message):
        wished_scene(wish, OBSERVED)


def test_what_nobody_could_vouch_for_stays_without_a_question_unless_it_is_named() -> None:
    observation = Observation([thing("green cup", 0.2, 0.5), thing("blue bird", 0.8, 0.5, form=0.2)])
    scene = wished_scene("make the cup red", observation)
    assert (told(scene), scene.partial) == ({"1 red cup left"}, True)
    assert told(wished_scene("replace the bird by a cat", observation)) == {"[1 green cup left]", "1 cat right"}


def test_a_part_of_a_thing_is_no_second_one() -> None:
    observation = Observation([thing("red car", 0.5, 0.5, side=0.4), thing("red car", 0.5, 0.4, side=0.2)])
    assert str(observation) == "a red car"


def test_things_stay_where_they_stand_and_new_ones_stand_clear_of_them() -> None:
    layout = lay_out_around(wished_scene("replace the dog by a cat, then add a red car", OBSERVED), OBSERVED)
    car, cat = layout.region_of("car").box, layout.region_of("cat").box
    assert cat.iou(OBSERVED.things[3].box) > 0.5
    assert all(car.overlap(thing.box) == 0 for thing in OBSERVED.things)
    assert all(layout.region_of("turtle", at).box.overlap(OBSERVED.things[at].box) == 1 for at in range(2))


def test_where_something_has_to_go_nothing_is_to_be_painted() -> None:
    layout = lay_out_around(wished_scene("remove the cup", OBSERVED), OBSERVED)
    (cleared,) = [region for region in layout.regions if not region.instances]
    assert (cleared.prompt, cleared.box.overlap(OBSERVED.things[2].box)) == ("nothing on grass", 1)


def test_what_moves_goes_to_a_place_where_it_surely_stands() -> None:
    layout = lay_out_around(wished_scene("move the dog to the top", OBSERVED), OBSERVED)
    assert "top" in place_of(layout.region_of("dog").box)


def test_a_full_picture_has_no_room() -> None:
    full = Observation([thing("red cup", 0.5, 0.5, side=0.98)])
    with pytest.raises(BadLayout, match="there is no room for a dog on the picture"):
        lay_out_around(wished_scene("add a dog", full), full)
