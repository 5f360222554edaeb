"""Verdicts from boxes: what the inspector concludes, given what a detector saw."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from muralist.parsing import parse_prompt
from muralist.picturebook.detector import CHANNELS, read
from muralist.picturebook.glyphs import FONT_PATH
from muralist.picturebook.inspector import PicturebookInspector, judge
from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, NOUNS
from muralist.picturebook.world import Still, Thing, render
from muralist.tools.checklist import checklist
from muralist.tools.detection import Detection
from muralist.tools.layout import Box
from muralist.tools.scene import Attribute, Entity, Relation, Scene
from muralist.tools.verdict import Verdict, settle

SAND = Image.new("RGB", (128, 128), BACKGROUNDS["sand"])


def thing(colour: str, noun: str, x: float, y: float, confidence: float = 0.95) -> Detection:
    return Detection(
        Box(x0=x - 0.1, y0=y - 0.1, x1=x + 0.1, y1=y + 0.1),
        confidence,
        {name: 0.95 if name == noun else 0.05 / (len(NOUNS) - 1) for name in NOUNS},
        {name: 0.95 if name == colour else 0.05 / (len(COLOURS) - 1) for name in COLOURS},
    )


def entity(name: str, colour: str, noun: str, count: int = 1, **rest: object) -> Entity:
    colours = [Attribute(kind="colour", value=colour)]
    return Entity(id=name, noun=noun, attributes=colours, count=count, span=noun, **rest)  # type: ignore[arg-type]


def verdicts(scene: Scene, things: list[Detection], picture: Image.Image = SAND) -> dict[str, Verdict]:
    questions = checklist(scene)
    return {verdict.question_id: verdict for verdict in settle(questions, judge(questions, things, picture, "test"))}


APPLE_LEFT_OF_CUP = Scene(
    prompt="a red apple to the left of a blue cup, on sand",
    caption="a red apple to the left of a blue cup, on sand",
    entities=[entity("apple", "red", "apple"), entity("cup", "blue", "cup")],
    relations=[Relation(subject="apple", predicate="left of", objects=["cup"])],
    background="sand",
)


def test_everything_in_its_place_passes_every_question() -> None:
    answers = verdicts(APPLE_LEFT_OF_CUP, [thing("red", "apple", 0.2, 0.5), thing("blue", "cup", 0.8, 0.5)])
    assert {verdict.status for verdict in answers.values()} == {"pass"}


def test_swapped_things_fail_the_relation_alone() -> None:
    answers = verdicts(APPLE_LEFT_OF_CUP, [thing("red", "apple", 0.8, 0.5), thing("blue", "cup", 0.2, 0.5)])
    assert [name for name, verdict in answers.items() if verdict.status != "pass"] == ["relation.0"]


def test_a_wrong_colour_fails_its_attribute_and_points_at_the_thing() -> None:
    answers = verdicts(APPLE_LEFT_OF_CUP, [thing("green", "apple", 0.2, 0.5), thing("blue", "cup", 0.8, 0.5)])
    failed = [verdict for verdict in answers.values() if verdict.status != "pass"]
    assert [verdict.question_id for verdict in failed] == ["apple.colour.0"]
    assert failed[0].box == thing("green", "apple", 0.2, 0.5).box
    assert "green" in failed[0].evidence


def test_a_missing_thing_fails_its_existence_and_all_that_depends_on_it_is_skipped() -> None:
    answers = verdicts(APPLE_LEFT_OF_CUP, [thing("blue", "cup", 0.8, 0.5)])
    assert answers["apple.exists"].status == "fail"
    skipped = {name for name, verdict in answers.items() if verdict.status == "skipped"}
    assert skipped == {"apple.colour.0", "apple.count", "relation.0"}


def test_a_surplus_thing_fails_the_count_and_is_pointed_at() -> None:
    scene = Scene(prompt="two cats", caption="two cats", entities=[entity("cat", "red", "cat", count=2)])
    cats = [thing("red", "cat", 0.2, 0.3), thing("red", "cat", 0.5, 0.3), thing("red", "cat", 0.8, 0.8, 0.7)]
    answers = verdicts(scene, cats)
    assert answers["cat.exists"].status == "pass"
    assert answers["cat.count"].status == "fail"
    assert answers["cat.count"].box == cats[2].box


def test_one_too_few_fails_the_count() -> None:
    scene = Scene(prompt="two cats", caption="two cats", entities=[entity("cat", "red", "cat", count=2)])
    assert verdicts(scene, [thing("red", "cat", 0.2, 0.3)])["cat.count"].status == "fail"


def test_too_few_are_too_few_whatever_doubtful_thing_is_there_besides() -> None:
    scene = Scene(prompt="three apples", caption="three apples", entities=[entity("apple", "red", "apple", count=3)])
    things = [thing("red", "apple", 0.2, 0.3), thing("blue", "apple", 0.7, 0.7, 0.3)]
    assert verdicts(scene, things)["apple.count"].status == "fail"


def test_entities_that_share_a_noun_are_told_apart_by_colour() -> None:
    scene = Scene(
        prompt="a red apple above a green apple",
        caption="a red apple above a green apple",
        entities=[entity("red", "red", "apple"), entity("green", "green", "apple")],
        relations=[Relation(subject="red", predicate="above", objects=["green"])],
    )
    right = verdicts(scene, [thing("green", "apple", 0.5, 0.8), thing("red", "apple", 0.5, 0.2)])
    wrong = verdicts(scene, [thing("red", "apple", 0.5, 0.8), thing("green", "apple", 0.5, 0.2)])
    assert {verdict.status for verdict in right.values()} == {"pass"}
    assert [name for name, verdict in wrong.items() if verdict.status != "pass"] == ["relation.0"]


def test_the_background_is_read_from_the_pixels_outside_the_boxes() -> None:
    things = [thing("red", "apple", 0.2, 0.5), thing("blue", "cup", 0.8, 0.5)]
    snow = Image.new("RGB", (128, 128), BACKGROUNDS["snow"])
    assert verdicts(APPLE_LEFT_OF_CUP, things)["background"].status == "pass"
    assert verdicts(APPLE_LEFT_OF_CUP, things, snow)["background"].status == "fail"


def test_what_the_detector_cannot_know_stays_unsure() -> None:
    scene = Scene(
        prompt="a wooden cup",
        caption="a wooden cup",
        entities=[Entity(id="cup", noun="cup", attributes=[Attribute(kind="material", value="wooden")], span="cup")],
    )
    assert verdicts(scene, [thing("brown", "cup", 0.5, 0.5)])["cup.material.0"].status == "unsure"


@pytest.mark.parametrize(
    ("absent", "status"),
    [("cat", "pass"), ("cup", "fail"), ("red cup", "pass"), ("blue cup", "fail"), ("snow", "pass"), ("sand", "fail"),
     ("hat", "unsure"), ("big cup", "unsure")],
)  # fmt: skip
def test_what_must_not_be_there_is_looked_for_among_all_things_and_grounds(absent: str, status: str) -> None:
    scene = APPLE_LEFT_OF_CUP.model_copy(update={"background": None, "absent": [absent]})
    things = [thing("red", "apple", 0.2, 0.5), thing("blue", "cup", 0.8, 0.5)]
    assert verdicts(scene, things)["absent.0"].status == status


def test_a_badly_formed_thing_is_no_more_allowed_than_a_good_one() -> None:
    scene = APPLE_LEFT_OF_CUP.model_copy(update={"absent": ["cat"]})
    cat = replace(thing("yellow", "cat", 0.5, 0.5), form=0.1)
    assert verdicts(scene, [cat])["absent.0"].box == cat.box


@pytest.mark.parametrize("sure_of_first", [0.9, 0.95])
def test_things_that_look_alike_are_told_apart_by_where_they_have_to_be(sure_of_first: float) -> None:
    text = "a red apple in the top left and a red apple in the bottom right"
    corners = [entity("one", "red", "apple", place="top left"), entity("two", "red", "apple", place="bottom right")]
    scene = Scene(prompt=text, caption=text, entities=corners)
    apples = [thing("red", "apple", 0.8, 0.8, sure_of_first), thing("red", "apple", 0.2, 0.2, 0.92)]
    assert {verdict.status for verdict in verdicts(scene, apples).values()} == {"pass"}


def test_between_two_of_a_kind_means_between_the_one_and_the_other() -> None:
    text = "a red cat between two blue chairs"
    scene = Scene(
        prompt=text,
        caption=text,
        entities=[entity("cat", "red", "cat"), entity("chair", "blue", "chair", count=2)],
        relations=[Relation(subject="cat", predicate="between", objects=["chair", "chair"])],
    )
    chairs = [thing("blue", "chair", 0.2, 0.5), thing("blue", "chair", 0.8, 0.5)]
    assert verdicts(scene, [thing("red", "cat", 0.5, 0.5), *chairs])["relation.0"].status == "pass"
    assert verdicts(scene, [thing("red", "cat", 0.9, 0.2), *chairs])["relation.0"].status == "fail"


def test_losing_a_thing_never_makes_its_existence_more_probable() -> None:
    text = "a red apple and a green apple"
    scene = Scene(
        prompt=text, caption=text, entities=[entity("red", "red", "apple"), entity("green", "green", "apple")]
    )
    with_both = verdicts(scene, [thing("red", "apple", 0.2, 0.5), thing("green", "apple", 0.8, 0.5, 0.35)])
    with_one = verdicts(scene, [thing("red", "apple", 0.2, 0.5)])
    assert with_one["green.exists"].p < with_both["green.exists"].p
    assert with_one["green.exists"].status == "fail"


def test_a_faint_ghost_does_not_fail_the_count() -> None:
    scene = Scene(prompt="a cat", caption="a cat", entities=[entity("cat", "red", "cat")])
    ghost = thing("red", "cat", 0.8, 0.8, 0.31)
    assert verdicts(scene, [thing("red", "cat", 0.2, 0.3), ghost])["cat.count"].status == "pass"


def test_a_detection_at_the_rim_gets_a_box_on_the_canvas() -> None:
    output = torch.full((CHANNELS, 16, 16), -9.0)
    for row, column, offset in ((0, 0, -3.0), (15, 15, 3.0)):
        output[0, row, column] = 5.0
        output[-4:, row, column] = torch.tensor([offset, offset, -30.0, 9.0])
    found = read(output, 0.3)
    assert len(found) == 2
    for detection in found:
        assert 0 < detection.box.width <= 1
        assert 0 < detection.box.height <= 1


def test_half_a_cat_is_one_too_many_and_a_blob_is_something_else() -> None:
    scene = Scene(prompt="a red cat", caption="a red cat", entities=[entity("cat", "red", "cat")], background="sand")
    half = replace(thing("red", "cat", 0.8, 0.8), form=0.1)
    blob = replace(half, nouns=dict.fromkeys(NOUNS, 1 / len(NOUNS)))
    for second, asked in ((half, "cat.count"), (blob, "others")):
        answers = verdicts(scene, [thing("red", "cat", 0.2, 0.3), second])
        assert [name for name, verdict in answers.items() if verdict.status != "pass"] == [asked]
        assert answers[asked].box == second.box


@pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji")
async def test_what_is_on_a_picture_is_seen_without_being_asked_for() -> None:
    still = Still("grass", (Thing("apple", "red", (16, 16, 56, 56)), Thing("car", "blue", (70, 76, 118, 110))))
    picture = Image.fromarray(render(still, np.random.default_rng(0)))
    observation = await PicturebookInspector().observe(picture, [])
    assert ({str(thing) for thing in observation.things}, observation.ground) == ({"blue car", "red apple"}, "grass")


@pytest.mark.parametrize(
    ("prompt", "beyond"),
    [
        ("a red car to the left of a blue vase on sand", {}),
        ("a big red car", {"car.size.0": "the detector tells things, colours and places only"}),
        ("a watercolor of a red car", {"style.0": "the detector tells things, colours and places only"}),
        ("a red car and no unicorn", {"absent.0": "the detector does not know 'unicorn'"}),
    ],
)  # fmt: skip
def test_what_no_picture_would_let_it_answer_is_known_beforehand(prompt: str, beyond: dict[str, str]) -> None:
    asked = checklist(parse_prompt(prompt))
    assert PicturebookInspector().cannot_answer(asked) == beyond
    told = {each.question_id: each for each in judge(asked, [], SAND, "picturebook")}
    assert all((told[each].status, told[each].evidence) == ("unsure", why) for each, why in beyond.items())


def test_of_an_unknown_thing_nothing_can_be_answered_and_of_a_known_one_beside_it_all() -> None:
    beyond = PicturebookInspector().cannot_answer(checklist(parse_prompt("a red unicorn to the left of a blue vase")))
    assert set(beyond) == {"unicorn.exists", "unicorn.colour.0", "unicorn.count", "relation.0", "others"}


def test_a_patch_of_another_ground_is_no_background_and_a_smear_is_something_else() -> None:
    scene = Scene(
        prompt="a red cup on sand", caption="a red cup", entities=[entity("a", "red", "cup")], background="sand"
    )
    cup = [thing("red", "cup", 0.3, 0.3)]
    assert {verdicts(scene, cup)[name].status for name in ("background", "others")} == {"pass"}
    patched, smeared = SAND.copy(), SAND.copy()
    patched.paste(BACKGROUNDS["grass"], (64, 64, 128, 128))
    smeared.paste((190, 170, 130), (88, 90, 106, 94))
    assert verdicts(scene, cup, patched)["background"].status == "fail"
    told = verdicts(scene, cup, smeared)
    assert (told["background"].status, told["others"].status) == ("pass", "fail")
    (box,) = told["others"].boxes
    assert box.overlap(Box(x0=88 / 128, y0=90 / 128, x1=106 / 128, y1=94 / 128)) > 0.8


def test_a_ground_with_a_texture_is_not_all_smears() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    scene = Scene(prompt="a red cup", caption="a red cup", entities=[entity("a", "red", "cup")])
    assert verdicts(scene, [thing("red", "cup", 0.3, 0.3)], Image.fromarray(noise))["others"].status == "pass"
