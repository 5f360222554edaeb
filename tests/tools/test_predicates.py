"""Every relation of the table, wherever it is used."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muralist.agent import lay_out
from muralist.parsing import parse_prompt
from muralist.parsing.positions import read_position
from muralist.tools.checklist import checklist
from muralist.tools.fidelity import check_scene
from muralist.tools.geometry import allows, holds
from muralist.tools.layout import Box
from muralist.tools.plan import check_layout
from muralist.tools.predicates import PREDICATES, ROWS, Predicate, PredicateName, by_comma
from muralist.tools.scene import Relation, Scene

RECORDS = list(PREDICATES.values())
EACH = pytest.mark.parametrize("predicate", RECORDS, ids=lambda each: each.name)


def stated(predicate: Predicate) -> Scene:
    """A scene of which the relation is stated in its best words."""
    prompt = f"a red cup {predicate.words} a blue box"
    return parse_prompt(f"{prompt} and a green book" if predicate.objects > 1 else prompt)


def test_every_name_has_a_record_in_the_same_order() -> None:
    assert tuple(PREDICATES) == get_args(PredicateName)


def test_models_are_told_every_name() -> None:
    assert Relation.model_json_schema()["properties"]["predicate"]["enum"] == list(PREDICATES)


@EACH
def test_a_prompt_that_states_it_is_read_planned_and_asked_about(predicate: Predicate) -> None:
    scene = stated(predicate)
    assert [relation.predicate for relation in scene.relations] == [predicate.name]
    check_scene(scene, scene.prompt)
    check_layout(lay_out(scene), scene)
    asked = checklist(scene).question("relation.0").text
    rest = " and the green book" if predicate.objects > 1 else ""
    assert asked == f"Is the red cup {predicate.name} the blue box{rest}?"
    assert predicate.statement("red cup", ["blue box"]) == f"the red cup is {predicate.name} the blue box"


@EACH
def test_each_of_its_phrases_leads_to_it(predicate: Predicate) -> None:
    for phrase in by_comma(f"{predicate.phrases}, {predicate.alone}"):
        found = read_position([*phrase.split(), "the", "box"], 0)
        assert found is not None, phrase
        assert found.predicates == (predicate.name,), phrase


@EACH
def test_each_of_its_verbs_states_it(predicate: Predicate) -> None:
    for verb in by_comma(predicate.verbs):
        (relation,) = parse_prompt(f"a monkey is {verb} a horse").relations
        assert relation.predicate == predicate.name, verb


def test_no_phrase_or_verb_belongs_to_two() -> None:
    said = [phrase for each in RECORDS for phrase in by_comma(f"{each.phrases}, {each.alone}, {each.verbs}")]
    assert len(said) == len(set(said))


@EACH
def test_it_takes_as_many_objects_as_its_record_says(predicate: Predicate) -> None:
    objects = ["box", "book"][: predicate.objects]
    assert Relation(subject="cup", predicate=predicate.name, objects=objects).objects == objects
    with pytest.raises(ValueError, match=f"'{predicate.name}' takes {predicate.objects} object"):
        Relation(subject="cup", predicate=predicate.name, objects=["box", "book"][: 3 - predicate.objects])


SIDES = st.tuples(st.integers(0, 15), st.integers(1, 16)).map(lambda each: (each[0] / 32, (each[0] + each[1]) / 32))
BOXES = st.tuples(SIDES, SIDES).map(lambda each: Box(x0=each[0][0], x1=each[0][1], y0=each[1][0], y1=each[1][1]))


@given(BOXES, BOXES)
def test_an_inverse_says_the_same_the_other_way_round(one: Box, two: Box) -> None:
    for each in RECORDS:
        if each.inverse is not None:
            assert PREDICATES[each.inverse].inverse == each.name
            assert holds(each.name, one, [two]) is holds(each.inverse, two, [one])


@given(BOXES, BOXES, BOXES)
def test_what_holds_of_things_is_allowed_to_regions_of_their_size(one: Box, two: Box, three: Box) -> None:
    for each in RECORDS:
        objects = [two, three][: each.objects]
        assert (holds(each.name, one, objects) is None) is not each.decidable_from_boxes
        assert not holds(each.name, one, objects) or allows(each.name, one, objects)


def test_rows_run_from_every_side_to_the_opposite_one() -> None:
    ends = {("left", "right"), ("right", "left"), ("top", "bottom"), ("bottom", "top")}
    assert set(ROWS) == ends
    for (one, other), (two, another) in product(ROWS.items(), repeat=2):
        assert (one == two[::-1]) is (PREDICATES[other].inverse == another)
