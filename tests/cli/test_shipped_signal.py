"""The shipped backbone, interrupted while it is loaded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import muralist.picturebook

WEIGHTS = Path(str(muralist.picturebook.__file__)).parent / "weights" / "backbone" / "model_index.json"


@pytest.mark.slow
@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the picturebook weights are not there")
def test_while_the_backbone_is_loaded_a_signal_ends_the_command_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MURALIST_")}
    environment |= {"MURALIST_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "muralist"]
    options = ["-o", str(tmp_path / "out")]
    process = subprocess.Popen(
        [*command, "draw", "a red apple", "--rounds", "0", "--steps", "2", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stderr is not None
    told = [process.stderr.readline()]
    while not told[-1].startswith("picture 1 ("):  # which has to be loaded for first
        told.append(process.stderr.readline())
        assert told[-1], told
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=120)
    run_id = told[0].removeprefix("run ").strip()
    assert (process.returncode, stdout) == (143, "")
    assert stderr.count("\n") == 1
    assert f"go on with: muralist resume {run_id[:8]} " in stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]
    resumed = subprocess.run(
        [*command, "resume", run_id, *options, "--json"], capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(resumed.stdout)["usage"]["images"] == 1
