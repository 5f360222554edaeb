import pytest

from muralist.parsing import parse_prompt
from muralist.picturebook.admission import admit, short_caption
from muralist.picturebook.vocabulary import COLOURS, NOUNS, SYNONYMS, plural
from muralist.tools.checklist import checklist
from muralist.tools.errors import BadPrompt
from muralist.tools.recaption import in_other_words
from muralist.tools.scene import Attribute, Entity, Scene
from muralist.tools.words import with_article


def scene(noun: str, colour: str = "red") -> Scene:
    entity = Entity(id="it", noun=noun, attributes=[Attribute(kind="colour", value=colour)], span=noun)
    return Scene(prompt=noun, caption=noun, entities=[entity])


def read(prompt: str) -> Scene:
    return admit(parse_prompt(prompt))


def test_what_is_known_is_admitted_as_it_is() -> None:
    assert admit(scene("apple")) == scene("apple")


def test_all_unknown_words_are_named_at_once_with_the_nearest_known_ones_and_the_way_to_another_backbone() -> None:
    with pytest.raises(BadPrompt) as caught:
        read("a mauve aple, a zebra, two red zebras, a wine cup, a reed appple and a kittten")
    said, _, remedy = str(caught.value).partition("; or ")
    cannot, _, colours = said.partition("; it ")
    assert cannot.startswith(
        "picturebook cannot draw 'aple' (did you mean apple?), 'zebra', 'wine cup' (did you mean cup?), "
        "'reed appple' (did you mean red apple?), 'kittten' (did you mean kitten?): it knows apple, banana, "
    )
    assert colours.startswith("has no colour 'mauve': it knows red, orange, ")
    assert "--backbone" in remedy


def test_a_synonym_is_understood_as_the_known_word_wherever_it_is_painted_or_asked_for() -> None:
    told = read("Two kittens to the left of an automobile, a scarlet mug and no puppy on a lawn")
    assert [entity.name for entity in told.entities] == ["cat", "car", "red cup"]
    assert [entity.count for entity in told.entities] == [2, 1, 1]
    assert (told.background, told.absent) == ("grass", ["dog"])
    assert told.caption == "Two cats to the left of a car, a red cup on grass"
    assert "Is there a car?" in [question.text for question in checklist(told).questions]
    assert in_other_words(told) == ["'Two kittens' as cat", "'an automobile' as car", "'a scarlet mug' as red cup"]
    assert read("a cat, but no kitten").absent == ["kitten"]


@pytest.mark.parametrize("word", SYNONYMS)
def test_every_synonym_is_read_in_singular_and_plural(word: str) -> None:
    known = SYNONYMS[word]
    if known in NOUNS:
        for prompt in (with_article(f"red {word}"), f"three red {plural(word)}"):
            assert [entity.noun for entity in read(prompt).entities] == [known]
    elif known in COLOURS:
        assert read(f"a {word} car").entities[0].name == f"{known} car"
    else:
        assert read(f"a red car on a {word}").background == known


def test_the_gist_of_many_things_keeps_the_ground_and_names_no_thing() -> None:
    assert short_caption("a red apple to the left of a car, on Sand") == "many things on sand"
    assert short_caption("a red apple and a car") == "many things"
