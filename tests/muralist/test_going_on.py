"""resume and fork from Python, and plans that wait for a person's word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockPainter

import muralist
from muralist.tools.errors import BadSettings, Outage, StoreError
from muralist.tools.ports import PaintSpec
from muralist.tools.run import Event, Run

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


def test_a_plan_without_anybody_to_decide_is_an_error_that_names_the_run(blocks: Blocks) -> None:
    named = {**blocks(), "approve": True}
    with pytest.raises(muralist.WaitsForDecision, match="waits for a decision about its plan") as waiting:
        muralist.draw(PROMPT, **named)
    asked: list[Run] = []

    async def decide(run: Run) -> dict[str, Any]:
        asked.append(run)
        return {"type": "approve"}

    result = muralist.resume(waiting.value.run_id, decide=decide, **named)
    assert result.passed
    assert asked[0].layout == result.layout


def test_what_was_wrong_with_a_persons_plan_is_told_when_it_is_asked_for_again(blocks: Blocks) -> None:
    named = {**blocks(), "approve": True}
    regions = [
        {"prompt": "a blue book", "x0": 0, "y0": 0, "x1": 0.5, "y1": 1},
        {"prompt": "a red cup", "x0": 0.5, "y0": 0, "x1": 1, "y1": 1},
    ]
    contrary = {"layout": {"base_prompt": PROMPT, "regions": regions}}
    decisions = [{"type": "edit", "edited_action": {"name": "plan", "args": contrary}}]

    def decide(run: Run) -> dict[str, Any]:
        if not decisions:
            raise muralist.WaitsForDecision
        return decisions.pop()

    with pytest.raises(muralist.WaitsForDecision) as waiting:
        muralist.draw(PROMPT, decide=decide, **named)
    assert waiting.value.mistake.startswith("cup has to be left of book")


@pytest.mark.parametrize("go_on", [muralist.resume, muralist.fork])
def test_settings_other_than_those_a_run_was_begun_with_are_refused(blocks: Blocks, go_on: Any) -> None:
    first = muralist.draw(PROMPT, **blocks())
    for name, other in {"steps": 20, "width": 256, "model": "nope", "seconds": 5.0}.items():
        with pytest.raises(BadSettings, match=rf"was begun with {name} .*, not {other!r}: leave it out .* draw anew"):
            go_on(first.run_id, **{**blocks(), name: other})
    assert go_on(first.run_id, **blocks(), width=None, model="offline").passed


@pytest.mark.parametrize("raised", [FileNotFoundError, BrokenPipeError])
def test_what_a_callers_own_functions_raise_is_theirs(blocks: Blocks, raised: type[OSError]) -> None:
    def fail(said: Run | Event) -> dict[str, Any]:
        if isinstance(said, Run) or said.kind == "tool":
            raise raised("of the caller")
        return {}

    with pytest.raises(raised, match="of the caller"):
        muralist.draw(PROMPT, on_event=fail, **blocks())
    (begun,) = muralist.list_runs(settings=muralist.Settings(home=blocks()["home"]))
    assert muralist.resume(begun.run_id, **blocks()).passed
    with pytest.raises(raised, match="of the caller"):
        muralist.draw(PROMPT, decide=fail, **blocks(), approve=True)


def test_a_fork_tells_of_its_own_opening(blocks: Blocks) -> None:
    first = muralist.draw(PROMPT, **blocks())
    heard: list[Event] = []
    fork = muralist.fork(first.run_id, seed=3, on_event=heard.append, **blocks())
    assert (heard[0].kind, heard[0].run_id, heard[0].data["parent"]) == ("opened", fork.run_id, first.run_id)
    assert [event.seq for event in fork.events] == sorted({event.seq for event in fork.events})


def test_a_run_without_its_checkpoints_is_not_begun_anew(blocks: Blocks, tmp_path: Path) -> None:
    def unreachable(spec: PaintSpec) -> None:
        raise Outage("the painter cannot be reached")

    with pytest.raises(Outage):
        muralist.draw(PROMPT, **blocks(BlockPainter(on_paint=unreachable)))
    (tmp_path / "home" / "checkpoints.sqlite").unlink()
    (known,) = muralist.list_runs(settings=muralist.Settings(home=tmp_path / "home"))
    with pytest.raises(StoreError, match="has lost its checkpoints: fork it"):
        muralist.resume(known.run_id, **blocks())
    assert muralist.fork(known.run_id, **blocks()).passed
