"""draw, adraw and stream, as a Python caller sees them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from block_world import BlockPainter
from held_painter import HeldPainter
from PIL import Image
from scripted_model import ScriptedModel, call

import muralist
from muralist.tools.errors import BadLayout, BadPrompt, BadSettings, Cancelled, StoreError
from muralist.tools.layout import parse_split_ratio
from muralist.tools.ports import PaintSpec
from muralist.view.view import RunView

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_draw_gives_a_verified_picture(blocks: Blocks) -> None:
    result = muralist.draw(PROMPT, seed=7, **blocks())
    assert result.passed
    assert result.score > 0.8
    assert result.image.size == (128, 128)
    assert result.path is None
    assert result.attempts[0].seed == 7
    assert [entity.name for entity in result.scene.entities] == ["red cup", "blue book"]
    assert len(result.layout.regions) == 2
    assert result.run_id == result.run.run_id


async def test_draw_works_inside_a_running_event_loop(blocks: Blocks) -> None:
    result = muralist.draw(PROMPT, **blocks())
    assert result.passed


def test_the_same_seed_gives_the_same_bytes(blocks: Blocks, tmp_path: Path) -> None:
    named = blocks(BlockPainter(faults={3: [0]}))
    for name in ("one", "two"):
        muralist.draw(PROMPT, seed=3, out=tmp_path / name, **named)
    for file in ("final.png", "layout.png", "picture-1.png", "picture-2.png"):
        assert digest(tmp_path / "one" / file) == digest(tmp_path / "two" / file)


def test_the_folder_holds_everything_about_the_run(blocks: Blocks, tmp_path: Path) -> None:
    result = muralist.draw(PROMPT, out=tmp_path / "out", **blocks(BlockPainter(faults={0: [0]})))
    assert result.path == tmp_path / "out" / "final.png"
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "final.png", "layout.png", "picture-1.png", "picture-2.png", "report.html", "run.json",
    ]  # fmt: skip
    assert Image.open(result.path).tobytes() == result.image.tobytes()
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["result"]["passed"] is True
    assert record["run"]["best_id"] == result.image_id
    assert record["conditions"] | {"seed": 0, "backbone": "blocks", "model": "offline"} == record["conditions"]
    assert {"muralist", "torch", "diffusers"} <= set(record["conditions"])
    assert [event["seq"] for event in record["events"]] == list(range(len(record["events"])))


async def test_stream_ends_with_the_result(blocks: Blocks, tmp_path: Path) -> None:
    events = [event async for event in muralist.stream(PROMPT, out=tmp_path / "out", **blocks())]
    assert [event.kind for event in events[-2:]] == ["finished", "result"]
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].data["passed"] is True
    assert events[-1].data["path"] == str(tmp_path / "out" / "final.png")


async def test_leaving_a_stream_stops_the_run(blocks: Blocks) -> None:
    painted: list[PaintSpec] = []
    events = muralist.stream(PROMPT, **blocks(BlockPainter(faults={0: [0]}, on_paint=painted.append)))
    async for event in events:
        if event.kind == "judged":
            break
    await events.aclose()
    assert len(painted) == 1


async def test_a_stream_leaves_the_callers_event_to_the_caller(blocks: Blocks) -> None:
    cancel = threading.Event()
    _ = [event async for event in muralist.stream(PROMPT, cancel=cancel, **blocks())]
    left = muralist.stream(PROMPT, cancel=cancel, **blocks())
    await anext(left)
    await left.aclose()
    assert not cancel.is_set()


async def test_the_callers_event_stops_a_stream(blocks: Blocks) -> None:
    cancel = threading.Event()
    painter = HeldPainter(faults={0: [0]}, on_hold=cancel.set)
    *_, last = [event async for event in muralist.stream(PROMPT, cancel=cancel, **blocks(painter))]
    assert (last.kind, last.data["status"], last.data["attempts"]) == ("result", "cancelled", 1)


async def test_a_stream_passes_errors_on(blocks: Blocks) -> None:
    with pytest.raises(BadPrompt, match=r"^the prompt is empty"):
        _ = [event async for event in muralist.stream("", **blocks())]


async def test_cancelling_midway_keeps_and_writes_what_was_finished(blocks: Blocks, tmp_path: Path) -> None:
    cancel = threading.Event()
    painter = BlockPainter(
        faults={seed: [0] for seed in range(9)}, on_paint=lambda spec: spec.seed == 2 and cancel.set()
    )
    steps = []
    result = await muralist.adraw(
        PROMPT, out=tmp_path / "out", cancel=cancel, on_event=lambda event: steps.append(event.kind), **blocks(painter)
    )
    assert (result.run.status, len(result.attempts)) == ("cancelled", 2)
    assert result.reason == "stopped at step 1 of 2"
    assert steps.count("step") == 5
    assert (tmp_path / "out" / "final.png").is_file()
    assert json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["run"]["status"] == "cancelled"


async def test_cancelling_before_the_first_picture_leaves_nothing(blocks: Blocks, tmp_path: Path) -> None:
    cancel = threading.Event()
    painter = BlockPainter(on_paint=lambda spec: cancel.set())
    with pytest.raises(Cancelled, match=r"^stopped at step 1 of 2$"):
        await muralist.adraw(PROMPT, out=tmp_path / "made" / "out", cancel=cancel, **blocks(painter))
    assert not (tmp_path / "made").exists()


async def test_a_cancelled_task_writes_what_was_finished_and_stops_no_other(blocks: Blocks, tmp_path: Path) -> None:
    loop, cancel = asyncio.get_running_loop(), threading.Event()
    painter = HeldPainter(faults={0: [0]}, on_hold=lambda: loop.call_soon_threadsafe(task.cancel))
    task = asyncio.ensure_future(muralist.adraw(PROMPT, out=tmp_path / "out", cancel=cancel, **blocks(painter)))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "out" / "picture-1.png").is_file()
    assert not (tmp_path / "out" / "picture-2.png").exists()
    assert not cancel.is_set()


async def test_a_cancelled_scope_of_anyio_writes_what_was_finished(blocks: Blocks, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    with anyio.CancelScope() as scope:
        painter = HeldPainter(faults={0: [0]}, on_hold=lambda: loop.call_soon_threadsafe(scope.cancel))
        await muralist.adraw(PROMPT, out=tmp_path / "out", **blocks(painter))
    assert scope.cancelled_caught
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert (record["run"]["status"], len(record["run"]["attempts"])) == ("cancelled", 1)
    assert (tmp_path / "out" / "final.png").is_file()


def test_ctrl_c_writes_what_was_finished(blocks: Blocks, tmp_path: Path) -> None:
    cancel = threading.Event()

    def on_paint(spec: PaintSpec) -> None:
        if spec.seed == 1:
            os.kill(os.getpid(), signal.SIGINT)
            cancel.wait(timeout=20)

    painter = BlockPainter(faults={0: [0]}, on_paint=on_paint)
    with pytest.raises(KeyboardInterrupt):
        muralist.draw(PROMPT, out=tmp_path / "out", cancel=cancel, **blocks(painter))
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert (record["run"]["status"], len(record["run"]["attempts"])) == ("cancelled", 1)


def test_a_callers_layout_takes_the_place_of_the_agents_plan(blocks: Blocks) -> None:
    grid = parse_split_ratio("1;2,3,1", "a green apple BREAK a red cup BREAK a blue book", "three things")
    prompt = "a green apple above a red cup, and a blue book to the right of the red cup"
    result = muralist.draw(prompt, layout=grid, **blocks())
    assert result.passed
    assert [(region.prompt, region.x0, region.y0) for region in result.layout.regions] == [
        ("a green apple", 0, 0), ("a red cup", 0, pytest.approx(1 / 3)), ("a blue book", 0.75, pytest.approx(1 / 3)),
    ]  # fmt: skip


def test_a_layout_that_contradicts_the_prompt_is_an_error(blocks: Blocks, tmp_path: Path) -> None:
    grid = parse_split_ratio("1,1,1", "a blue book BREAK a red cup", "two things")
    with pytest.raises(BadLayout, match=r"^cup has to be left of book, but the regions"):
        muralist.draw(PROMPT, layout=grid, out=tmp_path / "out", **blocks())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("prompt", "options", "kind", "message"),
    [
        ("", {}, BadPrompt, "the prompt is empty"),
        ("x" * 2001, {}, BadPrompt, "the prompt has 2001 characters: at most 2000 are possible"),
        ("a cup", {}, BadPrompt, "'cup' has no colour"),
        (PROMPT, {"steps": 0}, BadSettings, "steps is 0"),
        (PROMPT, {"width": 130}, BadSettings, "width is 130"),
        (PROMPT, {"seed": -1}, BadSettings, "seed: "),
        (PROMPT, {"brush": "fine"}, BadSettings, "there is no setting 'brush': there are backbone, "),
        (PROMPT, {"backbone": "crayon"}, BadSettings, "there is no backbone 'crayon'"),
    ],
)
def test_bad_input_is_an_error_of_one_line(
    blocks: Blocks, prompt: str, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        muralist.draw(prompt, **{**blocks(), **options})
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_store_that_cannot_be_written_is_an_error_of_one_line(blocks: Blocks, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match=r"^cannot use the folder"):
        muralist.draw(PROMPT, **{**blocks(), "home": tmp_path / "file"})


def test_the_layout_is_that_of_the_picture_not_the_latest_plan(blocks: Blocks, tmp_path: Path) -> None:
    plans = [parse_split_ratio(ratio, "a red cup BREAK a blue book", "blocks").layout() for ratio in ("1,1,1", "1,3,1")]
    drawn = [plan.model_dump(mode="json", exclude_none=True) for plan in plans]
    for region, entity in zip((r for plan in drawn for r in plan["regions"]), ["cup", "book"] * 2, strict=True):
        region["instances"] = [{"entity": entity}]
    first, second = ([call("plan", layout=plan), call("regional_diffuse")] for plan in drawn)
    model = ScriptedModel(turns=[call("recaption", prompt=PROMPT), *first, *second])
    painter = BlockPainter(faults={0: [1], 1: [0, 1]})
    result = muralist.draw(PROMPT, out=tmp_path / "out", **blocks(painter, model=model))
    assert [len(attempt.layout.regions) for attempt in result.attempts] == [2, 2]
    assert result.image_id == result.attempts[0].image_id
    assert [region.x1 for region in result.layout.regions] == [0.5, 1]
    shown = embedded(tmp_path / "out" / "report.html")
    assert [region.box for region in shown.attempts[0].regions] == [region.box for region in result.layout.regions]


def test_a_home_below_the_users_own_is_found(blocks: Blocks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    named = blocks()
    del named["home"]
    monkeypatch.setenv("MURALIST_HOME", "~/kept")
    muralist.draw(PROMPT, **named)
    assert (tmp_path / "me" / "kept" / "muralist.sqlite").is_file()
    assert not (tmp_path / "~").exists()


def test_settings_may_be_handed_over_whole(blocks: Blocks) -> None:
    settings = muralist.Settings(**blocks())
    result = muralist.draw(PROMPT, settings=settings, steps=3, width=64)
    assert result.image.size == (64, 128)
    assert result.run.options.steps == 3


def embedded(report: Path) -> RunView:
    """The run that the report holds."""
    found = re.search(r'<script id="run" type="application/json">(.*?)</script>', report.read_text(encoding="utf-8"))
    assert found
    return RunView.model_validate_json(found[1])


def test_the_report_is_one_file_that_shows_every_attempt(blocks: Blocks, tmp_path: Path) -> None:
    painter = BlockPainter(faults={0: [1], 1: [0]})
    muralist.draw("a red cup & a blue book", out=tmp_path / "out", **blocks(painter))
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for outside in ("http://", "https://", "<script src", "<link"):
        assert outside not in page
    shown = embedded(tmp_path / "out" / "report.html")
    assert shown.prompt == "a red cup & a blue book"
    assert [attempt.picture.partition(",")[0] for attempt in shown.attempts] == ["data:image/png;base64"] * 3
    assert "Is there a book?" in [question.text for question in shown.attempts[0].questions]
    rows = {each.title: dict(each.rows) for each in shown.details}
    assert rows["What it took"]["rounds"].startswith("2 of ")
    assert "torch" in rows["How it was painted"]
    assert rows["What was understood"]["thing"] == "blue book"


def test_importing_muralist_loads_no_torch_and_no_graph() -> None:
    code = (
        "import sys, muralist, muralist.tools, muralist.agent; muralist.Region; "
        "print([name for name in ('torch', 'diffusers', 'transformers', 'langgraph', 'langchain_core') "
        "if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_every_name_of_the_front_door_opens() -> None:
    for name in muralist.__all__:
        assert getattr(muralist, name) is not None
    with pytest.raises(AttributeError, match=r"no attribute 'paint'"):
        _ = muralist.paint
