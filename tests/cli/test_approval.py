"""A plan that waits for a person's word: on a terminal, and by another command."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest
from command_line import assert_mistake, last_line, run, run_id

PROMPT = "a red car to the left of a blue vase"
PLAN = "1,3,1\na red car BREAK a blue vase\n"
CONTRARY = "1,1,1\na blue vase BREAK a red car\n"


@pytest.fixture
def waiting(tmp_path: Path) -> str:
    """Id of a run whose plan waits."""
    result = run("draw", PROMPT, "--approve", "-o", str(tmp_path / "out"))
    assert result.exit_code == 3
    return run_id(result.stderr)


def own_terminal() -> None:
    """Make what is stdin the process's terminal, by which Ctrl-C reaches it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def until(terminal: int, text: str = "") -> str:
    """What a terminal shows until there is that text, or all of it."""
    shown = ""
    while not (text and text in shown):
        try:
            data = os.read(terminal, 4096)
        except OSError:  # nobody writes to it any more
            break
        if not data:
            break
        shown += data.decode(errors="replace")
    return shown


def written(tmp_path: Path, text: str) -> Path:
    plan = tmp_path / "plan.txt"
    plan.write_text(text, encoding="utf-8")
    return plan


def test_without_a_terminal_one_line_says_how_to_decide_and_nothing_is_painted(tmp_path: Path, waiting: str) -> None:
    result = run("resume", waiting, "-o", str(tmp_path / "out"))
    way_on = f"go on with: muralist resume {waiting[:8]} -o {tmp_path / 'out'} --decide approve|reject|"
    assert result.exit_code == 3
    assert way_on in last_line(result)
    assert not (tmp_path / "out").exists()
    assert json.loads(run("resume", waiting, "--json").stdout)["error"]["run_id"] == waiting
    assert "waiting for approval" in run("runs").stdout
    assert "--decide approve" in run("show", waiting).stdout


def test_an_approved_plan_is_painted(tmp_path: Path, waiting: str) -> None:
    result = run("resume", waiting[:8], "--decide", "approve", "-o", str(tmp_path / "out"), "--json")
    assert json.loads(result.stdout)["passed"]
    assert (tmp_path / "out" / "final.png").is_file()


def test_a_plan_of_ones_own_is_painted_in_its_place(tmp_path: Path, waiting: str) -> None:
    decision = f"edit:{written(tmp_path, PLAN)}"
    report = json.loads(run("resume", waiting, "--decide", decision, "-o", str(tmp_path / "out"), "--json").stdout)
    car = next(region for region in report["layout"]["regions"] if region["prompt"] == "a red car")
    assert (report["passed"], car["x0"], car["x1"]) == (True, 0, 0.75)


def test_a_plan_that_contradicts_the_prompt_is_refused_and_the_run_waits_on(tmp_path: Path, waiting: str) -> None:
    result = run("resume", waiting, "--decide", f"edit:{written(tmp_path, CONTRARY)}", "-o", str(tmp_path / "out"))
    assert result.exit_code == 3
    assert "that plan cannot be painted: car has to be left of vase" in last_line(result)
    assert "waiting for approval" in run("show", waiting).stdout


def test_a_rejected_plan_ends_the_run_with_code_1(tmp_path: Path, waiting: str) -> None:
    result = run("resume", waiting, "--decide", "reject: too dull", "-o", str(tmp_path / "out"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert last_line(result) == "muralist: the plan was rejected: too dull"
    assert "stopped: the plan was rejected: too dull" in run("show", waiting).stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ("perhaps", "decision 'perhaps' is not understood: write approve, edit:FILE, reject or 'respond:"),
        ("edit:nosuch.json", "plan nosuch.json cannot be read"),
        ("respond: \udcff", "the decision is no text in UTF-8: write it anew"),
        ("respond: put the car lower", "the offline rules heed no sentence: write edit:FILE"),
    ],
)
def test_a_decision_that_cannot_be_taken_changes_nothing(waiting: str, decision: str, said: str) -> None:
    assert_mistake(run("resume", waiting, "--decide", decision), said)
    assert "waiting for approval" in run("show", waiting).stdout


def test_a_run_that_does_not_wait_takes_no_decision(tmp_path: Path) -> None:
    done = run_id(run("draw", PROMPT, "-o", str(tmp_path / "out")).stderr)
    said = f"run {done[:8]} does not wait for a decision (it is done): leave --decide out"
    assert_mistake(run("resume", done, "--decide", "approve"), said)


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("perhaps\nedit:{plan}\n", 0, "is not understood: write approve"),
        ("reject\n", 1, "the plan was rejected"),
        ("\x04", 3, "--decide approve|reject"),
        ("\x03", 130, "stopped; the plan waits for approval; go on with: muralist resume"),
    ],
    ids=["edit", "reject", "end of input", "ctrl-c"],
)
def test_on_a_terminal_the_plan_is_shown_and_asked_about(  # noqa: PLR0917 - fixtures and cases
    tmp_path: Path, command: list[str], process_environment: dict[str, str], typed: str, code: int, said: str
) -> None:
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [*command, "draw", PROMPT, "--approve", "-o", str(tmp_path / "out"), "--json"],
        stdin=terminal, stderr=terminal, stdout=subprocess.PIPE, text=True, env=process_environment,
        preexec_fn=own_terminal,  # noqa: PLW1509 - nothing else gives a process a terminal of its own
    )  # fmt: skip
    os.close(terminal)
    shown = until(keyboard, "TO DO BETTER > ")
    assert "a red car" in shown
    drawing = Path(shown.split("drawn in ")[1].split()[0])
    assert drawing.is_file()
    os.write(keyboard, typed.format(plan=written(tmp_path, PLAN)).encode())
    shown = until(keyboard)
    stdout, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert said in " ".join((shown + stdout).split())
    assert "Traceback" not in shown
    assert not drawing.exists()
    assert (tmp_path / "out" / "final.png").exists() == (code == 0)
