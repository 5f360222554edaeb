"""What newcomers' prompts mean is read from its file, and compared with what the grammar makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from muralist.evals.newcomers import FIRST, SECOND, THIRD, PromptSet, measure, prompts, shown, table


@pytest.mark.parametrize(("prompt_set", "amount"), [(FIRST, 300), (SECOND, 120), (THIRD, 120)])
def test_every_prompt_of_a_set_says_what_it_means(prompt_set: PromptSet, amount: int) -> None:
    meant = prompts(prompt_set.file)
    assert len(meant) == len({each.prompt for each in meant}) == amount


@pytest.mark.parametrize(("prompt_set", "amount"), [(FIRST, 296), (SECOND, 118)])
def test_the_grammar_reads_what_it_was_mended_for(prompt_set: PromptSet, amount: int) -> None:
    readings = measure(prompt_set.file)
    assert sum(each.exact for each in readings) >= amount, shown(readings)


def test_a_reading_that_differs_is_told_and_not_counted(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text(
        "# a line that is none\n"
        "a red apple on sand => red: apple # sand\n"
        "a blue cup in the top left => blue: cup @ top left\n"
        "a green frog => green: frog @ top left\n"
        "a cat on grass => cat # snow\n"
        "two dogs => cat\n",
        encoding="utf-8",
    )
    readings = measure(file)
    assert [each.exact for each in readings] == [True, True, False, False, False]
    assert table(readings, "made up") == "5 prompts (made up): 2 read exactly (40.0%), 0 refused"
    told = shown(readings)
    assert "at the top left" in told
    assert "the ground is 'grass', not 'snow'" in told
    assert "a red apple" not in told
