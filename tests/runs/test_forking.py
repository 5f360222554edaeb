"""What a fork keeps of the run that it goes back to, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter

import muralist
from muralist.runs.forking import forked, reached
from muralist.storage import FileStore
from muralist.tools.errors import BadSettings, PreconditionFailed
from muralist.tools.ports import PaintSpec
from muralist.tools.run import Run

PROMPT = "a red cup to the left of a blue book"


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Any]:
    painter = BlockPainter(faults={0: [1], 7: [0]})
    return {"home": tmp_path / "home", "steps": 2, "painter": painter, "inspector": BlockInspector()}


def test_a_fork_after_the_plan_keeps_scene_and_plan_and_takes_the_new_seed(parts: dict[str, Any]) -> None:
    parent = muralist.draw(PROMPT, **parts)
    child = muralist.fork(parent.run_id, at="plan", seed=7, **parts)
    assert (child.run.parent, child.run.scene, child.attempts[0].seed) == (parent.run_id, parent.run.scene, 7)
    assert child.run.attempts[0].layout == parent.run.attempts[0].layout
    assert child.passed
    assert [turn.tool for turn in child.run.turns][:1] == ["regional_diffuse"], "nothing is planned anew"


def test_a_fork_after_a_picture_goes_on_with_copies_of_the_pictures(parts: dict[str, Any]) -> None:
    parent = muralist.draw(PROMPT, **parts, rounds=0)
    assert not parent.passed
    child = muralist.fork(parent.run_id, at="regional_diffuse", rounds=3, **parts)
    assert child.passed
    assert child.attempts[0].image_id == f"{child.run_id}-1"
    assert child.pictures[f"{child.run_id}-1"].tobytes() == parent.image.tobytes()
    assert muralist.resume(parent.run_id, **parts).run == parent.run, "the parent is as it was"


def test_a_fork_with_another_budget_keeps_the_pictures(parts: dict[str, Any]) -> None:
    parent = muralist.draw(PROMPT, **parts, rounds=0)
    child = muralist.fork(parent.run_id, images=3, **parts)
    assert child.passed
    assert child.attempts[0].layout == parent.attempts[0].layout
    assert [turn.tool for turn in child.run.turns] == ["inspect_and_edit"], "the picture that is there is mended"


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"at": "plan"}, PreconditionFailed, "has not come to plan: it can be forked at start"),
        ({"at": "verify"}, BadSettings, "cannot be forked at verify: there are start, recaption, plan"),
        ({"rounds": 1000}, BadSettings, "rounds: "),
    ],
)
def test_what_cannot_be_forked_is_told(changes: dict[str, Any], kind: type[Exception], message: str) -> None:
    run = Run.open()
    assert reached(run) == ["start"]
    with pytest.raises(kind, match=message):
        forked(run, "child", **changes)


@pytest.mark.parametrize("gone", [False, True])
async def test_a_fork_has_the_pictures_that_were_painted_before_and_paints_again_what_is_missing(
    parts: dict[str, Any], gone: bool
) -> None:
    painted: list[PaintSpec] = []
    first = await muralist.adraw(PROMPT, **parts, rounds=0)
    if gone:
        (await FileStore(parts["home"]).path_of(first.image_id)).unlink()
    parts["painter"] = BlockPainter(faults={0: [1]}, on_paint=painted.append)
    child = await muralist.afork(first.run_id, at="plan", **parts)
    assert child.image.tobytes() == first.image.tobytes()
    assert len(painted) == gone
