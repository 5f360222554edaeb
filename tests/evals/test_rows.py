"""What an interrupted measurement keeps, and what it does not measure again."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muralist.evals.rows import complete, read


def test_rows_are_kept_as_they_come_and_not_measured_again(tmp_path: Path) -> None:
    measured: list[int] = []

    async def measure(number: int) -> dict[str, Any]:
        if number == 2 and 2 not in measured:
            measured.append(2)
            raise KeyboardInterrupt
        measured.append(number)
        return {"seed": number}

    file, wanted = tmp_path / "rows.jsonl", {number: partial(measure, number) for number in (1, 2, 3)}
    with pytest.raises(KeyboardInterrupt):
        complete(file, wanted, lambda row: row["seed"])
    assert read(file) == [{"seed": 1}]
    assert complete(file, wanted, lambda row: row["seed"]) == [{"seed": 1}, {"seed": 2}, {"seed": 3}]
    assert measured == [1, 2, 2, 3]
