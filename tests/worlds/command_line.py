"""The command line in this process, and how it tells of a mistake."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from muralist.server.cli import app


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})


def assert_mistake(result: Any, said: str) -> None:
    """Nothing on stdout, one line on stderr, code 2."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("muralist: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
