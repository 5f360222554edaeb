"""Bad input to the experiments: one line that says what would be right, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from muralist.cli import app


def refused(*arguments: str) -> str:
    """The one line on stderr."""
    result = CliRunner().invoke(app, ["eval", *arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return str(line)


@pytest.mark.parametrize("objects", ["a", "0", "7", "-1", "1,,2", "", "2.5", "²"])
@pytest.mark.parametrize("suite", ["composition", "noise"])
def test_numbers_of_objects_that_no_prompt_has_are_refused(suite: str, objects: str) -> None:
    assert refused(suite, f"--objects={objects}") == (
        f"muralist: --objects '{objects}': give numbers from 1 to 6, comma-separated, such as 1,2,4"
    )


@pytest.mark.parametrize("wrong", ["a", "1.5", "-0.1", "nan", "", "0.1,,0.3"])
def test_shares_that_are_none_are_refused(wrong: str) -> None:
    assert refused("noise", f"--wrong={wrong}") == (
        f"muralist: --wrong '{wrong}': give shares from 0 to 1, comma-separated, such as 0.1,0.3"
    )


@pytest.mark.parametrize("line", ['{"name": "x"}', "no JSON", "[1]", '{"tag": "x", "prompt": "a cat"}', ""])
def test_a_jsonl_file_of_something_else_is_named_with_the_line(tmp_path: Path, line: str) -> None:
    good = '{"tag": "counting", "include": [{"class": "fox", "count": 2}], "prompt": "a photo of two foxes"}'
    (tmp_path / "other.jsonl").write_text(f"{good}\n{line}\n{good}\n", encoding="utf-8")
    told = refused("parse", "--prompts", str(tmp_path))
    assert told.startswith(f"muralist: '{tmp_path / 'other.jsonl'}' line 2 is no entry of GenEval's")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "color.txt").write_bytes("a café".encode("latin-1"))
    told = refused("parse", "--prompts", str(tmp_path))
    assert told.startswith(f"muralist: '{tmp_path / 'color.txt'}' cannot be read")
    assert told.endswith("give prompts as UTF-8 text")


def test_a_prompt_that_cannot_be_read_is_counted_as_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("a red fox\ntwenty-one balloons\n" + "a" * 2001 + "\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["eval", "parse", "--show", "--prompts", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "refused: 21 times 'balloon'" in result.stdout
    every, lost = result.stdout.splitlines()[-2:]
    assert every.split()[:2] == ["all", "3"]
    assert every.endswith("33.3 %")
    assert lost == "1 prompts of 3 words: 0 words lost"
