"""The four tools, called one by one in block world."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from PIL import Image

from muralist.agent import OfflineDrafter, propose_edits
from muralist.parsing import parse_prompt
from muralist.storage import FileStore
from muralist.tools.catalogue import TOOLS, offered
from muralist.tools.checklist import Checklist
from muralist.tools.errors import (
    BackboneError,
    BadSettings,
    EndpointError,
    MuralistError,
    OutOfBudget,
    PreconditionFailed,
)
from muralist.tools.outcome import Findings, Outcome
from muralist.tools.ports import PaintSpec, Ports
from muralist.tools.run import Options, Run
from muralist.tools.verdict import Verdict, status_of

PROMPT = "a red cup to the left of a blue book"
RIGHT = {"x0": 0.5, "y0": 0, "x1": 1, "y1": 1}


@dataclass
class Studio:
    """A run and its ports; `call` goes on from the last run."""

    folder: Path
    painter: BlockPainter = field(default_factory=BlockPainter)
    inspector: BlockInspector = field(default_factory=BlockInspector)
    run: Run = field(default_factory=lambda: Run.open(options=Options(steps=2)))
    painted: list[PaintSpec] = field(default_factory=list)

    async def call(self, tool: str, **arguments: Any) -> Outcome:
        self.painter.on_paint = self.painted.append
        ports = Ports(
            painter=self.painter, inspector=self.inspector, drafter=OfflineDrafter(),
            store=FileStore(self.folder), on_event=lambda kind, data: None, cancel=threading.Event(),
        )  # fmt: skip
        outcome = await TOOLS[tool].call(arguments, self.run, ports)
        self.run = outcome.run
        return outcome

    async def planned(self, prompt: str = PROMPT) -> Studio:
        await self.call("recaption", prompt=prompt)
        await self.call("plan")
        return self


def found(outcome: Outcome) -> Findings:
    return Findings.model_validate(outcome.data["findings"])


def narrow(share: float) -> dict[str, Any]:
    """The cup's column, `share` as wide as the book's."""
    columns = [
        {"prompt": "a red cup", "share": share, "instances": [{"entity": "cup"}]},
        {"prompt": "a blue book", "instances": [{"entity": "book"}]},
    ]
    return {"base_prompt": "blocks", "columns": columns}


async def test_a_picture_that_the_run_has_already_is_not_painted_again(tmp_path: Path) -> None:
    studio = await Studio(tmp_path).planned()
    first = await studio.call("regional_diffuse", seed=3)
    with pytest.raises(BadSettings, match=rf"seed 3 would give picture {first.data['image_id']} again"):
        await studio.call("regional_diffuse", seed=3)
    with pytest.raises(BadSettings, match="seed 3 would give"):
        await studio.call("regional_diffuse", seed=2, candidates=2)
    assert len(studio.painted) == 1
    await studio.call("plan", grid=narrow(0.5))
    other = await studio.call("regional_diffuse", seed=3)
    assert other.data["image_id"] != first.data["image_id"]


async def test_a_seed_that_is_left_out_is_one_that_was_not_tried(tmp_path: Path) -> None:
    studio = await Studio(tmp_path, BlockPainter(faults={seed: [0] for seed in range(9)})).planned()
    await studio.call("regional_diffuse", seed=1)
    await studio.call("regional_diffuse")
    await studio.call("regional_diffuse", candidates=2)
    assert [attempt.seed for attempt in studio.run.attempts] == [1, 2, 3, 4]


async def test_a_call_that_is_resumed_from_before_its_picture_gives_the_same_picture(tmp_path: Path) -> None:
    studio = await Studio(tmp_path).planned()
    before = studio.run
    first = await studio.call("regional_diffuse", seed=3)
    again = await Studio(tmp_path, run=before).call("regional_diffuse", seed=3)
    assert again.data["image_id"] == first.data["image_id"]
    assert again.run == first.run


async def test_findings_are_about_the_picture_that_was_painted(tmp_path: Path) -> None:
    studio = await Studio(tmp_path, inspector=BlockInspector(blind_to=["relation"])).planned()
    first = await studio.call("regional_diffuse")
    verdicts = [{"question_id": "relation.0", "p": 0.1}]
    await studio.call("inspect_and_edit", verdicts=verdicts)
    edit = {"action": "recolour", "entity": "book", "box": RIGHT}
    edited = await studio.call("inspect_and_edit", edits=[edit], seed=5)
    await studio.call("regional_diffuse", seed=9)
    again = await studio.call("inspect_and_edit", edits=[edit], seed=5)
    assert first.data["image_id"] != edited.data["image_id"] == again.data["image_id"]
    assert found(again).candidate_id == edited.data["image_id"]


async def test_steps_are_for_the_pictures_of_their_call_only(tmp_path: Path) -> None:
    studio = await Studio(tmp_path).planned()
    await studio.call("regional_diffuse", steps=5)
    await studio.call("regional_diffuse")
    assert [spec.steps for spec in studio.painted] == [5, 2]
    assert [attempt.steps for attempt in studio.run.attempts] == [5, 2]
    assert studio.run.options.steps == 2


@pytest.mark.parametrize("broken", [BackboneError("the paint ran dry"), BadSettings("the weather changed")])
async def test_what_stops_the_second_candidate_does_not_lose_the_first(tmp_path: Path, broken: MuralistError) -> None:
    class Fickle(BlockPainter):
        def _paint(self, spec: PaintSpec, *rest: Any) -> Any:
            if spec.seed:
                raise broken
            return super()._paint(spec, *rest)

    studio = await Studio(tmp_path, Fickle()).planned()
    outcome = await studio.call("regional_diffuse", candidates=3)
    assert len(studio.run.attempts) == 1
    assert outcome.text.endswith(f"No more were painted from seed 1 on: {broken}.")
    assert (await studio.call("regional_diffuse", seed=7)).stopped is broken
    assert len(studio.run.attempts) == 1


async def test_a_veto_outlives_the_next_inspection(tmp_path: Path) -> None:
    studio = await Studio(tmp_path).planned()
    assert found(await studio.call("regional_diffuse")).passed
    veto = [{"question_id": "book.colour.0", "p": 0.1, "evidence": "it is teal"}]
    vetoed = found(await studio.call("inspect_and_edit", verdicts=veto))
    again = found(await studio.call("inspect_and_edit"))
    other = [{"question_id": "cup.colour.0", "p": 0.9}]
    assert vetoed.verdicts == again.verdicts == found(await studio.call("inspect_and_edit", verdicts=other)).verdicts
    assert [question.id for question in again.open_questions] == ["book.colour.0"]
    taken_back = [{"question_id": "book.colour.0", "p": 0.9}]
    assert found(await studio.call("inspect_and_edit", verdicts=taken_back)).passed


async def test_a_candidate_that_awaits_verdicts_is_what_the_next_verdicts_are_about(tmp_path: Path) -> None:
    studio = await Studio(tmp_path, inspector=BlockInspector(blind_to=["relation"])).planned()
    first = await studio.call("regional_diffuse")
    assert [question.id for question in found(first).open_questions] == ["relation.0"]
    await studio.call("inspect_and_edit", verdicts=[{"question_id": "relation.0", "p": 0.1}])
    assert studio.run.best_id == first.data["image_id"]
    second = await studio.call("regional_diffuse")
    assert found(second).status == "awaiting_verdicts"
    assert [question.id for question in found(second).open_questions] == ["relation.0"]
    assert "relation.0: Is the red cup left of the blue book? unsure" in second.text
    answered = await studio.call("inspect_and_edit", verdicts=[{"question_id": "relation.0", "p": 0.9}])
    assert found(answered).candidate_id == second.data["image_id"] == studio.run.best_id
    assert studio.run.passed


async def test_another_scene_sets_pictures_and_moves_aside(tmp_path: Path) -> None:
    studio = await Studio(tmp_path, BlockPainter(faults={1: [0]})).planned()
    first = await studio.call("regional_diffuse", candidates=2)
    assert studio.run.rejected
    await studio.call("recaption", prompt=PROMPT)
    assert studio.run.best_id == first.data["findings"]["best_id"], "the same scene changes nothing"
    await studio.call("recaption", prompt=PROMPT + " and a green apple")
    assert (studio.run.best, studio.run.rejected, studio.run.layout, studio.run.passed) == (None, [], None, False)
    assert [attempt.verdicts for attempt in studio.run.attempts] == [None, None]
    assert offered(studio.run) == ["recaption", "plan"]
    await studio.call("plan")
    assert offered(studio.run) == ["recaption", "plan", "regional_diffuse"]
    second = await studio.call("regional_diffuse")
    assert found(second).candidate_id == studio.run.best_id
    with pytest.raises(PreconditionFailed, match="was painted for an earlier scene"):
        await studio.call("inspect_and_edit", image_id=first.data["image_id"])


async def test_a_picture_of_an_earlier_scene_may_be_painted_again_for_a_new_one(tmp_path: Path) -> None:
    studio = await Studio(tmp_path).planned()
    first = await studio.call("regional_diffuse", seed=0)
    scene = studio.run.scene
    assert scene is not None
    await studio.call(
        "recaption", prompt=PROMPT, scene=scene.model_copy(update={"relations": [], "unparsed": ["left"]})
    )
    await studio.call("plan")
    again = await studio.call("regional_diffuse", seed=0)
    assert again.data["image_id"] == first.data["image_id"] == studio.run.best_id
    assert len(studio.run.attempts) == 1


async def test_verdicts_number_instances_as_the_layout_of_their_picture_does(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    await studio.call("recaption", prompt="two red cups")
    columns = [{"prompt": "a red cup", "instances": [{"entity": "cup", "index": index}]} for index in (1, 0)]
    await studio.call("plan", grid={"base_prompt": "two red cups", "columns": columns})
    told = {verdict.question_id: verdict for verdict in found(await studio.call("regional_diffuse")).verdicts}
    left, right = told["cup.count"].boxes
    assert left.x1 < right.x0
    assert told["cup.count"].instances == told["cup.exists"].instances == [(0, right), (1, left)]


async def test_edits_of_the_best_picture_know_the_layout_it_was_painted_from(tmp_path: Path) -> None:
    studio = await Studio(tmp_path, BlockPainter(faults={0: [1]})).planned(PROMPT + " and a green apple")
    original = studio.run.layout
    await studio.call("regional_diffuse")
    assert found(await studio.call("inspect_and_edit")).layout is None
    scene, best = studio.run.scene, studio.run.best
    assert scene is not None
    assert best is not None
    edits = propose_edits(scene, studio.run.layout_of(best), best.verdicts or [], [])
    edited = await studio.call("inspect_and_edit", edits=[edit.model_dump(exclude_none=True) for edit in edits])
    assert studio.run.best_id == edited.data["image_id"]
    assert studio.run.best is not None
    assert studio.run.best.layout != studio.run.layout_of(studio.run.best) == original
    moved = original.model_copy(update={"base_ratio": 0.4}) if original else None
    await studio.call("plan", layout=moved)
    assert found(await studio.call("inspect_and_edit")).layout == original


async def test_the_ledger_names_whoever_drafted_the_scene_last(tmp_path: Path) -> None:
    studio = Studio(tmp_path, run=Run.open(drafted_by="some model"))
    await studio.call("recaption", prompt=PROMPT)
    assert studio.run.drafted_by == "offline"
    await studio.call("recaption", prompt=PROMPT, scene=parse_prompt(PROMPT))
    assert studio.run.drafted_by == "caller"


@dataclass
class Wavering(BlockInspector):
    """Overlooks the cup at its second look, with probability `overlooks`; the third look is right, or fails."""

    overlooks: float = 0.35
    fails: MuralistError | None = None
    looks: int = 0

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        self.looks += 1
        if self.looks == 3 and self.fails is not None:
            raise self.fails
        seen = await super().inspect(image, checklist)
        missed = {"status": status_of(self.overlooks), "p": self.overlooks, "boxes": [], "box": None}
        return [
            verdict.model_copy(update={**missed, "evidence": "no cup"})
            if self.looks == 2 and verdict.question_id == "cup.exists"
            else verdict
            for verdict in seen
        ]


async def looked_at_twice(folder: Path, inspector: Wavering) -> Studio:
    """A first picture without its book, then one that has everything, but of which the cup is overlooked."""
    studio = await Studio(folder, BlockPainter(faults={0: [1]}), inspector).planned()
    await studio.call("regional_diffuse", seed=0)
    await studio.call("regional_diffuse", seed=1)
    return studio


async def test_what_is_shown_of_a_question_asked_twice_is_the_answer_that_agrees(tmp_path: Path) -> None:
    studio = await looked_at_twice(tmp_path / "pass", Wavering())
    assert studio.run.passed
    cup = (studio.run.attempts[-1].verdicts or [])[0]
    assert (cup.question_id, cup.status, cup.evidence, len(cup.boxes)) == ("cup.exists", "pass", "1 found", 1)
    assert cup.p == pytest.approx(0.65)
    studio = await looked_at_twice(tmp_path / "unsure", Wavering(overlooks=0.0))
    cup = (studio.run.attempts[-1].verdicts or [])[0]
    assert (cup.status, cup.evidence, cup.box) == ("unsure", "no cup", None)


@pytest.mark.parametrize(
    "error", [OutOfBudget("all 9 calls of models are used up"), EndpointError("the connection was lost")]
)
async def test_an_inspection_that_cannot_be_asked_again_is_kept_and_says_so(
    tmp_path: Path, error: MuralistError
) -> None:
    studio = await looked_at_twice(tmp_path, Wavering(fails=error))
    first, second = studio.run.attempts
    assert (studio.run.best_id, second.accepted, second.reason.startswith("worse at cup.exists")) == (
        first.image_id, False, True,
    )  # fmt: skip
    told = {verdict.question_id: verdict for verdict in second.verdicts or []}
    assert told["cup.exists"].evidence == f"no cup; asked only once: {error}"
    assert told["book.exists"].evidence == "1 found"
    assert studio.run.usage.inspector_calls >= 2
    assert (await studio.call("inspect_and_edit")).data["findings"]["best_id"] == first.image_id


async def test_a_dispute_with_the_caller_follows_what_the_inspector_comes_to(tmp_path: Path) -> None:
    studio = await Studio(tmp_path, BlockPainter(faults={0: [1]}), Wavering()).planned()
    await studio.call("regional_diffuse", seed=0)
    before = studio.run
    await studio.call("regional_diffuse", seed=1)
    studio.run = before.painted(studio.run.attempts[-1].model_copy(update={"verdicts": None, "accepted": None}))
    studio.inspector = Wavering(looks=1)
    await studio.call("inspect_and_edit", verdicts=[{"question_id": "cup.exists", "p": 0.9}])
    cup = (studio.run.attempts[-1].verdicts or [])[0]
    assert (cup.status, cup.dispute) == ("pass", [])
