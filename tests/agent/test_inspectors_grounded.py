"""The grounded inspector: what it concludes from boxes and pixels, and that complete models come through its door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from block_world import COLOURS, BlockPainter
from block_world import blocks as blocks_in
from PIL import Image, ImageDraw

import muralist
from muralist.agent.inspectors.grounded import GroundedInspector
from muralist.agent.inspectors.open_vocabulary import OpenVocabularyDetector, distinct, probability
from muralist.agent.inspectors.vqa import VqaModel
from muralist.runs import wiring
from muralist.tools.checklist import checklist
from muralist.tools.detection import Detection
from muralist.tools.errors import BackboneError
from muralist.tools.layout import Box
from muralist.tools.scene import Attribute, Entity, Relation, Scene
from muralist.tools.verdict import Verdict, settle

Blocks = Callable[..., dict[str, Any]]
WOODEN = Attribute(kind="material", value="wooden")


def every_block(picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
    """A detector to which any block may be any thing: only colours and places tell them apart."""
    boxes = [box for colour in COLOURS for box in blocks_in(picture, colour)]
    return [Detection(box, 0.95, dict.fromkeys(nouns, 1.0), {}) for box in boxes]


async def test_a_run_is_inspected_by_boxes_and_by_the_colours_of_their_pixels(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(wiring.INSPECTORS, "grounded", lambda settings: GroundedInspector(every_block))
    painter = BlockPainter(faults={0: [1]})
    prompt = "a red cup to the left of a blue book and a green apple below the red cup"
    result = await muralist.adraw(prompt, **(blocks(painter) | {"inspector": "grounded"}))
    assert result.passed
    assert [attempt.action for attempt in result.attempts] == ["paint", "edit"]
    first = {verdict.question_id: verdict.status for verdict in result.attempts[0].verdicts or []}
    assert first["book.exists"] == "fail"
    assert first["cup.colour.0"] == "pass"


def box(x: float, y: float, side: float = 0.2) -> Box:
    return Box(x0=x, y0=y, x1=x + side, y1=y + side)


def thing(noun: str, x: float, y: float, p: float = 0.9, side: float = 0.2) -> Detection:
    return Detection(box(x, y, side), p, {noun: 1.0}, {})


@pytest.mark.parametrize(
    ("found", "left"),
    [
        ([thing("cup", 0.1, 0.1, 0.9), thing("cup", 0.12, 0.1, 0.8)], [0]),
        ([thing("cup", 0.1, 0.1, 0.9), thing("cup", 0.15, 0.15, 0.8, 0.08)], [0]),
        ([thing("cup", 0.1, 0.1, 0.7, 0.6), thing("cup", 0.12, 0.12), thing("cup", 0.45, 0.45, 0.8)], [1, 2]),
        ([thing("cup", 0.1, 0.1, 0.9, 0.6), thing("cup", 0.12, 0.12, 0.8), thing("cup", 0.45, 0.45, 0.7)], [0]),
        ([thing("cup", 0.1, 0.1), thing("plate", 0.15, 0.15, 0.8, 0.08)], [0, 1]),
        ([thing("cup", 0.1, 0.1, 0.2)], []),
    ],
    ids=["a double", "a part", "a box around a group", "several parts", "another thing inside", "an improbable one"],
)
def test_there_is_one_detection_per_thing(found: list[Detection], left: list[int]) -> None:
    assert distinct(found) == [found[number] for number in left]


def test_one_thing_that_goes_by_two_nouns_is_found_once_under_both() -> None:
    (only,) = distinct([thing("wolf", 0.1, 0.1, 0.6), thing("dog", 0.1, 0.1, 0.9)])
    assert only.noun == "dog"
    assert only.is_a("wolf") == pytest.approx(0.6)


def test_a_score_at_the_threshold_leaves_it_open_and_twice_as_much_does_not() -> None:
    assert probability(0.2, 0.2) == pytest.approx(0.5)
    assert probability(0.4, 0.2) > 0.8
    assert probability(0.08, 0.2) < 0.2


def painted(ground: str, *shapes: tuple[tuple[int, int, int, int], str]) -> Image.Image:
    picture = Image.new("RGB", (200, 200), ground)
    for corners, colour in shapes:
        ImageDraw.Draw(picture).ellipse(corners, fill=colour)
    return picture


SCENE = Scene(
    prompt="a navy wooden cup behind a dog, in a kitchen",
    caption="a navy wooden cup behind a dog, in a kitchen",
    entities=[
        Entity(id="cup", noun="cup", attributes=[Attribute(kind="colour", value="navy"), WOODEN], span="cup"),
        Entity(id="dog", noun="dog", span="dog"),
    ],
    relations=[Relation(subject="cup", predicate="behind", objects=["dog"])],
    background="a kitchen",
)


async def inspected(vqa: VqaModel | None) -> dict[str, Verdict]:
    def detect(picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
        return [thing("cup", 0.1, 0.1), thing("dog", 0.6, 0.6)]

    picture = painted("#d0b890", ((20, 20, 59, 59), "#102070"), ((120, 120, 159, 159), "#604020"))
    questions = checklist(SCENE)
    given = await GroundedInspector(detect, vqa).inspect(picture, questions)
    return {verdict.question_id: verdict for verdict in settle(questions, given)}


async def test_what_boxes_and_pixels_cannot_tell_is_unsure_without_a_model_for_it() -> None:
    given = await inspected(None)
    assert {name for name, verdict in given.items() if verdict.status != "pass"} == {
        "cup.material.1", "relation.0", "background",
    }  # fmt: skip
    assert {given[name].status for name in ("cup.material.1", "relation.0", "background")} == {"unsure"}
    assert given["cup.colour.0"].status == "pass"


@pytest.mark.parametrize("family", [tiny_models.vilt, tiny_models.blip])
async def test_a_model_that_answers_questions_is_asked_for_the_rest(
    family: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    for word, status in (("yes", "pass"), ("no", "fail")):
        given = await inspected(VqaModel(str(family(tmp_path / word, word))))
        assert {given[name].status for name in ("cup.material.1", "relation.0", "background")} == {status}
        assert given["cup.count"].status == "pass"


async def test_what_must_not_be_there_is_looked_for_and_a_ground_is_asked_for() -> None:
    class Meadow:
        """To which everything is on grass."""

        def has(self, cutout: Image.Image, noun: str, attribute: Attribute) -> float | None:
            return None

        def yes(self, picture: Image.Image, question: str) -> float | None:
            return 0.95 if question == "Is the background grass?" else 0.05

    looked_for: list[str] = []

    def detect(picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
        looked_for.extend([] if at_once else nouns)
        return [thing("dog", 0.6, 0.6)]

    prompt = "a cup, no dog, no cat, not on grass, not on snow"
    scene = Scene(
        prompt=prompt,
        caption="a cup",
        entities=[Entity(id="cup", noun="cup", span="a cup")],
        absent=["dog", "cat", "grass", "snow"],
    )
    given = await GroundedInspector(detect, Meadow()).inspect(painted("#208020"), checklist(scene))
    status = [verdict.status for verdict in given if verdict.question_id.startswith("absent")]
    assert status == ["fail", "pass", "fail", "pass"]
    assert looked_for == ["cup", "dog", "cat"]


async def test_an_attribute_holds_only_if_every_instance_has_it() -> None:
    class Darkness:
        """To which dark things are wooden."""

        def has(self, cutout: Image.Image, noun: str, attribute: Attribute) -> float | None:
            middle = cutout.convert("L").getpixel((cutout.width // 2, cutout.height // 2))
            return 0.9 if middle == 0 else 0.1

        def yes(self, picture: Image.Image, question: str) -> float | None:
            return None

    cups = [thing("cup", 0.1, 0.1), thing("cup", 0.6, 0.6)]
    picture = painted("#ffffff", ((20, 20, 59, 59), "#000000"), ((120, 120, 159, 159), "#f0e0d0"))
    scene = Scene(
        prompt="two wooden cups",
        caption="two wooden cups",
        entities=[Entity(id="cup", noun="cup", count=2, attributes=[WOODEN], span="cups")],
    )
    given = await GroundedInspector(lambda picture, nouns, at_once=False: cups, Darkness()).inspect(
        picture, checklist(scene)
    )
    (material,) = [verdict for verdict in given if verdict.question_id == "cup.material.0"]
    assert (material.status, material.box) == ("fail", cups[1].box)


async def test_a_model_that_compares_with_texts_tells_materials_but_no_relations(tmp_path: Path) -> None:
    vqa = VqaModel(str(tiny_models.clip(tmp_path / "clip")))
    cutout = painted("#102070")
    others = [vqa.has(cutout, "cup", Attribute(kind="material", value=word)) for word in ("wooden", "glass", "iron")]
    assert all(p is not None and 0 < p < 1 for p in others)
    assert vqa.has(cutout, "cup", Attribute(kind="size", value="large")) is None
    assert (await inspected(vqa))["relation.0"].status == "unsure"


def test_a_picture_that_a_model_cannot_take_is_told_of_in_one_line_and_the_next_one_is_taken(tmp_path: Path) -> None:
    asking = VqaModel(str(tiny_models.vilt(tmp_path / "vilt", "yes")))
    comparing = VqaModel(str(tiny_models.clip(tmp_path / "clip")))
    with pytest.raises(BackboneError, match=r"vqa '.*' failed \(.*\): take a smaller picture") as caught:
        asking.yes(Image.new("RGB", (4000, 1)), "Is it a cup?")
    assert "\n" not in str(caught.value)
    with pytest.raises(BackboneError, match=r"vqa '.*' failed \(.*\): take a smaller picture"):
        comparing.has(Image.new("RGB", (0, 0)), "cup", WOODEN)
    assert asking.yes(painted("#102070"), "Is it a cup?") == pytest.approx(1, abs=0.1)
    assert comparing.has(painted("#102070"), "cup", WOODEN) is not None


async def test_what_nobody_asked_for_is_noticed_where_it_is_no_part_of_what_was() -> None:
    def detect(picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
        return [thing("person", 0.62, 0.62), thing("hat", 0.1, 0.1, 0.5), thing("bird", 0.1, 0.62)] if at_once else seen

    seen = [thing("cup", 0.1, 0.1), thing("dog", 0.6, 0.6)]
    plain = SCENE.model_copy(update={"background": "sand"})
    given = await GroundedInspector(detect).inspect(painted("#d0b890"), checklist(plain))
    others = next(verdict for verdict in given if verdict.question_id == "others")
    assert (others.status, others.evidence) == ("fail", "also found: a bird")
    assert others.boxes == [thing("bird", 0.1, 0.62).box]


def test_owlv2_boxes_lie_where_they_are_on_a_picture_that_was_padded_to_a_square(tmp_path: Path) -> None:
    detector = OpenVocabularyDetector(str(tiny_models.owlv2(tmp_path / "owlv2")))
    found = detector.detect(Image.new("RGB", (120, 90), "red"), ["cup", "very large dog with an uncommonly long name"])
    assert len(found) == 12
    first = min((each.box for each in found), key=lambda each: (round(each.y0, 2), each.x0))
    assert (first.x0, first.y0, first.x1, first.y1) == pytest.approx((1 / 8, 1 / 6, 3 / 8, 1 / 2), abs=0.01)
    assert set(found[0].nouns) == {"cup", "very large dog with an uncommonly long name"}


async def test_grounding_dino_answers_a_checklist_through_the_same_door(tmp_path: Path, blocks: Blocks) -> None:
    folder = tiny_models.grounding_dino(tmp_path / "dino")
    chosen = wiring.settings(**(blocks() | {"inspector": "grounded", "detector": str(folder)}))
    questions = checklist(SCENE)
    given = await wiring.inspector(chosen).inspect(painted("#d0b890"), questions)
    assert [verdict.question_id for verdict in given] == [question.id for question in questions.questions]
    assert {verdict.source for verdict in given} == {"grounded"}
    assert given[0].boxes


def test_a_model_of_another_kind_or_none_at_all_is_told_of_in_one_line(tmp_path: Path) -> None:
    clip = str(tiny_models.clip(tmp_path / "clip"))
    picture = Image.new("RGB", (64, 64))
    with pytest.raises(BackboneError, match=r"is a model of type clip: give a zero-shot object detector such as"):
        OpenVocabularyDetector(clip).detect(picture, ["cup"])
    with pytest.raises(BackboneError, match=r"detector 'owl' is neither a folder nor a hub id"):
        OpenVocabularyDetector("owl")
    (tmp_path / "clip" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(BackboneError, match=r"could not be loaded \(.*\): check that it is complete") as caught:
        VqaModel(clip).yes(picture, "Is it a cup?")
    assert "\n" not in str(caught.value)


async def test_what_is_on_a_picture_is_what_is_looked_for_and_what_one_notices() -> None:
    def detect(picture: Image.Image, nouns: Sequence[str], at_once: bool = False) -> list[Detection]:
        there = {"unicorn": (0.0, 0.0), "dog": (0.5, 0.5)}
        return [thing(noun, *place, side=0.5) for noun, place in there.items() if noun in nouns]

    picture = Image.new("RGB", (64, 64), "white")
    picture.paste((200, 30, 30), (32, 32, 64, 64))
    inspector = GroundedInspector(detect)
    assert str(await inspector.observe(picture, ["unicorn"])) == "a white unicorn, a red dog"
    assert str(await inspector.observe(picture, [])) == "a red dog"
