"""A trainer in the background, steered from the shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from muralist.picturebook.glyphs import FONT_PATH

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FONT_PATH.exists(), reason="drawing needs the package fonts-noto-color-emoji"),
]

Shell = Callable[..., subprocess.CompletedProcess[str]]
PATIENCE = 600.0


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Calls the command on the autoencoder, the quickest to begin."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-m",
            "muralist.picturebook.train",
            "autoencoder",
            "--runs",
            str(tmp_path),
            *arguments,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    yield call
    call("--stop")


def status(folder: Path) -> dict[str, float]:
    file = folder / "autoencoder.json"
    found: dict[str, float] = (
        json.loads(file.read_text()) if file.exists() else {"samples": 0, "iteration": 0, "pid": 0}
    )
    return found


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.2)


def workers(supervisor: int) -> list[int]:
    """The processes that a supervisor has started."""
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children")
    return [int(word) for word in children.read_text().split()] if children.exists() else []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes where Linux shows them")
def test_it_trains_is_looked_at_goes_on_after_a_kill_is_paused_and_stopped(shell: Shell, tmp_path: Path) -> None:
    assert "never trained" in shell("--status").stdout
    refused = shell("--stop")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "start one with --background" in refused.stderr

    assert "trains in the background" in shell("--background", "--fresh", "--batch", "1").stdout
    until(lambda: status(tmp_path)["iteration"] >= 50)
    assert "autoencoder: training, process" in shell("--status").stdout
    again = shell("--background")
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "already works on" in again.stderr

    until((tmp_path / "autoencoder.pt").exists)
    supervisor = int(status(tmp_path)["pid"])
    (worker,) = workers(supervisor)
    os.kill(worker, signal.SIGKILL)
    log = tmp_path / "autoencoder.log"
    until(lambda: "was ended by signal 9: it goes on from its checkpoint" in log.read_text())
    until(lambda: "going on from" in log.read_text())
    seen = status(tmp_path)["samples"]
    until(lambda: status(tmp_path)["samples"] > seen)

    shell("--pause")
    assert "autoencoder: paused" in shell("--status").stdout
    shell("--go")
    stopped = shell("--stop")
    assert stopped.returncode == 0
    assert "not running" in stopped.stdout
    assert (tmp_path / "autoencoder.pt").exists()
