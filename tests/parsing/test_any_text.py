"""Properties that hold for every prompt."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from muralist.parsing import parse_prompt
from muralist.parsing.tokens import tokenise
from muralist.tools.errors import BadPrompt
from muralist.tools.fidelity import check_scene
from muralist.tools.layout import MAX_REGIONS
from muralist.tools.scene import Scene

_WORDS = st.sampled_from(
    """
    a an the red blue grey apple cups cat dogs two three 7 no pair of and , . ; and or above below left right to on top
    bottom in front behind between next it its them that is was sitting wooden background sky grass beach one other
    glass orange style painting with without some light dark very made of from out shaped like hung down gauzy crumbling
    hot dogs tvs not can you half a dozen edge reach in hand shirt wait sorry make draw I want so same colour everything
    all both former latter second rest another more x2 each corner corners for change into leave nobody hi if my
    \n - " ( ) : 's piñata 猫 🍎 ß İ
    """.split(" ")
)
_texts = st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=40).map(" ".join))


def _try(text: str) -> Scene | None:
    with suppress(BadPrompt):
        return parse_prompt(text)
    return None


@settings(max_examples=600, deadline=None)
@given(_texts)
def test_any_text_gives_a_scene_or_says_that_the_prompt_is_bad(text: str) -> None:
    scene = _try(text)
    if scene is not None:
        assert Scene.model_validate_json(scene.model_dump_json()) == scene
        assert scene == _try(text)


@settings(max_examples=400, deadline=None)
@given(_texts)
def test_spans_quote_the_prompt_and_relations_refer_to_entities(text: str) -> None:
    scene = _try(text)
    if scene is not None:
        ids = [entity.id for entity in scene.entities]
        assert scene.entities
        assert len(set(ids)) == len(ids)
        assert all(entity.span in text for entity in scene.entities)
        assert all({each.subject, *each.objects} <= set(ids) for each in scene.relations)
        assert all(each.subject not in each.objects for each in scene.relations)


def _tokens(text: str) -> list[str]:
    return [text[token.start : token.end] for token in tokenise(text)]


@settings(max_examples=600, deadline=None)
@given(_texts)
def test_no_word_of_the_prompt_is_lost(text: str) -> None:
    scene = _try(text)
    if scene is not None:
        told = iter(_tokens(text))
        assert scene.absent or all(any(word == each for each in told) for word in _tokens(scene.caption))
        assert set(scene.unparsed) <= set(_tokens(text))
        if sum(entity.count for entity in scene.entities) <= MAX_REGIONS:
            check_scene(scene, text)


_nouns = st.sampled_from("apple vase butterfly fire hydrant,slice of cake,train,box,horse,sofa".split(","))
_colours = st.sampled_from("red orange yellow green blue purple pink brown black white".split())
_numbers = st.sampled_from(["a", "one", "two", "three", "eight"])
_plurals = {"butterfly": "butterflies", "slice of cake": "slices of cake", "box": "boxes"}


@given(
    st.lists(st.tuples(_numbers, _colours, _nouns), min_size=1, max_size=8, unique_by=lambda item: item[1:]),
    st.sampled_from([" and ", ", "]),
)
def test_lists_of_coloured_things_are_read_exactly(items: list[tuple[str, str, str]], link: str) -> None:
    named = [
        f"{number} {colour} {noun if number in ('a', 'one') else _plurals.get(noun, noun + 's')}"
        for number, colour, noun in items
    ]
    scene = parse_prompt(link.join(named))
    counts = {"a": 1, "one": 1, "two": 2, "three": 3, "eight": 8}
    assert [(e.count, e.name) for e in scene.entities] == [(counts[n], f"{c} {noun}") for n, c, noun in items]
    assert [entity.span for entity in scene.entities] == named
    assert (scene.relations, scene.unparsed, scene.background) == ([], [], None)
