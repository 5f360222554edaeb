"""What is printed shows what it was given, and commands no terminal."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from block_world import BlockInspector, BlockPainter, install
from command_line import assert_mistake, run
from PIL import Image
from rich.table import Table
from rich.text import Text

from muralist.cli.terminal import Terminal, say_json
from muralist.tools.checklist import Checklist
from muralist.tools.errors import BadPrompt
from muralist.tools.verdict import Verdict

PROMPT = "a red car to the left of a blue vase"
HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m \x7f \u202egnp.exe \u2066 \r"
COMMANDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Talkative(BlockInspector):
    """Answers as in block world, in the words of a model that was talked into something."""

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        verdicts = await super().inspect(image, checklist)
        return [verdict.model_copy(update={"evidence": f"seen {HOSTILE} there"}) for verdict in verdicts]


@pytest.mark.parametrize("prompt", [PROMPT, f"{PROMPT} \x1b[2Jzorbly\u202e"])
def test_words_of_a_prompt_and_of_a_model_are_written_out(prompt: str, tmp_path: Path) -> None:
    install(BlockPainter(), Talkative())
    result = run("draw", prompt, "-o", str(tmp_path / "out"), "--images", "1")
    assert result.exit_code == 0
    assert "seen \\x1b]0;owned\\x07 \\x1b[2J" in result.stdout
    assert not COMMANDS.search(result.stdout + result.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["draw", HOSTILE],
        ["draw", f"a {HOSTILE} car"],
        ["draw", PROMPT, f"--{HOSTILE}"],
        ["draw", PROMPT, "--size", HOSTILE],
        ["draw", PROMPT, "--backbone", HOSTILE],
        ["draw", PROMPT, "--plan", HOSTILE],
        ["edit", HOSTILE, PROMPT],
        ["edit", "undecodable-\udc80.png", PROMPT],
        [HOSTILE],
    ],
)
def test_a_mistake_that_quotes_them_is_one_harmless_line(arguments: list[str]) -> None:
    result = run(*arguments)
    assert_mistake(result, "")
    assert not COMMANDS.search(result.stderr.removesuffix("\n"))


def test_doctor_writes_out_what_variables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_BACKBONE", "nosuch\x1b[31m")
    result = run("doctor")
    assert "backbone nosuch\\x1b[31m: there is no backbone" in result.stdout
    assert not COMMANDS.search(result.stdout)


def test_a_console_keeps_its_own_colours_and_shows_what_texts_would_have_done() -> None:
    written = io.StringIO()
    console = Terminal(file=written, force_terminal=True, color_system="standard", width=80)
    table = Table("answer", box=None)
    table.add_row(Text(f"evidence {HOSTILE}", style="red"))
    console.print(table)
    console.print(Text(HOSTILE), soft_wrap=True)
    assert "\x1b[31m" in written.getvalue()
    assert not COMMANDS.search(re.sub("\x1b\\[[0-9;]*m", "", written.getvalue()))
    assert "\\x1b]0;owned \\x1b[2J \\x9b31m \\x7f \\u202egnp.exe \\u2066" in written.getvalue()


def test_json_says_the_same_in_its_own_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"said": f"{HOSTILE} é"})
    printed = capsys.readouterr().out.removesuffix("\n")
    assert not COMMANDS.search(printed)
    assert "é" in printed
    assert json.loads(printed) == {"said": f"{HOSTILE} é"}


def test_an_error_is_harmless_wherever_it_is_printed() -> None:
    assert str(BadPrompt("no \x1b[31m\n\u202ered\x9b")) == "no \\x1b[31m \\u202ered\\x9b"
