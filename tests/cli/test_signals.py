"""Signals to a command: it ends with one line and its exit code, and leaves nothing half-done."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from command_line import run, run_id

PROMPT = "a red car to the left of a blue vase"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(command: list[str], process_environment: dict[str, str], tmp_path: Path) -> Start:
    """Begin `muralist draw` in a process, with some of its environment; the folder of its pictures is `out`."""

    def begin(*options: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, "draw", PROMPT, "-o", str(tmp_path / "out"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**process_environment, **environment},
        )  # fmt: skip

    return begin


def come_to(process: subprocess.Popen[str], text: str) -> str:
    """Read what the process tells until a line begins so."""
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if line.startswith(text):
            return told
    raise AssertionError(told)


def ended(process: subprocess.Popen[str], told: str = "") -> tuple[int, str, str]:
    """Exit code, the one line that is no progress, and the id of the run; nothing is left over beside it."""
    stdout, stderr = process.communicate(timeout=120)
    assert stdout == ""
    lines = (told + stderr).splitlines()
    (line,) = [line for line in lines if not line.startswith(("run ", "picture "))]
    return process.returncode, line, next((line[4:] for line in lines if line.startswith("run ")), "")


def left_over(tmp_path: Path) -> list[Path]:
    """Drafts, and blobs that were not finished."""
    return [path for path in tmp_path.rglob(".*") if path.suffix == ".part"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_run_keeps_what_was_finished_and_says_how_to_go_on(
    tmp_path: Path, start: Start, number: int, code: int
) -> None:
    process = start("--seed", "99", FAULTS="99", HELD="100")
    told = come_to(process, "picture 2 (")  # the first one is finished, the second waits for the signal
    process.send_signal(number)
    out = tmp_path / "out"
    status, line, run_id = ended(process, told)
    way_on = f"go on with: muralist resume {run_id[:8]} -o {out}"
    assert (status, line) == (code, f"muralist: stopped; what was finished is in {out}; {way_on}")
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert (record["run"]["status"], len(record["run"]["attempts"])) == ("cancelled", 1)
    assert left_over(tmp_path) == []
    shown = json.loads(run("show", run_id, "--json").stdout)
    assert (shown["state"], shown["next"]) == ("stopped", [f"muralist resume {run_id[:8]}"])
    resumed = json.loads(run("resume", run_id, "-o", str(out), "--json").stdout)
    assert (resumed["passed"], resumed["usage"]["images"]) == (True, 2)


@pytest.mark.parametrize("module", ["typer", "langgraph.graph", "muralist.agent"])
def test_before_anything_is_begun_a_signal_ends_the_command_at_once(tmp_path: Path, start: Start, module: str) -> None:
    assert ended(start(STRIKE=f"SIGTERM import {module}")) == (143, "muralist: stopped", "")
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "out").exists()


def test_a_script_gets_an_object_even_then(tmp_path: Path, start: Start) -> None:
    process = start("--json", STRIKE="SIGINT import typer")
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (130, "muralist: stopped\n")
    assert json.loads(stdout) == {"error": {"kind": "Cancelled", "message": "stopped"}}


def test_files_that_are_being_written_are_written(tmp_path: Path, start: Start) -> None:
    status, line, _ = ended(start(STRIKE="SIGINT write 2"))
    assert (status, line) == (130, f"muralist: stopped when all was done: it is in {tmp_path / 'out'}")
    assert {"final.png", "layout.png", "picture-1.png", "report.html", "run.json"} == {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_a_second_signal_ends_it_at_once_and_leaves_no_draft(tmp_path: Path, start: Start) -> None:
    process = start("--seed", "100")
    told = come_to(process, "picture 1 (")  # which waits for stdin, however often it is told to stop
    assert left_over(tmp_path)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
    status, line, run_id = ended(process, told)
    assert (status, line) == (
        130, f"muralist: stopped; go on with: muralist resume {run_id[:8]} -o {tmp_path / 'out'}"
    )  # fmt: skip
    assert left_over(tmp_path) == []
    assert json.loads(run("show", run_id, "--json").stdout)["state"] == "interrupted"


POINTS = ["save 1", "save 2 after", "checkpoint 3", "checkpoint 6 after", "step 1", "image 1", "image 1 after",
          "record 1", "save 10", "checkpoint 11", "step 4", "image 2", "write 1"]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_wherever_a_signal_comes_the_run_goes_on_to_the_same_bytes(tmp_path: Path, start: Start, point: str) -> None:
    status, _, stopped = ended(start("--seed", "1", FAULTS="1", STRIKE=f"SIGTERM {point}"))
    assert status == 143
    assert left_over(tmp_path) == []
    assert picture_of(stopped, tmp_path / "resumed") == undisturbed(tmp_path)


def picture_of(run_id: str, out: Path) -> tuple[bytes, Any]:
    """The bytes that a run ends with, and what it has used, once it is resumed."""
    report = json.loads(run("resume", run_id, "-o", str(out), "--json").stdout)
    return (out / "final.png").read_bytes(), {**report["usage"], "seconds": 0}


def undisturbed(tmp_path: Path) -> tuple[bytes, Any]:
    """The same of a run that nobody disturbs."""
    done = run("draw", PROMPT, "--seed", "1", "-o", str(tmp_path / "undisturbed"))
    return picture_of(run_id(done.stderr), tmp_path / "again")
