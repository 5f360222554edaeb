"""Which edits follow from which findings."""

from muralist.agent import lay_out, propose_edits
from muralist.parsing import parse_prompt
from muralist.tools.checklist import checklist
from muralist.tools.edits import MAX_SHARED, Edit
from muralist.tools.layout import Box
from muralist.tools.run import TRIES, Move
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict, settle

LEFT = Box(x0=0.1, y0=0.3, x1=0.4, y1=0.6)
RIGHT = Box(x0=0.6, y0=0.3, x1=0.9, y1=0.6)


def verdicts(scene: Scene, **answers: Verdict) -> list[Verdict]:
    """All questions pass but those given, keyed with dots as underscores."""
    given = {each.question_id: each for each in answers.values()}
    return settle(
        checklist(scene),
        [
            given.get(question.id) or Verdict(question_id=question.id, status="pass", p=0.95, source="judge")
            for question in checklist(scene).questions
        ],
    )


def failed(question_id: str, **fields: object) -> Verdict:
    return Verdict.model_validate({"question_id": question_id, "status": "fail", "p": 0.1, "source": "judge", **fields})


def found(entity: str, *boxes: Box, passed: bool = True) -> Verdict:
    status = "pass" if passed else "fail"
    return Verdict(
        question_id=f"{entity}.count", status=status, p=0.9 if passed else 0.1, source="judge", boxes=list(boxes)
    )


def proposed(scene: Scene, rejected: list[Move] | None = None, **answers: Verdict) -> list[Edit]:
    return propose_edits(scene, lay_out(scene), verdicts(scene, **answers), rejected or [])


def told(edits: list[Edit]) -> list[str]:
    return [f"{edit.action} {edit.entity}.{edit.index}" for edit in edits]


SCENE = parse_prompt("a red apple to the left of a blue cup")


def test_nothing_is_proposed_for_a_picture_that_passes() -> None:
    assert proposed(SCENE) == []


def test_what_is_missing_is_added_in_its_region() -> None:
    (edit,) = proposed(SCENE, a=failed("cup.exists"), b=found("apple", LEFT))
    assert told([edit]) == ["add cup.0"]
    assert edit.box == lay_out(SCENE).region_of("cup").box


def test_what_is_badly_formed_is_refined_where_it_stands() -> None:
    for status, p in (("fail", 0.2), ("unsure", 0.5)):
        bad = failed("cup.exists", box=RIGHT, status=status, p=p)
        (edit,) = proposed(SCENE, a=bad, b=found("apple", LEFT), c=found("cup", RIGHT))
        assert told([edit]) == ["refine cup.0"]
        assert edit.box.overlap(RIGHT) == 1


def test_what_passes_but_hardly_is_refined_and_never_painted_anew() -> None:
    hardly = verdicts(SCENE, a=failed("cup.exists", box=RIGHT, status="pass", p=0.62), b=found("cup", RIGHT))
    refine = Move(action="refine", target="cup.0", seed=3)
    for rejected, expected in (([], ["refine cup.0"]), ([refine] * TRIES, [])):
        edits = propose_edits(SCENE, lay_out(SCENE), hardly, rejected, doubtful=["cup.exists"])
        assert told(edits) == expected
    assert propose_edits(SCENE, lay_out(SCENE), hardly, []) == []


def test_what_cannot_be_refined_is_painted_anew() -> None:
    refine = Move(action="refine", target="cup.0", seed=3)
    bad = {"a": failed("cup.exists", box=RIGHT), "b": found("apple", LEFT), "c": found("cup", RIGHT)}
    assert told(proposed(SCENE, [refine] * TRIES, **bad)) == ["replace cup.0"]


def test_what_reaches_into_the_place_of_something_missing_goes_with_it() -> None:
    place = lay_out(SCENE).region_of("cup").box
    stray = Box(x0=place.x0 - 0.03, y0=0.4, x1=place.x0 + 0.2, y1=0.6)
    (edit,) = proposed(SCENE, a=failed("cup.exists"), b=failed("others", boxes=[stray]), c=found("apple", LEFT))
    assert told([edit]) == ["add cup.0"]
    assert edit.box.overlap(stray) == 1


def test_what_is_added_leaves_room_for_what_is_there() -> None:
    wide = Box(x0=0.1, y0=0.3, x1=0.65, y1=0.6)
    (edit,) = proposed(SCENE, a=failed("cup.exists"), b=found("apple", wide))
    assert edit.box.overlap(wide) == 0
    assert edit.box.overlap(lay_out(SCENE).region_of("cup").box) == 1


def test_a_missing_one_of_several_goes_where_none_is() -> None:
    scene = parse_prompt("three red apples")
    layout = lay_out(scene)
    there = [layout.region_of("apple", index).box for index in (0, 2)]
    (edit,) = proposed(scene, a=found("apple", *there, passed=False))
    assert told([edit]) == ["add apple.1"]
    assert edit.box == layout.region_of("apple", 1).box


def test_one_too_many_is_removed_where_the_verdict_points() -> None:
    surplus = found("cup", LEFT, RIGHT, passed=False).model_copy(update={"box": LEFT})
    (edit,) = proposed(SCENE, a=surplus)
    assert told([edit]) == ["remove cup.1"]
    assert edit.box.overlap(LEFT) == 1


def test_one_too_many_is_the_one_outside_its_region_if_nothing_points() -> None:
    (edit,) = proposed(SCENE, a=found("cup", LEFT, RIGHT, passed=False))
    assert edit.box.overlap(LEFT) == 1


def test_a_wrong_colour_is_recoloured_where_the_thing_stands() -> None:
    (edit,) = proposed(SCENE, a=failed("cup.colour.0", box=RIGHT), b=found("cup", RIGHT))
    assert told([edit]) == ["recolour cup.0"]
    assert edit.box.overlap(RIGHT) == 1


def test_another_wrong_attribute_is_replaced() -> None:
    scene = parse_prompt("a wooden clock")
    assert told(proposed(scene, a=failed("clock.material.0", box=LEFT))) == ["replace clock.0"]


def test_the_wrong_one_of_several_is_mended() -> None:
    scene = parse_prompt("two red apples")
    assert told(proposed(scene, a=failed("apple.colour.0", box=RIGHT), b=found("apple", LEFT, RIGHT))) == [
        "recolour apple.1"
    ]


def test_the_inspector_says_which_of_several_are_too_many() -> None:
    scene = parse_prompt("two red apples")
    apart = [Box(x0=x, y0=0.1, x1=x + 0.15, y1=0.3) for x in (0.1, 0.4, 0.7)]
    counted = found("apple", *apart, passed=False).model_copy(update={"instances": [(0, apart[1]), (1, apart[2])]})
    (edit,) = proposed(scene, a=counted)
    assert told([edit]) == ["remove apple.2"]
    assert edit.box.overlap(apart[0]) == 1


def test_what_stands_wrong_moves_into_its_region_and_keeps_its_size() -> None:
    middle = Box(x0=0.35, y0=0.3, x1=0.6, y1=0.5)
    (edit,) = proposed(SCENE, a=failed("relation.0"), b=found("cup", middle), c=found("apple", LEFT))
    assert told([edit]) == ["move cup.0"]
    assert edit.to is not None
    assert edit.to.centre == lay_out(SCENE).region_of("cup").box.centre
    assert abs(edit.to.area - edit.box.area) < 1e-9


def test_edits_that_do_not_touch_are_made_at_once() -> None:
    edits = proposed(SCENE, a=failed("cup.exists"), b=failed("apple.colour.0", box=LEFT), c=found("apple", LEFT))
    assert told(edits) == ["add cup.0", "recolour apple.0"]


def test_of_edits_that_touch_the_more_valuable_one_is_made() -> None:
    scene = parse_prompt("a red apple")
    edits = proposed(
        scene,
        a=found("apple", LEFT, Box(x0=0.2, y0=0.3, x1=0.5, y1=0.6), passed=False),
        b=failed("apple.colour.0", box=LEFT),
    )
    assert [edit.action for edit in edits] == ["remove"]


def test_no_move_is_tried_a_third_time_on_one_target() -> None:
    wrong = failed("cup.colour.0", box=RIGHT)
    recolour = Move(action="recolour", target="cup.0", seed=3)
    assert told(proposed(SCENE, [recolour], a=wrong)) == ["recolour cup.0"]
    assert told(proposed(SCENE, [recolour] * TRIES, a=wrong)) == ["replace cup.0"]
    replace = Move(action="replace", target="cup.0", seed=3)
    assert proposed(SCENE, [recolour, replace] * TRIES, a=wrong) == []


def test_what_was_rejected_gives_way_to_what_was_not_tried() -> None:
    recolour = Move(action="recolour", target="apple.0", seed=3)
    edits = proposed(SCENE, [recolour], a=failed("apple.colour.0", box=LEFT), b=failed("cup.colour.0", box=RIGHT))
    assert told(edits) == ["recolour cup.0", "recolour apple.0"]


def test_a_wrong_background_cannot_be_edited() -> None:
    scene = parse_prompt("a red apple on sand")
    assert proposed(scene, a=failed("background")) == []


def test_what_nobody_asked_for_is_removed_and_leaves_alone_what_was() -> None:
    stray = Box(x0=0.35, y0=0.4, x1=0.55, y1=0.6)
    (edit,) = proposed(SCENE, a=failed("others", boxes=[stray]), b=found("apple", LEFT), c=found("cup", RIGHT))
    assert (edit.action, edit.entity) == ("remove", "")
    assert edit.box.overlap(LEFT) <= MAX_SHARED
    assert edit.box.x1 > stray.x1


def test_what_must_not_be_there_is_removed() -> None:
    scene = parse_prompt("a red apple without a dog")
    (edit,) = proposed(scene, a=failed("absent.0", box=RIGHT))
    assert (edit.action, edit.entity) == ("remove", "")
    assert edit.box.overlap(RIGHT) == 1


def test_a_removal_that_was_rejected_is_not_tried_at_the_same_place_again() -> None:
    first, second = (proposed(SCENE, a=failed("others", boxes=[box]))[0] for box in (LEFT, RIGHT))
    rejected = [Move(action="remove", target=first.target, seed=seed) for seed in range(TRIES)]
    assert proposed(SCENE, rejected, a=failed("others", boxes=[LEFT])) == []
    assert proposed(SCENE, rejected, a=failed("others", boxes=[RIGHT])) == [second]


def test_what_a_given_picture_has_to_keep_is_neither_edited_nor_painted_over() -> None:
    scene = SCENE.model_copy(update={"kept": ["cup"]})
    doubtful = {"a": failed("cup.exists", box=RIGHT), "b": found("apple", LEFT), "c": found("cup", RIGHT)}
    assert proposed(scene, **doubtful) == []
    remnant, on_the_cup = Box(x0=0.1, y0=0.7, x1=0.3, y1=0.9), Box(x0=0.65, y0=0.35, x1=0.85, y1=0.55)
    edits = proposed(scene, **doubtful, d=failed("others", boxes=[on_the_cup, remnant]))
    assert [edit.box.overlap(remnant) for edit in edits] == [1]
