"""Index tensors that gather each region's queries and its outputs, made once per resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

PADDING = 1.5
"""Regions share one attention call if the smaller one needs at most this much padding; unequal ones get their own."""


@dataclass(frozen=True)
class Bucket:
    """Regions of about the same area, with equally many tokens, whose queries are attended in one batch."""

    regions: tuple[int, ...]
    size: int
    """Queries per region; smaller regions are padded with queries whose outputs nobody reads."""


@dataclass(frozen=True)
class QueryGather:
    """For B rows of N cells and K regions: gather S queries, attend per bucket, mix the outputs back.

    `out = keep * base + sum_j share_j * attended[slot_j]`, with as many terms j as regions meet in one cell.
    Gathering on both sides (never scattering) keeps it deterministic on every device.
    """

    cells: torch.Tensor
    """(S,) the cell of each gathered query in [0, B * N), bucket by bucket, region by region."""
    buckets: tuple[Bucket, ...]
    keep: torch.Tensor
    """(B * N, 1) the base prompt's share of each cell."""
    terms: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """For each j: the slots (B * N,) in [0, S) and their shares (B * N, 1); without a j-th region the share is 0."""


def plan_query_gather(
    rows: Sequence[torch.Tensor], tokens: Sequence[int], dtype: torch.dtype, device: torch.device
) -> QueryGather | None:  # fmt: skip
    """Plan the gathering for the shares of each row, (K_row, N); None if no region has a share anywhere.

    Regions are numbered through the rows; a row without regions has K_row = 0. `tokens` holds their prompts' lengths.
    """
    cells = rows[0].shape[1]
    supports = [torch.nonzero(share).flatten() for row in rows for share in row]
    row_of = [number for number, row in enumerate(rows) for _ in row]
    buckets = _buckets([len(support) for support in supports], tokens)
    if not buckets:
        return None
    slots = torch.full((len(supports), cells), -1)
    queries, start = [], 0
    for bucket in buckets:
        for region in bucket.regions:
            support = supports[region]
            slots[region, support] = torch.arange(start, start + len(support))
            padded = torch.cat([support, support[:1].expand(bucket.size - len(support))])
            queries.append(padded + row_of[region] * cells)
            start += bucket.size
    per_row = [_ranked(row, slots[[owner == number for owner in row_of]]) for number, row in enumerate(rows)]
    depth = max(len(held) for held, _ in per_row)
    terms = []
    for j in range(depth):
        held = torch.cat([slot[j] if j < len(slot) else torch.zeros(cells, dtype=torch.long) for slot, _ in per_row])
        amount = torch.cat([amount[j] if j < len(amount) else torch.zeros(cells) for _, amount in per_row])
        terms.append((held.to(device), amount[:, None].to(device, dtype)))
    keep = torch.cat([1 - row.sum(0) for row in rows])[:, None].to(device, dtype)
    return QueryGather(torch.cat(queries).to(device), buckets, keep, tuple(terms))


def _ranked(shares: torch.Tensor, slots: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one row (K, N): slots and shares (J, N), for every cell the regions that hold it first."""
    depth = int((slots >= 0).sum(0).max()) if len(slots) else 0
    order = torch.argsort(slots < 0, dim=0, stable=True)[:depth]
    held = slots.gather(0, order)
    amounts = torch.where(held >= 0, shares.gather(0, order), torch.zeros(()))
    return held.clamp(min=0), amounts


def _buckets(sizes: Sequence[int], tokens: Sequence[int]) -> tuple[Bucket, ...]:
    """Regions by tokens and falling size, in groups that fit under `PADDING`; empty regions are left out."""
    groups: list[list[int]] = []
    for region in sorted((r for r, size in enumerate(sizes) if size), key=lambda r: (tokens[r], -sizes[r])):
        first = groups[-1][0] if groups else region
        if groups and tokens[first] == tokens[region] and sizes[first] <= PADDING * sizes[region]:
            groups[-1].append(region)
        else:
            groups.append([region])
    return tuple(Bucket(tuple(group), sizes[group[0]]) for group in groups)
