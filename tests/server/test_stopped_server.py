"""A server that is stopped while it paints: one line, the exit code of the signal, and a run that can go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from block_world import BlockInspector, BlockPainter
from mortal import PROMPT

import muralist

SERVER = Path(__file__).parents[1] / "worlds" / "mortal_server.py"


def stopped(home: Path, name: str, point: str, number: int) -> tuple[subprocess.Popen[str], str, str]:
    """A server over stdio that signals itself while it paints, the id of its run, and what it said."""
    environment = {
        **os.environ, "MURALIST_HOME": str(home), "MURALIST_BACKBONE": "blocks", "MURALIST_INSPECTOR": "blocks",
        "MURALIST_STEPS": "3",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, str(SERVER), point, str(number), name], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    asked = {"name": "generate_image", "arguments": {"prompt": PROMPT, "wait_seconds": 0}}
    answer: dict[str, Any] = {}
    for method, id_, params in (
        ("initialize", 1, hello), ("notifications/initialized", None, {}), ("tools/call", 2, asked),
    ):  # fmt: skip
        named = {} if id_ is None else {"id": id_}
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **named}) + "\n")
        process.stdin.flush()
        while id_ is not None and (answer := json.loads(process.stdout.readline())).get("id") != id_:
            pass
    run_id = str(answer["result"]["structuredContent"]["run_id"])
    process.wait(60)
    assert process.stderr is not None
    return process, run_id, process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "point", "number"), [("SIGTERM", "step", 2), ("SIGTERM", "saved", 8), ("SIGINT", "stored", 1)]
)
def test_a_stopped_server_keeps_what_was_finished_and_says_so_in_one_line(
    tmp_path: Path, name: str, point: str, number: int
) -> None:
    home = tmp_path / "home"
    process, run_id, said = stopped(home, name, point, number)
    assert process.returncode == {"SIGTERM": 143, "SIGINT": 130}[name]
    assert said == f"muralist: stopped by {name}; runs can go on\n"
    assert [file.name for file in home.rglob("*") if file.suffix in (".part", ".lock")] == []
    parts = {"painter": BlockPainter(faults={0: [1], 1: [0]}), "inspector": BlockInspector()}
    result = muralist.resume(run_id, home=home, **parts)
    assert result.passed
    assert len(result.attempts) == 3
