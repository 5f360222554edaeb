"""The tables that figures are read from."""

import json
from pathlib import Path

from muralist.evals.agreement import table as agreement_table
from muralist.evals.composition import table
from muralist.evals.rows import read


def row(seed: int, plain: float, regional: float, loop: float) -> dict[str, object]:
    def shares(right: float) -> dict[str, float]:
        return {"all": right, "attributes": (1 + right) / 2, "places": right, "score": right}

    return {
        "seed": seed, "held_out": seed % 2 == 0, "images": 2, "denoisings": 3, "planner_calls": 4,
        "planner_calls_first": 3, "inspector_calls": 2, "regret": 0.0,
        "plain": shares(plain), "regional": shares(regional), "loop": shares(loop),
    }  # fmt: skip


def test_the_table_shows_shares_and_paired_gains() -> None:
    printed = table(4, [row(seed, 0.0, float(seed < 5), 1.0) for seed in range(10)])
    lines = {line.split()[0]: line for line in printed.splitlines()}
    assert "4 objects, 10 prompts" in printed
    assert lines["plain"].split()[1] == "0.00"
    assert lines["regional"].split()[1] == "-"
    assert "loop - regional: 0.50" in printed
    assert "loop on the 5 prompts with a held-out pair: 1.00" in printed


def test_rows_that_were_measured_are_read_back(tmp_path: Path) -> None:
    file = tmp_path / "composition-4.jsonl"
    assert read(file) == []
    file.write_text(json.dumps(row(1, 0, 0, 1)) + "\n", encoding="utf-8")
    assert [each["seed"] for each in read(file)] == [1]


def test_agreement_is_counted_per_kind_of_question() -> None:
    printed = agreement_table({"judge": {"exists": (9, 10), "count": (1, 2)}})
    assert "judge: 10/12 (0.83); count 1/2 (0.50), exists 9/10 (0.90)" in printed
