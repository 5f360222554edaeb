"""What a run does when something breaks, when its time is up, and how it is kept for the tools."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from scripted_model import ScriptedModel, call

import muralist
from muralist.runs import clock
from muralist.storage import FileStore
from muralist.tools.errors import MuralistError, PreconditionFailed, StoreError
from muralist.tools.ports import PaintSpec
from muralist.tools.run import Event
from muralist.tools.scene import Scene

PROMPT = "a red cup to the left of a blue book"
FIRST_PICTURE = [call("recaption", prompt=PROMPT), call("plan"), call("regional_diffuse")]
Blocks = Callable[..., dict[str, Any]]


def only_at(seed: int, act: Callable[[], Any]) -> Callable[[PaintSpec], None]:
    """Do something when the picture of that seed is begun."""

    def on_paint(spec: PaintSpec) -> None:
        if spec.seed == seed:
            act()

    return on_paint


@pytest.fixture
def time_flies(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Calling it makes an hour pass."""
    passed, now = [0.0], clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + passed[0])
    return lambda: passed.append(passed.pop() + 3600)


async def test_a_model_that_cannot_be_reached_ends_the_run_with_the_best_picture(
    blocks: Blocks, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    model = ScriptedModel(turns=[*FIRST_PICTURE, ConnectionError("connection refused\nby the server")])
    named = blocks(BlockPainter(faults={0: [0]}), model=model)
    result = await muralist.adraw(PROMPT, out=tmp_path / "out", **named)
    assert result.run.status == "failed"
    assert result.reason == "model scripted failed: connection refused by the server"
    assert (tmp_path / "out" / "final.png").is_file()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None


async def test_a_model_that_cannot_be_reached_at_all_is_an_error_of_one_line(blocks: Blocks) -> None:
    with pytest.raises(MuralistError, match=r"^model scripted failed: ConnectionError$"):
        await muralist.adraw(PROMPT, **blocks(model=ScriptedModel(turns=[ConnectionError()])))


async def test_a_tool_that_breaks_ends_the_run_with_the_best_picture(blocks: Blocks) -> None:
    def invalid() -> None:
        Scene.model_validate({"prompt": 7})

    painter = BlockPainter(faults={0: [0, 1]}, on_paint=only_at(1, invalid))
    result = await muralist.adraw(PROMPT, **blocks(painter))
    assert (result.run.status, len(result.attempts)) == ("failed", 1)
    assert result.reason.startswith("tool ")
    assert "failed: prompt: Input should be a valid string" in result.reason
    assert "\n" not in result.reason


async def test_a_picture_whose_inspector_breaks_is_kept_and_handed_over(blocks: Blocks) -> None:
    class Blind(BlockInspector):
        async def inspect(self, *_: Any) -> Any:
            raise OSError("no light")

    result = await muralist.adraw(PROMPT, **blocks(inspector=Blind()))
    assert (result.run.status, result.reason) == ("failed", "tool regional_diffuse failed: no light")
    assert (len(result.attempts), result.passed) == (1, False)


async def test_painting_stops_within_a_step_when_the_time_is_up(blocks: Blocks, time_flies: Callable[[], None]) -> None:
    steps: list[Event] = []
    painter = BlockPainter(faults={0: [0, 1]}, on_paint=only_at(1, time_flies))
    result = await muralist.adraw(
        PROMPT, on_event=lambda event: event.kind == "step" and steps.append(event), **blocks(painter)
    )
    assert (result.run.status, result.reason) == ("done", "the 600 seconds are used up")
    assert len(result.attempts) == 1
    assert [step.data["number"] for step in steps] == [1, 1, 2]


async def test_time_that_is_up_during_the_first_picture_is_the_error(
    blocks: Blocks, time_flies: Callable[[], None]
) -> None:
    with pytest.raises(MuralistError, match=r"^the 9 seconds are used up$"):
        await muralist.adraw(PROMPT, seconds=9, **blocks(BlockPainter(on_paint=only_at(0, time_flies))))


async def test_a_run_is_kept_as_it_ends(blocks: Blocks) -> None:
    named = blocks(BlockPainter(faults={0: [0]}))
    result = await muralist.adraw(PROMPT, **named)
    assert (await FileStore(named["home"]).load_run(result.run_id, "local"))[0] == result.run


async def test_a_run_that_another_holder_took_over_is_not_written_to(blocks: Blocks) -> None:
    def taken_over() -> None:
        with store.database.transaction(write=True) as db:
            db.execute("UPDATE leases SET fence=fence + 1")

    named = blocks(BlockPainter(on_paint=only_at(0, taken_over)))
    store = FileStore(named["home"])
    ids: list[str] = []
    with pytest.raises(StoreError, match="was taken over by another process"):
        await muralist.adraw(PROMPT, on_event=lambda event: ids.append(event.run_id), **named)
    run, _ = await store.load_run(ids[0], "local")
    assert (run.attempts, await store.images("local", 9)) == ([], [])


async def test_a_run_is_worked_on_by_one_at_a_time(blocks: Blocks) -> None:
    ids: list[str] = []
    seen: list[str] = []

    def again() -> None:
        with pytest.raises(PreconditionFailed, match="is being worked on") as caught:
            muralist.resume(ids[0], home=named["home"])
        seen.append(str(caught.value))

    named = blocks(BlockPainter(on_paint=only_at(0, again)))
    result = await muralist.adraw(PROMPT, on_event=lambda event: ids.append(event.run_id), **named)
    assert result.passed
    assert seen
