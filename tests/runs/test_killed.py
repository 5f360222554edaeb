"""A run that is killed wherever it may be, and gone on with: the same picture, nothing done or counted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

MORTAL = Path(__file__).parents[1] / "worlds" / "mortal.py"


def lived(home: Path, point: str, number: int, *run: str) -> tuple[int, list[str]]:
    """Exit status and lines of a process that may kill itself."""
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(MORTAL), str(home), point, str(number), *run]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout.splitlines()


def effects(home: Path) -> Counter[str]:
    return Counter((home / "counts").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Counter[str]]:
    home = tmp_path_factory.mktemp("undisturbed")
    status, lines = lived(home, "never", 1)
    assert status == 0
    return json.loads(lines[-1]), effects(home)


POINTS = [
    *(("node", number) for number in (3, 7, 11)),
    *(("save", number) for number in (2, 6, 9)),
    *(("saved", number) for number in (5, 8)),
    ("stored", 1),
    *(("judged", number) for number in (1, 3)),
    *(("step", number) for number in (2, 4)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("point", "number"), POINTS)
def test_a_killed_run_goes_on_to_the_same_picture_and_counts_everything_once(
    tmp_path: Path, undisturbed: tuple[dict[str, Any], Counter[str]], point: str, number: int
) -> None:
    home = tmp_path / "home"
    status, lines = lived(home, point, number)
    assert status == -signal.SIGKILL, f"{point} {number} is never reached"
    status, more = lived(home, "never", 1, lines[0])
    assert status == 0
    expected, done = undisturbed
    assert json.loads(more[-1]) == expected
    # What was under way is done again, if it had not been kept; what was kept is not.
    again = effects(home) - done
    assert sum(again.values()) <= (1 if point in ("save", "saved", "step") else 0) or point == "judged"
    assert again["painted"] == 0


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_gets_there(
    tmp_path: Path, undisturbed: tuple[dict[str, Any], Counter[str]]
) -> None:
    home = tmp_path / "home"
    status, lines = lived(home, "saved", 2)
    run_id = lines[0]
    deaths = 1
    while status != 0:
        status, lines = lived(home, "saved", 2, run_id)
        deaths += 1
        assert deaths < 60
    assert deaths > 5
    assert json.loads(lines[-1]) == undisturbed[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "number"),
    [("save", 4), ("saved", 5), ("stored", 1), ("stored", 2), ("step", 4), *(("judged", n) for n in (1, 2, 3))],
)
def test_every_picture_that_was_paid_for_is_charged_once_wherever_the_run_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, number: int
) -> None:
    monkeypatch.setenv("PRICED", "1")
    home = tmp_path / "home"
    status, lines = lived(home, point, number)
    assert status == -signal.SIGKILL, f"{point} {number} is never reached"
    status, more = lived(home, "never", 1, lines[0])
    assert status == 0
    used, painted = json.loads(more[-1])["usage"], effects(home)["painted"]
    assert used["painter_calls"] == painted >= used["images"] > 1
    assert used["painter_money"] == used["money"] == 0.25 * painted
