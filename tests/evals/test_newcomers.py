"""What newcomers' prompts mean is read from its file, and compared with what the grammar makes of them."""

from __future__ import annotations

from pathlib import Path

from muralist.evals.newcomers import measure, prompts, shown, table


def test_all_three_hundred_say_what_they_mean() -> None:
    meant = prompts()
    assert len(meant) == len({each.prompt for each in meant}) == 300


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
    assert "2 read exactly (40.0%)" in table(readings)
    told = shown(readings)
    assert "at the top left" in told
    assert "the ground is 'grass', not 'snow'" in told
    assert "a red apple" not in told
