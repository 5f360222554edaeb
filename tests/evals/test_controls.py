"""What is tried on the layouts, and the table of it."""

from __future__ import annotations

import numpy as np
import pytest

from muralist.evals.controls import ARMS, against_the_others, ellipses, in_rows, table
from muralist.tools.layout import Region

QUARTERS = [Region(f"thing {x}{y}", x / 2, y / 2, (x + 1) / 2, (y + 1) / 2) for y in range(2) for x in range(2)]


def test_negative_prompts_are_all_other_regions() -> None:
    first, *_ = against_the_others(QUARTERS)
    assert first.negative_prompt == "thing 10, thing 01, thing 11"
    assert against_the_others(QUARTERS[:1]) == QUARTERS[:1]


def test_an_ellipse_fills_pi_quarters_of_its_box() -> None:
    (region,) = ellipses([Region("a cup", 0, 0, 0.5, 1)])
    assert np.mean(region.mask) == pytest.approx(0.5 * np.pi / 4, abs=0.01)


def test_rows_are_split_into_the_regions_they_hold() -> None:
    rows = in_rows([*QUARTERS])
    assert [(row.prompt, row.y0, row.y1, len(row.parts)) for row in rows] == [
        ("thing 00 and thing 10", 0, 0.5, 2), ("thing 01 and thing 11", 0.5, 1, 2),
    ]  # fmt: skip
    assert in_rows(QUARTERS[:1]) == QUARTERS[:1]


def test_the_table_shows_each_control_beside_the_defaults() -> None:
    rows = [
        {"seed": seed, "arm": arm.name, "right": right, "attributes": right, "places": right}
        for number, arm in enumerate(ARMS)
        for seed, right in enumerate((0.5, 0.5 + 0.1 * (number == 1)))
    ]
    lines = table(2, rows).splitlines()
    assert lines[0] == "2 objects, 2 prompts"
    assert lines[2].split() == ["as", "shipped", *["0.50", "[0.50,", "0.50]"] * 3]
    assert lines[3].endswith("0.05 [0.00, 0.10]")
    assert len(lines) == 2 + len(ARMS)
