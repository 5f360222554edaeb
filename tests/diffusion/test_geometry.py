"""Boxes and masks become weights per cell the way one would draw them by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from muralist.diffusion import Region
from muralist.diffusion.cells import cell_span, grids
from muralist.diffusion.geometry import cell_weights, shares
from muralist.diffusion.query_gather import plan_query_gather


@given(parts=st.integers(1, 16), cells=st.integers(1, 128))
def test_equal_parts_share_the_cells_without_gap_and_none_is_empty(parts: int, cells: int) -> None:
    spans = [cell_span(i / parts, (i + 1) / parts, cells) for i in range(parts)]
    assert all(0 <= first < last <= cells for first, last in spans)
    assert {cell for first, last in spans for cell in range(first, last)} == set(range(cells))
    if parts <= cells:
        assert sum(last - first for first, last in spans) == cells, "parts overlap though there is room for all"


def test_edges_that_differ_by_rounding_only_fall_on_the_same_cell() -> None:
    for cells in range(1, 65):
        assert cell_span(0, 0.1 + 0.2, cells)[1] == cell_span(0, 0.3, cells)[1]
        assert cell_span(0, 1 - 0.9, cells) == cell_span(0, 0.1, cells)


@settings(deadline=None)
@given(
    x=st.floats(0, 0.9), y=st.floats(0, 0.9), width=st.floats(0.0625, 1), height=st.floats(0.0625, 1),
    rows=st.integers(1, 32), cols=st.integers(1, 32),
)  # fmt: skip
def test_every_region_has_a_cell_at_every_resolution(
    *, x: float, y: float, width: float, height: float, rows: int, cols: int
) -> None:
    region = Region("a cat", x, y, min(1.0, x + width), min(1.0, y + height))
    weights = cell_weights(region, rows, cols)
    assert weights.shape == (rows, cols)
    assert weights.max() == 1


def test_a_thin_stroke_of_a_mask_is_not_lost_on_a_coarse_grid() -> None:
    mask = [[1.0 if column == 20 else 0.0 for column in range(64)] for _ in range(64)]
    weights = cell_weights(Region("a mast", mask=mask), 4, 4)
    assert weights.tolist() == [[0, 1, 0, 0]] * 4


def test_a_mask_is_averaged_over_the_cells() -> None:
    mask = [[0.0, 1.0, 1.0, 1.0]] * 2
    assert cell_weights(Region("a cat", mask=mask), 1, 2).tolist() == [[0.5, 1.0]]


def test_shares_follow_the_formula_cell_by_cell() -> None:
    regions = [
        Region("a", 0, 0, 0.5, 1), Region("b", 0.25, 0, 0.75, 1, base_ratio=0.5), Region("c", mask=[[0, 0, 0.25, 0]]),
    ]  # fmt: skip
    a, b, c = shares(regions, 0.2, 1, 4).tolist()
    assert a == pytest.approx([0.8, 0.4, 0, 0])
    assert b == pytest.approx([0, 0.25, 0.5 / 1.25, 0])
    assert c == pytest.approx([0, 0, 0.25 / 1.25 * 0.8, 0])


def test_the_resolutions_are_those_of_the_unets_convolutions() -> None:
    height, width = 13, 9
    x = torch.zeros(1, 1, height, width)
    for _ in range(5):
        assert grids(height, width)[x.shape[-2] * x.shape[-1]] == tuple(x.shape[-2:])
        x = torch.nn.functional.conv2d(x, torch.zeros(1, 1, 3, 3), stride=2, padding=1)


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(st.integers(0, 8), min_size=1, max_size=3), cells=st.integers(1, 40), seed=st.integers(0, 1000),
    density=st.floats(0.05, 1),
)  # fmt: skip
def test_gathering_and_mixing_back_gives_every_cell_its_shares(
    rows: list[int], cells: int, seed: int, density: float
) -> None:
    random = torch.Generator().manual_seed(seed)
    amounts = [torch.rand(regions, cells, generator=random) / max(1, regions) for regions in rows]
    amounts = [amount * (torch.rand(amount.shape, generator=random) < density) for amount in amounts]
    tokens = torch.randint(1, 3, (sum(rows),), generator=random).tolist()
    plan = plan_query_gather(amounts, tokens, torch.float32, torch.device("cpu"))
    if plan is None:
        assert not any(amount.any() for amount in amounts)
        return
    assert all(len({tokens[region] for region in bucket.regions}) == 1 for bucket in plan.buckets)
    owner = torch.cat([torch.tensor(bucket.regions).repeat_interleave(bucket.size) for bucket in plan.buckets])
    seen = torch.zeros(sum(rows), len(rows) * cells)
    for slot, share in plan.terms:
        held = share[:, 0] > 0
        assert (plan.cells[slot[held]] == torch.arange(len(held))[held]).all(), "a cell was given another's output"
        seen[owner[slot[held]], torch.arange(len(held))[held]] += share[held, 0]
    torch.testing.assert_close(seen, torch.block_diag(*amounts))
    torch.testing.assert_close(plan.keep[:, 0], torch.cat([1 - amount.sum(0) for amount in amounts]))


def test_boxes_that_meet_share_a_feathered_seam_and_keep_the_canvas_edge() -> None:
    left, right = Region("a", 0, 0, 0.5, 1), Region("b", 0.5, 0, 1, 1)
    a, b = (cell_weights(region, 2, 8, feather=4) for region in (left, right))
    assert a[0].tolist() == pytest.approx([1, 1, 0.875, 0.625, 0.375, 0.125, 0, 0])
    torch.testing.assert_close(a + b, torch.ones(2, 8))


def test_a_part_takes_its_share_from_the_region_it_is_a_part_of() -> None:
    parts = [Region("a hat", 0, 0, 0.5, 1), Region("a coat", 0.25, 0, 0.5, 1, base_ratio=0.4)]
    shared = shares([Region("a man", 0, 0, 0.5, 1, base_ratio=0.2, parts=parts), Region("b", 0.5, 0, 1, 1)], 0.5, 1, 4)
    man, hat, coat, other = shared.tolist()
    assert hat == pytest.approx([0.8 * 0.5, 0.8 * 0.25, 0, 0])
    assert coat == pytest.approx([0, 0.8 * 0.3, 0, 0])
    assert man == pytest.approx([0.8 * 0.5, 0.8 * 0.45, 0, 0])
    assert other == pytest.approx([0, 0, 0.5, 0.5])
