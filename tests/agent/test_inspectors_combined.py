"""Inspectors by name, joined by a plus: chosen in the settings, and shown where they disagree."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from block_world import COLOURS, BlockInspector, BlockPainter
from PIL import Image
from scripted_model import ScriptedModel, call

import muralist
from muralist.agent.inspectors.combined import CombinedInspector
from muralist.runs import wiring
from muralist.tools.checklist import Checklist
from muralist.tools.errors import BackboneError, BadSettings
from muralist.tools.verdict import Verdict, status_of

Blocks = Callable[..., dict[str, Any]]
PROMPT = "a red cup to the left of a blue book"


@dataclass
class Doubter:
    """Fails some questions, is unsure about the rest."""

    fails: Sequence[str]
    p: float = 0.35
    name: str = "doubter"

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        answers = {question.id: self.p if question.id in self.fails else 0.5 for question in checklist.questions}
        return [
            Verdict(question_id=each, status=status_of(p), p=p, source=self.name, evidence="I doubt it")
            for each, p in answers.items()
        ]


@pytest.fixture
def doubted(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Settings by which block world's inspector is joined by a doubter."""

    def use(doubter: Doubter, painter: BlockPainter | None = None) -> dict[str, Any]:
        monkeypatch.setitem(wiring.INSPECTORS, "doubter", lambda settings: doubter)
        return blocks(painter) | {"inspector": "blocks+doubter"}

    return use


async def test_a_disagreement_is_in_the_verdicts_the_record_and_the_report(
    doubted: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    result = await muralist.adraw(PROMPT, **doubted(Doubter(["cup.count"])), out=tmp_path / "run")
    assert result.passed
    (disputed,) = [verdict for verdict in result.attempt.verdicts or [] if verdict.dispute]
    assert (disputed.question_id, disputed.source) == ("cup.count", "blocks+doubter")
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    kept = [verdict for verdict in record["run"]["attempts"][0]["verdicts"] if verdict["dispute"]]
    assert [[each["source"], each["status"]] for each in kept[0]["dispute"]] == [
        ["blocks", "pass"],
        ["doubter", "fail"],
    ]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert page.count('"disputed":true') == 1
    assert "doubter says fail (0.35)" in page


async def test_a_sure_doubter_keeps_a_picture_from_passing(doubted: Callable[..., dict[str, Any]]) -> None:
    result = await muralist.adraw(PROMPT, **doubted(Doubter(["cup.count"], p=0.02)), rounds=0)
    assert not result.passed
    assert {verdict.status for verdict in result.attempt.verdicts or [] if verdict.question_id == "cup.count"} <= {
        "unsure", "fail",
    }  # fmt: skip


async def test_unsure_inspectors_are_filled_in_by_the_other(doubted: Callable[..., dict[str, Any]]) -> None:
    painter = BlockPainter(faults={0: [1]})
    result = await muralist.adraw(PROMPT, **doubted(Doubter([]), painter))
    assert result.passed
    assert {verdict.source for verdict in result.attempt.verdicts or []} == {"blocks+doubter"}


@dataclass
class Fickle(BlockInspector):
    """Block world's inspector, which denies the number of cups at some of its asks."""

    lies_at: Sequence[int] = ()
    asks: int = 0
    name: str = "fickle"

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        lies = self.asks in self.lies_at
        self.asks += 1
        return [
            verdict.model_copy(update={"p": 0.02, "status": "fail"})
            if lies and verdict.question_id == "cup.count"
            else verdict
            for verdict in await super().inspect(image, checklist)
        ]


@pytest.mark.parametrize(("lies_at", "accepted"), [([1], True), ([1, 2], False)])
async def test_a_flipped_question_is_asked_of_all_once_more_before_it_counts(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, lies_at: Sequence[int], accepted: bool
) -> None:
    fickle, doubter = Fickle(lies_at=lies_at), Doubter([])
    monkeypatch.setitem(wiring.INSPECTORS, "fickle", lambda settings: fickle)
    monkeypatch.setitem(wiring.INSPECTORS, "doubter", lambda settings: doubter)
    chosen = blocks(BlockPainter(faults={0: [1]})) | {"inspector": "fickle+doubter"}
    result = await muralist.adraw(PROMPT, **chosen, rounds=1)
    assert fickle.asks == 3
    assert result.attempts[1].accepted is accepted
    assert ("worse at cup.count" in result.attempts[1].reason) is not accepted


async def test_if_one_inspector_breaks_the_run_says_so_and_keeps_the_picture(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(Doubter):
        async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
            raise BackboneError("the glasses are broken: take others")

    monkeypatch.setitem(wiring.INSPECTORS, "broken", lambda settings: Broken([]))
    result = await muralist.adraw(PROMPT, **(blocks() | {"inspector": "blocks+broken"}))
    assert "the glasses are broken" in result.reason
    assert result.image.size == (128, 128)


@pytest.mark.parametrize("name", ["glass", "picturebook+glass", "picturebook+"])
def test_an_unknown_inspector_is_told_of_with_those_there_are(name: str) -> None:
    with pytest.raises(BadSettings, match=r"choose .*caller, grounded, mllm, picturebook, or several joined by [+]"):
        wiring.inspector(wiring.settings(inspector=name))


def test_one_inspector_named_twice_is_one() -> None:
    assert wiring.inspector(wiring.settings(inspector="picturebook + picturebook")).name == "picturebook"


async def test_with_the_caller_as_inspector_a_run_awaits_verdicts_that_then_count_alone(blocks: Blocks) -> None:
    questions = ["cup.exists", "cup.colour.0", "cup.count", "others"]
    model = ScriptedModel(
        turns=[
            call("recaption", prompt="a red cup"),
            call("plan"),
            call("regional_diffuse"),
            call("inspect_and_edit", verdicts=[{"question_id": each, "p": 0.9} for each in questions]),
        ]
    )
    result = await muralist.adraw("a red cup", **(blocks(model=model) | {"inspector": "caller"}))
    assert "awaits verdicts: answer the open questions" in str(model.read[3][-1].content)
    assert result.passed
    assert {verdict.source for verdict in result.attempt.verdicts or []} == {"caller"}


async def test_a_caller_fills_in_only_what_the_others_leave_open(blocks: Blocks) -> None:
    model = ScriptedModel(
        turns=[
            call("recaption", prompt="a red cup"),
            call("plan"),
            call("regional_diffuse"),
            call("inspect_and_edit", verdicts=[{"question_id": "cup.count", "p": 0.9}]),
        ]
    )
    chosen = blocks(inspector=BlockInspector(blind_to=["count"]), model=model)
    result = await muralist.adraw("a red cup", **(chosen | {"inspector": "blocks+caller"}))
    sources = {verdict.question_id: verdict.source for verdict in result.attempt.verdicts or []}
    assert result.passed
    assert sources.pop("cup.count") == "caller"
    assert set(sources.values()) == {"blocks+caller"}


async def test_the_first_that_can_says_what_is_on_a_picture() -> None:
    picture = Image.new("RGB", (64, 64), COLOURS["red"])
    seen = await CombinedInspector([Doubter([]), BlockInspector()]).observe(picture, [])
    assert str(seen) == "a red block"
    assert await CombinedInspector([Doubter([])]).observe(picture, []) is None
