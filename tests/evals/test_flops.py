"""What regions cost at full size, by counting: figures that no machine changes."""

from __future__ import annotations

import pytest

from muralist.evals.flops import measure
from muralist.evals.full_size import FULL_SIZES

pytestmark = pytest.mark.slow

BY_NAME = {full_size.name.split(",")[0]: full_size for full_size in FULL_SIZES}


@pytest.mark.parametrize("name", ["SD 1.5", "SDXL"])
def test_in_unets_regions_cost_nothing_once_keys_are_kept(name: str) -> None:
    counts = measure(BY_NAME[name], (8,))
    each = counts.by_regions[8]
    assert counts.without < each.later <= 1.0
    assert each.first <= 1.04
    assert each.whole < 1.005 < each.dense


@pytest.mark.parametrize("name", ["SD3 medium", "FLUX.1"])
def test_in_joint_attention_they_cost_their_tokens(name: str) -> None:
    few, many = measure(BY_NAME[name], (2, 8)).by_regions.values()
    assert few.whole <= 1.06  # below 1 where the pipeline pads its own prompt further than regions need
    assert few.whole < many.whole <= 1.2
    assert many.dense > many.whole
