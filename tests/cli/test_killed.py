"""Runs whose process was killed or frozen: another one goes on with them, to the same bytes and the same counts."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command_line import run, run_id

PROMPT = "a red car to the left of a blue vase"
SEED = 1
"""At which the second region of the first picture is left out, so that it takes two."""
NODES = [f"checkpoint {number} {when}" for number in range(2, 17) for when in ("before", "after")]
POINTS = [
    "save 1 after", "step 1", "step 3", "image 1", "image 1 after", "save 9", "record 1", "record 1 after", "save 10",
    "save 10 after", "save 11", "step 5", "image 2", "image 2 after", "record 2 after", "save 16", "write 1", "write 3",
]  # fmt: skip


def draw(command: list[str], out: Path, environment: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "draw", PROMPT, "--seed", str(SEED), "-o", str(out)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env={**environment, **more},
    )  # fmt: skip


def end_of(run_id: str, out: Path) -> tuple[bytes, Any]:
    """The bytes that a run ends with, and what it has used, once it is resumed."""
    report = json.loads(run("resume", run_id, "-o", str(out), "--json").stdout)
    return (out / "final.png").read_bytes(), {**report["usage"], "seconds": 0}


def undisturbed(tmp_path: Path) -> tuple[bytes, Any]:
    """The same of a run that nobody disturbs."""
    done = run("draw", PROMPT, "--seed", str(SEED), "-o", str(tmp_path / "undisturbed"))
    return end_of(run_id(done.stderr), tmp_path / "again")


@pytest.mark.parametrize(
    "point", ["image 1 after", *(pytest.param(each, marks=pytest.mark.slow) for each in POINTS + NODES)]
)
def test_wherever_it_is_killed_a_run_ends_with_the_same_bytes_and_the_same_counts(
    tmp_path: Path, command: list[str], process_environment: dict[str, str], point: str
) -> None:
    out = tmp_path / "out"
    killed = draw(command, out, process_environment, FAULTS=str(SEED), STRIKE=f"SIGKILL {point}")
    assert killed.returncode == -signal.SIGKILL
    assert not out.exists()
    resumed = end_of(run_id(killed.stderr), out)
    assert resumed == undisturbed(tmp_path)
    assert resumed[1]["images"] == resumed[1]["inspector_calls"] == 2
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    numbers = [event["seq"] for event in record["events"]]
    assert numbers == sorted(set(numbers))


def rows(tmp_path: Path) -> list[Any]:
    """All that the home folder holds, but for who works on it."""
    found: list[Any] = []
    for file, tables in {
        "muralist.sqlite": ("runs", "images", "verdicts", "journal", "snapshots", "events"),
        "checkpoints.sqlite": ("checkpoints", "writes"),
    }.items():
        with sqlite3.connect(tmp_path / "home" / file) as db:
            found += [db.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables]
    return found


def test_one_that_was_frozen_and_taken_over_ends_with_one_line_and_writes_nothing(
    tmp_path: Path, command: list[str], process_environment: dict[str, str]
) -> None:
    frozen = subprocess.Popen(
        [*command, "draw", PROMPT, "--seed", "100", "-o", str(tmp_path / "frozen")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=process_environment,
    )  # fmt: skip
    assert frozen.stderr is not None
    told = [frozen.stderr.readline()]
    while not told[-1].startswith("picture 1 ("):  # which waits for stdin
        told.append(frozen.stderr.readline())
        assert told[-1], told
    frozen.send_signal(signal.SIGSTOP)
    run_id = told[0].removeprefix("run ").strip()
    taken = subprocess.run(
        [*command, "resume", run_id, "-o", str(tmp_path / "taken"), "--json"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
        env={**process_environment, "FROZEN": "0.5"},
    )  # fmt: skip
    report = json.loads(taken.stdout)
    assert (report["passed"], report["usage"]["images"]) == (True, 1)
    before = rows(tmp_path)
    frozen.send_signal(signal.SIGCONT)
    stdout, stderr = frozen.communicate(timeout=60)
    assert (frozen.returncode, stdout) == (2, "")
    assert stderr.startswith(f"muralist: run {run_id} was taken over by another process")
    assert stderr.count("\n") == 1
    assert rows(tmp_path) == before
    assert not (tmp_path / "frozen").exists()
    assert [path for path in tmp_path.iterdir() if path.suffix == ".part"] == []
