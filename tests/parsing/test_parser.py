"""What the offline grammar makes of prompts: things, counts, attributes, style. Relations have a file of their own."""

import subprocess
import sys

import pytest

from muralist.parsing import parse_prompt
from muralist.tools.errors import BadPrompt
from muralist.tools.scene import Scene


def things(scene: Scene) -> list[str]:
    return [f"{entity.count} {entity.name}" for entity in scene.entities]


def test_neither_a_question_nor_its_words_are_things() -> None:
    assert things(parse_prompt("Can you draw a cat? There's a dog, and it's small.")) == ["1 cat", "1 small dog"]


@pytest.mark.parametrize(
    ("words", "count"),
    [("three", 3), ("3", 3), ("a pair of", 2), ("a couple of", 2), ("two", 2), ("a dozen", 12), ("eight", 8)],
)
def test_counts_are_read_from_words_and_digits(words: str, count: int) -> None:
    assert things(parse_prompt(f"{words} red apples")) == [f"{count} red apple"]


@pytest.mark.parametrize(
    ("words", "count"),
    [("17", 17), ("twenty-one", 21), ("twenty one", 21), ("ninety-nine", 99), ("two dozen", 24), ("a hundred", 100)],
)
def test_more_than_can_be_placed_is_refused_with_the_limit(words: str, count: int) -> None:
    with pytest.raises(BadPrompt, match=f"{count} times 'sheep' is more .* at most 16, or for 'many'"):
        parse_prompt(f"{words} sheep next to a barn")
    assert things(parse_prompt("many red balloons")) == ["5 red balloon"]


def test_a_number_before_a_singular_counts_nothing() -> None:
    scene = parse_prompt("a 1965 roadster next to a barn")
    assert things(scene) == ["1 roadster", "1 barn"]
    assert scene.unparsed == ["1965"]


@pytest.mark.parametrize(
    ("plural", "noun"),
    [
        ("knives", "knife"), ("women", "woman"), ("mice", "mouse"), ("sheep", "sheep"), ("butterflies", "butterfly"),
        ("tomatoes", "tomato"), ("boxes", "box"), ("buses", "bus"), ("horses", "horse"), ("vases", "vase"),
        ("glasses", "glass"), ("people", "person"), ("cookies", "cookie"), ("traffic lights", "traffic light"),
        ("slices of cake", "slice of cake"), ("gloves", "glove"), ("houses", "house"), ("dresses", "dress"),
    ],
)  # fmt: skip
def test_plurals_become_singular(plural: str, noun: str) -> None:
    assert things(parse_prompt(f"two {plural}")) == [f"2 {noun}"]


def test_a_list_of_eight_things_with_colours_and_counts_is_read_whole() -> None:
    prompt = (
        "a red apple, two blue cups, a green book, three yellow cats, a purple vase, an orange car, a pink umbrella "
        "and a white horse on grass"
    )
    scene = parse_prompt(prompt)
    assert things(scene) == [
        "1 red apple", "2 blue cup", "1 green book", "3 yellow cat", "1 purple vase", "1 orange car",
        "1 pink umbrella", "1 white horse",
    ]  # fmt: skip
    assert scene.background == "grass"
    assert scene.relations == []
    assert scene.unparsed == []


def test_a_describing_word_is_a_noun_where_no_noun_follows() -> None:
    assert things(parse_prompt("a red orange and an orange orange")) == ["1 red orange", "1 orange orange"]
    assert things(parse_prompt("a round glass on a diamond")) == ["1 round glass", "1 diamond"]


def test_words_of_a_compound_are_no_attributes() -> None:
    scene = parse_prompt("a metallic desk lamp, a triangular slice of pizza, a hot dog and a wooden cutting board")
    assert [(entity.noun, [a.value for a in entity.attributes]) for entity in scene.entities] == [
        ("desk lamp", ["metallic"]),
        ("slice of pizza", ["triangular"]),
        ("hot dog", []),
        ("cutting board", ["wooden"]),
    ]


def test_attributes_know_their_kind() -> None:
    (entity,) = parse_prompt("a tiny round fluffy wooden light blue old clock").entities
    assert [(a.kind, a.value) for a in entity.attributes] == [
        ("size", "tiny"), ("shape", "round"), ("texture", "fluffy"), ("material", "wooden"), ("colour", "light blue"),
        ("other", "old"),
    ]  # fmt: skip


def test_grey_is_spelt_gray_and_quoted_as_written() -> None:
    (entity,) = parse_prompt("a Grey cat").entities
    assert entity.name == "gray cat"
    assert entity.span == "a Grey cat"


def test_attributes_may_be_joined_by_and_or_stand_behind_the_verb() -> None:
    assert things(parse_prompt("a black and white cat and a red, round ball")) == [
        "1 black and white cat",
        "1 red round ball",
    ]
    assert things(parse_prompt("The car is red. The cup that is blue is big.")) == ["1 red car", "1 blue big cup"]


def test_words_nobody_listed_describe_by_their_form() -> None:
    scene = parse_prompt("a zorbish lamp, a gem-like, vorpy stone, a plonking kettle and a half-melted clock")
    assert [(entity.noun, [a.value for a in entity.attributes]) for entity in scene.entities] == [
        ("lamp", ["zorbish"]), ("stone", ["gem-like", "vorpy"]), ("kettle", ["plonking"]), ("clock", ["half-melted"]),
    ]  # fmt: skip
    assert things(parse_prompt("a party hat, a picnic table, a rocking chair and a remote")) == [
        "1 party hat", "1 picnic table", "1 rocking chair", "1 remote",
    ]  # fmt: skip


def test_some_of_several_may_look_otherwise() -> None:
    scene = parse_prompt("two dogs, one black and one white")
    assert sorted(things(scene)) == ["1 black dog", "1 white dog"]
    assert all("dogs" in entity.span for entity in scene.entities)


def test_the_style_is_no_thing() -> None:
    scene = parse_prompt("an oil painting of a cat in the style of van Gogh, highly detailed")
    assert things(scene) == ["1 cat"]
    assert scene.style == "oil painting, van gogh"
    assert scene.unparsed == ["highly", "detailed"]


def test_what_is_not_understood_is_listed_and_stays_in_the_caption() -> None:
    scene = parse_prompt("a cat   contemplated\nits  dog gracefully")
    assert scene.unparsed == ["contemplated", "gracefully"]
    assert scene.caption == "a cat contemplated its dog gracefully"


def test_words_without_any_thing_give_one_thing() -> None:
    scene = parse_prompt("quickly above and below")
    assert len(scene.entities) == 1
    assert scene.caption == "quickly above and below"


@pytest.mark.parametrize("prompt", ["", "  \n ", "?!"])
def test_a_prompt_without_words_is_refused_with_an_example(prompt: str) -> None:
    with pytest.raises(BadPrompt, match="such as 'a red apple"):
        parse_prompt(prompt)


def test_a_prompt_that_is_too_long_is_refused_with_the_limit() -> None:
    with pytest.raises(BadPrompt, match="2001 characters: at most 2000"):
        parse_prompt("a" * 2001)


def test_the_agent_needs_neither_torch_nor_a_network_library_for_models() -> None:
    code = (
        "import sys; from muralist.agent import lay_out; from muralist.parsing import parse_prompt\n"
        "lay_out(parse_prompt('a cat'))\n"
        "assert not {'torch', 'diffusers', 'transformers', 'openai'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a red and a blue cup", ["1 red cup", "1 blue cup"]),
        ("red and blue cups", ["1 red cup", "1 blue cup"]),
        ("three keys: red, blue and green", ["1 red key", "1 blue key", "1 green key"]),
        ("two cups, both red", ["2 red cup"]),
        ("a red cup and a blue one", ["1 red cup", "1 blue cup"]),
        ("red apple blue cup", ["1 red apple", "1 blue cup"]),
        ("cup: red, clock: blue", ["1 red cup", "1 blue clock"]),
        ("a cat, another cat and a third cat", ["3 cat"]),
        ("two cats. The second cat is white.", ["1 cat", "1 white cat"]),
        ("cats, two, black", ["2 black cat"]),
    ],
)
def test_nouns_colours_and_numbers_are_shared_as_they_are_meant(prompt: str, expected: list[str]) -> None:
    scene = parse_prompt(prompt)
    assert things(scene) == expected
    assert scene.unparsed == []


@pytest.mark.parametrize(
    ("prompt", "word"), [("2.5 apples", "2.5"), ("1/2 apple", "1/2"), ("half an apple", "half"), ("2-3 apples", "2-3")]
)
def test_a_number_that_counts_nothing_is_not_understood(prompt: str, word: str) -> None:
    scene = parse_prompt(prompt)
    assert (things(scene), scene.unparsed) == (["1 apple"], [word])


@pytest.mark.parametrize("bounds", ["more than", "fewer than", "at least", "at most"])
def test_bounds_of_a_number_are_not_understood(bounds: str) -> None:
    scene = parse_prompt(f"{bounds} two cats")
    assert things(scene) == ["2 cat"]
    assert scene.unparsed == [word for word in bounds.split() if word != "at"]


def test_how_a_thing_is_pictured_is_the_style() -> None:
    assert parse_prompt("a cartoon frog").style == "cartoon"
    assert things(parse_prompt("an abstract painting on a wall")) == ["1 abstract painting", "1 wall"]
