"""The command line in this process, and how it tells of a mistake."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from muralist.cli import app


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def assert_mistake(result: Any, said: str) -> None:
    """Nothing on stdout, code 2, one line on stderr; before it, the id of a run that was begun."""
    assert result.exit_code == 2
    assert result.stdout == ""
    line = last_line(result)
    assert line.startswith("muralist: ")
    assert said in line


def last_line(result: Any) -> str:
    """The one line on stderr, but for the id of the run."""
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("run ")]
    return str(line)


def run_id(stderr: str) -> str:
    """The id that was told first."""
    first = stderr.splitlines()[0]
    assert first.startswith("run ")
    return first.removeprefix("run ")
