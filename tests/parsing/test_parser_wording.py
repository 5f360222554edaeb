"""How people talk to a painter: greetings and wishes, second thoughts, looks told later, lists, corners, grounds."""

import pytest

from muralist.parsing import parse_prompt
from muralist.tools.fidelity import check_scene
from muralist.tools.scene import Scene


def read(prompt: str) -> Scene:
    scene = parse_prompt(prompt)
    check_scene(scene, prompt)
    return scene


def things(scene: Scene) -> list[str]:
    return sorted(f"{each.count} {each.name}" + (f" @ {each.place}" if each.place else "") for each in scene.entities)


def relations(scene: Scene) -> list[str]:
    return [f"{each.subject} {each.predicate} {' '.join(each.objects)}" for each in scene.relations]


@pytest.mark.parametrize(
    "prompt",
    [
        "Good evening! Would it be possible to get two red kites?",
        "hiya, we were hoping you might whip up two red kites for us",
        "gimme two red kites pls",
        "Our niece wants two red kites.",
        "Here's my idea: two red kites",
        "The picture should show two red kites.",
        "if it's no trouble, chalk us two red kites. Cheers!",
        "two red kites would be lovely",
        "Right, don't forget the two red kites",
    ],
)
def test_words_to_the_painter_are_no_things(prompt: str) -> None:
    assert things(read(prompt)) == ["2 red kite"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Our nephew is mad about owls. Could you paint him a grey one?", ["1 gray owl"]),
        ("I like penguins, draw three", ["3 penguin"]),
        ("I like penguins. Draw me a seal.", ["1 seal"]),
        ("I like penguins.", ["2 penguin"]),
        ("My parrot is green. Paint it on snow.", ["1 green parrot"]),
    ],
)
def test_what_an_asker_likes_is_drawn_only_if_that_is_asked_for(prompt: str, expected: list[str]) -> None:
    assert things(read(prompt)) == expected


def test_a_remark_that_makes_no_thing_is_told_as_not_understood() -> None:
    assert {"niece", "adores", "seals"} <= set(read("My niece adores seals. Draw a yellow tent.").unparsed)


@pytest.mark.parametrize(
    ("prompt", "absent"),
    [
        ("a tent, but leave the ropes out", ["rope"]),
        ("a tent on anything but snow", ["snow"]),
        ("a tent. We never want to see any ropes in the picture.", ["rope"]),
        ("a tent free of ropes", ["rope"]),
        ("a blue tent, and not a white one", ["white tent"]),
        ("a tent; ropes are not wanted", ["rope"]),
        ("replace the rope with a tent", ["rope"]),
    ],
)
def test_what_is_left_out_is_absent_however_it_is_said(prompt: str, absent: list[str]) -> None:
    scene = read(prompt)
    assert [each.noun for each in scene.entities] == ["tent"]
    assert scene.absent == absent


def test_nobody_who_does_something_is_asked_for() -> None:
    assert read("a camel with nobody leading it").claims == ["Is nobody leading the camel?"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a green tent, oops, a blue tent", ["1 blue tent"]),
        ("a tent. Wait, I meant a hut.", ["1 hut"]),
        ("four tents, no, make that five", ["5 tent"]),
        ("a green tent (sorry, blue)", ["1 blue tent"]),
        ("a tent on the right, no wait, on the left", ["1 tent @ left"]),
        ("a tent, rather a hut", ["1 hut"]),
    ],
)
def test_a_second_thought_takes_the_place_of_the_first(prompt: str, expected: list[str]) -> None:
    assert things(read(prompt)) == expected


def test_a_second_thought_changes_the_ground_and_the_relation() -> None:
    scene = read("a tent on sand, I mean on snow")
    assert (scene.background, scene.claims) == ("snow", ["Is the ground not sand?"])
    assert relations(read("a tent above a hut, sorry, below the hut")) == ["tent below hut"]


def test_a_second_thought_on_either_of_two_things_is_left_open() -> None:
    scene = read("A tent next to a hut. No wait, a barn.")
    assert things(scene) == ["1 hut", "1 tent"]
    assert "barn" in scene.unparsed


def test_what_was_taken_back_is_not_painted() -> None:
    assert read("a green tent, no wait, a blue tent").caption == "a blue tent"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("tent & hut & barn, all white", ["1 white barn", "1 white hut", "1 white tent"]),
        ("Everything should be white: a tent, a hut", ["1 white hut", "1 white tent"]),
        ("draw a tent and make it orange", ["1 orange tent"]),
        ("Two huts. One is white, the other is grey.", ["1 gray hut", "1 white hut"]),
        ("six huts, four white, two orange", ["2 orange hut", "4 white hut"]),
        ("six huts, half of them white", ["3 hut", "3 white hut"]),
        ("a tent and a hut, the latter striped", ["1 striped hut", "1 tent"]),
        ("the tent is white and so is the hut", ["1 white hut", "1 white tent"]),
        ("a white tent and a hut of the same colour", ["1 white hut", "1 white tent"]),
        ("a white one and a grey one, both huts", ["1 gray hut", "1 white hut"]),
        ("a tent and a hut, white and grey respectively", ["1 gray hut", "1 white tent"]),
        ("a hut, a white one", ["1 white hut"]),
        ("one white hut, two grey", ["1 white hut", "2 gray hut"]),
        ("two huts and then three more huts", ["5 hut"]),
    ],
)
def test_looks_are_told_by_other_words_than_the_noun(prompt: str, expected: list[str]) -> None:
    assert things(read(prompt)) == expected


def test_two_colours_of_two_things_are_left_open() -> None:
    scene = read("a tent and a hut, white and grey")
    assert (things(scene), scene.unparsed) == (["1 hut", "1 tent"], ["white", "grey"])


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a) tent b) hut c) barn", ["1 barn", "1 hut", "1 tent"]),
        ("items: tent (white), hut (grey); background: snow", ["1 gray hut", "1 white tent"]),
        ("small tent large hut", ["1 large hut", "1 small tent"]),
        ("tent x3, 2x hut", ["2 hut", "3 tent"]),
        ("a tent as well as a hut", ["1 hut", "1 tent"]),
        ("the oldest tent, the biggest hut", ["1 hut", "1 tent"]),
    ],
)
def test_lists_are_read_without_sentences(prompt: str, expected: list[str]) -> None:
    assert things(read(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("tent bottom right", ["1 tent @ bottom right"]),
        ("a tent right in the centre", ["1 tent @ centre"]),
        ("the tent belongs in the upper half", ["1 tent @ top"]),
        ("two tents along the bottom", ["2 tent @ bottom"]),
        ("top left tent, bottom right hut", ["1 hut @ bottom right", "1 tent @ top left"]),
        ("tent (middle)", ["1 tent @ centre"]),
        (
            "a tent in every corner",
            ["1 tent @ bottom left", "1 tent @ bottom right", "1 tent @ top left", "1 tent @ top right"],
        ),
    ],
)
def test_places_are_read_without_a_sentence(prompt: str, expected: list[str]) -> None:
    assert things(read(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "ground"),
    [
        ("tent, stone floor", "stone"),
        ("a snowy ground with a tent on it", "snowy"),
        ("A gull crosses the sky", "sky"),
        ("The sky is full of gulls", "sky"),
        ("a tent. The background should be sand.", "sand"),
        ("use sand for the background and put a tent on it", "sand"),
        ("sand as the background, with a tent and a hut on it", "sand"),
        ("The ground is covered with snow. A tent.", "snow"),
        ("There is grass. On it stands a tent.", "grass"),
    ],
)
def test_a_ground_is_no_thing_however_it_is_told(prompt: str, ground: str) -> None:
    scene = read(prompt)
    assert (scene.background, scene.relations) == (ground, [])
    assert {each.noun for each in scene.entities} <= {"tent", "hut", "gull"}


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("line art of a tent", "line art"),
        ("I'd like a charcoal drawing: a tent", "charcoal drawing"),
        ("a tent as if Turner had painted it", "painted by turner"),
        ("a tent, drawn by Turner", "drawn by turner"),
        ("manga style tent", "manga style"),
        ("pixel art tent", "pixel art"),
        ("a tent in crayon", "crayon"),
        ("Style: watercolor. A tent.", "watercolor"),
    ],
)
def test_a_style_is_read_wherever_it_stands(prompt: str, style: str) -> None:
    scene = read(prompt)
    assert (things(scene), scene.style) == (["1 tent"], style)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("centre: tent, left of it: hut", ["hut left of tent"]),
        ("on snow: a tent, and right behind the tent a hut", ["hut behind tent"]),
        ("I see a tent, and above the tent I see a gull", ["gull above tent"]),
        ("a tent and a hut with a barn in between", ["barn between tent hut"]),
        ("Start with a tent. Then add a hut to its right.", ["hut right of tent"]),
        ("make the cat sit on a drum", ["cat on drum"]),
        ("a hut and, behind it, another", ["hut_2 behind hut"]),
        ("Behind the barn stand two huts.", ["hut behind barn"]),
        ("a tent and a hut. The former is left of the latter.", ["tent left of hut"]),
    ],
)
def test_relations_hold_across_sentences(prompt: str, expected: list[str]) -> None:
    assert relations(read(prompt)) == expected


def test_the_time_of_year_is_asked_for() -> None:
    assert read("It's autumn. A tent.").claims == ["Is it autumn?"]
