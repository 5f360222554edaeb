import math

import pytest

from muralist.agent import lay_out
from muralist.evals.statistics import interval
from muralist.evals.suite import composition
from muralist.parsing import parse_prompt
from muralist.tools.fidelity import check_scene
from muralist.tools.plan import check_layout


@pytest.mark.parametrize("objects", [1, 2, 3, 4, 6])
def test_prompts_stand_for_their_scene_and_are_the_same_every_time(objects: int) -> None:
    cases = composition(objects, 20)
    assert cases == composition(objects, 20)
    assert len({case.prompt for case in cases}) == 20
    for case in cases:
        assert len(case.checklist.scene.entities) == objects
        check_scene(case.checklist.scene, case.prompt)


@pytest.mark.parametrize("objects", [1, 2, 3, 4, 6])
def test_the_offline_model_reads_and_places_what_the_suite_means(objects: int) -> None:
    for case in composition(objects, 20):
        meant, read = case.checklist.scene, parse_prompt(case.prompt)
        assert [(each.noun, each.attributes, each.count, each.place) for each in read.entities] == [
            (each.noun, each.attributes, each.count, each.place) for each in meant.entities
        ]
        assert [relation.predicate for relation in read.relations] == [each.predicate for each in meant.relations]
        assert read.background == meant.background
        check_layout(lay_out(read), read)


def test_an_interval_encloses_its_mean_and_shrinks_with_more_samples() -> None:
    few, many = interval([0.0, 1.0] * 10), interval([0.0, 1.0] * 200)
    assert few[0] == many[0] == 0.5
    assert few[1] < few[0] < few[2]
    assert many[2] - many[1] < few[2] - few[1]
    assert all(math.isnan(value) for value in interval([]))
