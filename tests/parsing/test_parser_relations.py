"""How the offline grammar reads places, relations, and who they speak of."""

import pytest

from muralist.parsing import parse_prompt
from muralist.tools.errors import BadPrompt
from muralist.tools.scene import Scene


def things(scene: Scene) -> list[str]:
    return [f"{entity.count} {entity.name}" for entity in scene.entities]


def relations(scene: Scene) -> list[str]:
    return [
        " ".join([scene.entity(each.subject).noun, each.predicate, *(scene.entity(o).noun for o in each.objects)])
        for each in scene.relations
    ]


def places(scene: Scene) -> dict[str, str | None]:
    return {entity.noun: entity.place for entity in scene.entities}


def test_a_chain_with_and_keeps_speaking_of_the_first_thing() -> None:
    scene = parse_prompt("a red apple above a blue cup and to the left of a green book")
    assert things(scene) == ["1 red apple", "1 blue cup", "1 green book"]
    assert relations(scene) == ["apple above cup", "apple left of book"]
    assert scene.unparsed == []


def test_a_chain_without_and_speaks_of_the_nearest_thing() -> None:
    scene = parse_prompt("a red apple above a blue cup to the left of a green book")
    assert relations(scene) == ["apple above cup", "cup left of book"]


def test_a_new_thing_behind_and_has_relations_of_its_own() -> None:
    scene = parse_prompt("a red apple to the left of a blue cup and a green book below a yellow cat")
    assert relations(scene) == ["apple left of cup", "book below cat"]


def test_a_relation_may_end_in_two_things() -> None:
    assert relations(parse_prompt("a cat above a dog and a bird")) == ["cat above dog", "cat above bird"]


@pytest.mark.parametrize(
    ("phrase", "predicate"),
    [
        ("left of", "left of"),
        ("to the left of", "left of"),
        ("on the left side of", "left of"),
        ("on the right of", "right of"),
        ("to the right of", "right of"),
        ("above", "above"),
        ("over", "above"),
        ("below", "below"),
        ("on the bottom of", "below"),
        ("under", "under"),
        ("underneath", "under"),
        ("on top of", "on"),
        ("on", "on"),
        ("next to", "next to"),
        ("near", "next to"),
        ("beside", "next to"),
        ("on side of", "next to"),
        ("in front of", "in front of"),
        ("behind", "behind"),
        ("hidden by", "behind"),
        ("inside", "inside"),
        ("in", "inside"),
    ],
)
def test_each_relation_has_one_normal_form(phrase: str, predicate: str) -> None:
    for prompt in (f"a frog {phrase} a vase", f"The frog was {phrase} the vase.", f"a frog sitting {phrase} a vase"):
        assert relations(parse_prompt(prompt)) == [f"frog {predicate} vase"], prompt


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("The sun shone down on the sea wall.", ["sun above sea wall"]),
        ("The cat sat down on the sea wall.", ["cat on sea wall"]),
        ("a bell hung from a hook", ["bell below hook"]),
        ("a key on the edge of a shelf", ["key on shelf"]),
        ("a window on the wall above a couch", ["window on wall", "window above couch"]),
        ("a boy in a shirt holds a kite in his hand", []),
        ("a boy climbs a ladder to reach an apple next to a nest", ["apple next to nest"]),
        ("a peacock struts past a well", ["peacock next to well"]),
    ],
)
def test_verbs_and_parts_change_what_a_preposition_says(prompt: str, expected: list[str]) -> None:
    assert relations(parse_prompt(prompt)) == expected


def test_between_takes_two_things_or_one_that_is_several() -> None:
    assert relations(parse_prompt("a cat between a dog and a bird")) == ["cat between dog bird"]
    scene = parse_prompt("a cat between two chairs")
    assert relations(scene) == ["cat between chair chair"]
    assert things(scene) == ["1 cat", "2 chair"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a table made of dark oak", "1 dark oak table"),
        ("The mug and the jug are made out of wood and tin.", "1 wood and tin mug"),
        ("a cushion shaped like a star", "1 star-shaped cushion"),
        ("an apple that is not red", "1 apple"),
    ],
)
def test_what_is_said_behind_the_noun_belongs_to_it(prompt: str, expected: str) -> None:
    assert things(parse_prompt(prompt))[0] == expected


def test_verbs_that_only_lead_to_a_place_are_kept_as_not_understood() -> None:
    assert parse_prompt("a duck floated on a pond").unparsed == ["floated"]


@pytest.mark.parametrize(
    ("prompt", "claims"),
    [
        ("the cat is grey and purring", ["Is the cat purring?"]),
        ("a cat chasing a dog", ["Is the cat chasing the dog?"]),
        ("two cats looking at a bird", ["Is every cat looking at the bird?"]),
        ("a happy dog and a sad dog", ["Is there a happy dog?", "Is there a sad dog?"]),
        ("a lonely chair at sunset", ["Is it at sunset?", "Is the chair lonely?"]),
        ("a horse in the heavy rain", ["Is it in the heavy rain?"]),
        ("a cat not next to a dog", ["Is the cat not next to the dog?"]),
        ("a woman walking down the street", ["Is the woman walking down the street?"]),
        ("a red cup, not blue", ["Is the cup not blue?"]),
        ("an apple that isn't red", ["Is it true that the apple isn't red?"]),
        ("a car, neither red nor blue", ["Is it true that the car is neither red nor blue?"]),
        ("a cat that does not look at a dog", ["Is it true that the cat does not look at the dog?"]),
        ("a cup. Don't put the cat on the table", ["Is there no cat on the table?"]),
        ("two dogs, one above the other", ["Is one dog above the other?"]),
        ("two dogs side by side", ["Are they side by side?"]),
    ],
)
def test_what_is_no_look_and_no_relation_becomes_a_question(prompt: str, claims: list[str]) -> None:
    scene = parse_prompt(prompt)
    assert scene.claims == claims
    assert scene.unparsed == []


def test_what_is_being_done_is_no_thing() -> None:
    scene = parse_prompt("an artist absorbed in creating something beautiful")
    assert scene.unparsed == ["absorbed", "something", "beautiful"]
    assert scene.claims == ["Is the artist creating?"]
    assert [entity.noun for entity in scene.entities] == ["artist"]
    assert scene.relations == []


@pytest.mark.parametrize(
    ("phrase", "place"),
    [
        ("in the top left", "top left"), ("in the top left corner", "top left"), ("at the bottom", "bottom"),
        ("in the centre", "centre"), ("in the middle of the picture", "centre"), ("on the right", "right"),
        ("in the lower right-hand corner", "bottom right"), ("at the top of the image", "top"),
        ("on the left side", "left"), ("in the upper-right corner of the canvas", "top right"),
    ],
)  # fmt: skip
def test_places_on_the_canvas_are_told_from_relations(phrase: str, place: str) -> None:
    assert places(parse_prompt(f"a red cat {phrase} and a dog")) == {"cat": place, "dog": None}
    assert places(parse_prompt(f"A dog. {phrase.capitalize()}, a red cat.")) == {"cat": place, "dog": None}


def test_each_place_goes_with_its_own_thing() -> None:
    assert places(parse_prompt("on the left, a cat, and on the right a dog")) == {"cat": "left", "dog": "right"}
    assert places(parse_prompt("a cat on the left and a dog on the right")) == {"cat": "left", "dog": "right"}


@pytest.mark.parametrize(
    ("prompt", "background"),
    [
        ("a cat and a dog on sand", "sand"),
        ("a cat and a dog on the grass", "grass"),
        ("a cat above a dog on a sandy beach background", "sandy beach"),
        ("a cat in a dark forest", "dark forest"),
        ("a cat and a dog in the snow", "snow"),
        ("a cat with a blue sky background", "blue sky"),
        ("a snow background with a cat", "snow"),
        ("a cat and a dog with mountains in the background", "mountain"),
    ],
)
def test_what_is_all_around_is_the_background(prompt: str, background: str) -> None:
    scene = parse_prompt(prompt)
    assert scene.background == background
    assert scene.entities[0].noun == "cat"
    assert scene.unparsed == []


def test_ground_that_is_described_is_a_thing() -> None:
    scene = parse_prompt("The brown dog was lying on the green grass.")
    assert things(scene) == ["1 brown dog", "1 green grass"]
    assert relations(scene) == ["dog on grass"]


def test_the_same_noun_with_the_speaks_of_the_same_thing() -> None:
    scene = parse_prompt("A red apple is above a blue cup. The cup is left of a green cup. The apple is big.")
    assert things(scene) == ["1 red big apple", "1 blue cup", "1 green cup"]
    assert [(r.subject, r.objects) for r in scene.relations] == [("apple", ["cup"]), ("cup", ["cup_2"])]


def test_the_same_noun_with_a_is_another_thing() -> None:
    scene = parse_prompt("a candle hidden by a candle")
    assert [entity.id for entity in scene.entities] == ["candle", "candle_2"]


def test_pronouns_speak_of_what_was_mentioned() -> None:
    assert relations(parse_prompt("a red cube with a green cone above it")) == ["cone above cube"]
    assert relations(parse_prompt("the cat is in the middle, a dog sits to its left")) == ["dog left of cat"]


def test_a_phrase_turned_around_means_the_same() -> None:
    assert relations(parse_prompt("Above the blue cup is a red apple.")) == ["apple above cup"]
    assert relations(parse_prompt("Next to a tree, a dog sleeps.")) == ["dog next to tree"]


def test_verbs_are_not_swallowed_by_nouns() -> None:
    assert things(parse_prompt("five giraffes roamed")) == ["5 giraffe"]
    assert things(parse_prompt("A woman holds an umbrella")) == ["1 woman", "1 umbrella"]
    assert things(parse_prompt("six dogs happily wagged")) == ["6 dog"]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("The woman with long black hair holds a small white dog.", ["1 woman", "1 small white dog"]),
        ("The old woman with grey hair rocks the small cradle.", ["1 old woman", "1 small cradle"]),
        ("The man with the umbrella walks past the red house.", ["1 man", "1 umbrella", "1 red house"]),
        ("The woman with curly hair walks past the blue car.", ["1 woman", "1 blue car"]),
        ("The man with the gloves strolls past the fence.", ["1 man", "2 glove", "1 fence"]),
        ("The man in the red hat walks past a shop.", ["1 man", "1 red hat", "1 shop"]),
        ("The clown with the big nose juggles three balls.", ["1 clown", "3 ball"]),
        ("The boy with the cap throws red balls.", ["1 boy", "1 cap", "2 red ball"]),
        ("The girl with the basket picks apples.", ["1 girl", "1 basket", "2 apple"]),
        ("The dog with the leash barks.", ["1 dog", "1 leash"]),
        ("The shop with the three traffic lights above the door is red.", ["1 red shop", "3 traffic light", "1 door"]),
        ("a street with traffic lights above a car", ["1 street", "2 traffic light", "1 car"]),
        ("the dog sleeps under the street lights near a shop", ["1 dog", "2 street light", "1 shop"]),
    ],
)
def test_the_verb_behind_a_phrase_that_only_adds_to_the_subject_is_no_thing(prompt: str, expected: list[str]) -> None:
    assert things(parse_prompt(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("The man in the red hat stands next to a green car.", ["man next to car"]),
        ("a man in the red hat next to a green car", ["man next to car"]),
        ("a lady in the black gloves beside a horse", ["lady next to horse"]),
        ("a boy in a blue helmet", []),
        ("a kitten in a boot", ["kitten inside boot"]),
    ],
)
def test_what_one_wears_is_not_around_one(prompt: str, expected: list[str]) -> None:
    assert relations(parse_prompt(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red apple and, below it, a yellow banana", ["banana below apple"]),
        ("a cup; above it a clock", ["clock above cup"]),
        ("a boat. Below it, a frog. Above it, a bird.", ["frog below boat", "bird above boat"]),
        ("a chair with a cup underneath", ["cup under chair"]),
        ("a dog, an elephant to its left and a bird above it", ["elephant left of dog", "bird above dog"]),
        ("a bowl with apples, pears and plums in it", ["apple inside bowl", "pear inside bowl", "plum inside bowl"]),
        ("a cat to the left and a dog to the right of a horse", ["cat left of horse", "dog right of horse"]),
        ("a horse, with a cat on the left and a dog on the right", ["cat left of horse", "dog right of horse"]),
        ("a vase. To the left, a lamp.", ["lamp left of vase"]),
        ("a vase. To the right of it stands a lamp.", ["lamp right of vase"]),
        ("from left to right: a cat, a dog and a horse", ["cat left of dog", "dog left of horse"]),
        ("a bird, a boat and a frog from top to bottom", ["bird above boat", "boat above frog"]),
        ("below the clock a cup and a vase", ["cup below clock", "vase below clock"]),
        ("a cat on a table and a dog under it", ["cat on table", "dog under table"]),
        ("a cat and a dog side by side", ["cat next to dog"]),
    ],
)
def test_a_position_without_an_object_is_relative_to_what_was_spoken_of(prompt: str, expected: list[str]) -> None:
    scene = parse_prompt(prompt)
    assert sorted(relations(scene)) == sorted(expected)
    assert scene.unparsed == []
    assert set(places(scene).values()) == {None}


def test_a_position_that_leads_nowhere_is_not_understood() -> None:
    for prompt, words in (("a cat above", ["above"]), ("a cat. In the top left corner.", ["top", "left"])):
        scene = parse_prompt(prompt)
        assert (scene.relations, places(scene)) == ([], {"cat": None})
        assert set(words) <= set(scene.unparsed)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cat left, a dog right", {"cat": "left", "dog": "right"}),
        ("left: a cat, right: a dog", {"cat": "left", "dog": "right"}),
        ("a cup (left) and a vase (right)", {"cup": "left", "vase": "right"}),
        ("top left a cat, bottom right a dog", {"cat": "top left", "dog": "bottom right"}),
        ("the left one is a cat, the right one a dog", {"cat": "left", "dog": "right"}),
        ("a cat up top and a dog down below", {"cat": "top", "dog": "bottom"}),
    ],
)
def test_places_need_no_preposition(prompt: str, expected: dict[str, str]) -> None:
    assert places(parse_prompt(prompt)) == expected


@pytest.mark.parametrize(
    ("prompt", "nouns", "absent", "caption"),
    [
        ("a dog without a car", ["dog"], ["car"], "a dog"),
        ("a dog, but not on grass", ["dog"], ["grass"], "a dog"),
        ("neither a cat nor a dog, only a horse", ["horse"], ["cat", "dog"], "only a horse"),
        ("not a cat but a dog", ["dog"], ["cat"], "a dog"),
        ("a cup and no cats, dogs or birds on sand", ["cup"], ["cat", "dog", "bird"], "a cup on sand"),
        ("a dog instead of a cat", ["dog"], ["cat"], "a dog"),
        ("don't draw a cat, draw a dog", ["dog"], ["cat"], "draw a dog"),
        ("a cup, no blue cup", ["cup"], ["blue cup"], "a cup"),
        ("a cup on no table", ["cup"], ["table"], "a cup"),
        ("a cup not on grass but on sand", ["cup"], ["grass"], "a cup on sand"),
    ],
)
def test_what_must_not_be_there_is_no_thing_and_not_in_the_caption(
    prompt: str, nouns: list[str], absent: list[str], caption: str
) -> None:
    scene = parse_prompt(prompt)
    assert [entity.noun for entity in scene.entities] == nouns
    assert (scene.absent, scene.caption, scene.unparsed) == (absent, caption, [])
    assert scene.background in (None, "sand")


def test_what_is_both_to_be_there_and_not_is_not_understood() -> None:
    scene = parse_prompt("a cat and no cat")
    assert scene.absent == []
    assert scene.unparsed == ["no", "cat"]


def test_what_several_are_not_is_not_taken_for_what_they_are() -> None:
    scene = parse_prompt("two dogs, none of them black")
    assert things(scene) == ["2 dog"]
    assert scene.unparsed == ["none", "black"]


def test_more_denials_than_a_scene_holds_are_not_understood() -> None:
    nouns = [f"z{vowel}{consonant}k" for vowel in "aeiou" for consonant in "bdfgklmn"]
    scene = parse_prompt("a tree. " + " ".join(f"No {noun}." for noun in nouns))
    assert scene.absent == nouns[:32]
    assert scene.unparsed == [word for noun in nouns[32:] for word in ("No", noun)]


def test_a_prompt_of_denials_alone_is_refused() -> None:
    with pytest.raises(BadPrompt, match=r"only what must not be there \(cat\): say what is to be in the picture"):
        parse_prompt("no cat")
