"""Which queries each region's attention needs, and where its outputs go: index tensors, made once per resolution."""

from __future__ import annotations

from dataclasses import dataclass

import torch

PADDING = 1.5
"""Regions share one attention call if the smaller one needs at most this much padding; unequal ones get their own."""


@dataclass(frozen=True)
class Bucket:
    """Regions of about the same area whose queries are attended in one batch."""

    regions: tuple[int, ...]
    size: int
    """Queries per region; smaller regions are padded with queries whose outputs nobody reads."""


@dataclass(frozen=True)
class Gather:
    """For N cells and K regions: gather S queries, attend per bucket, mix the outputs back.

    `out = keep * base + sum_j share_j * attended[slot_j]`, with as many terms j as regions meet in one cell.
    Gathering on both sides (never scattering) keeps it deterministic on every device.
    """

    cells: torch.Tensor
    """(S,) the cell of each gathered query, bucket by bucket, region by region."""
    buckets: tuple[Bucket, ...]
    keep: torch.Tensor
    """(N, 1) the base prompt's share of each cell."""
    terms: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """For each j: the slots (N,) in [0, S) and their shares (N, 1); a cell without a j-th region has share 0."""


def gather(shares: torch.Tensor, dtype: torch.dtype, device: torch.device) -> Gather | None:
    """Plan the gathering for shares (K, N); None if no region has a share anywhere."""
    supports = [torch.nonzero(row).flatten() for row in shares]
    cells, slots, buckets = [], torch.full(shares.shape, -1), _buckets([len(support) for support in supports])
    if not buckets:
        return None
    start = 0
    for bucket in buckets:
        for region in bucket.regions:
            support = supports[region]
            slots[region, support] = torch.arange(start, start + len(support))
            cells.append(torch.cat([support, support[:1].expand(bucket.size - len(support))]))
            start += bucket.size
    depth = int((slots >= 0).sum(0).max())
    order = torch.argsort(slots < 0, dim=0, stable=True)[:depth]  # (J, N): of each cell, the regions that hold it first
    held = slots.gather(0, order)
    amounts = torch.where(held >= 0, shares.gather(0, order), torch.zeros(()))
    return Gather(
        cells=torch.cat(cells).to(device),
        buckets=buckets,
        keep=(1 - shares.sum(0))[:, None].to(device, dtype),
        terms=tuple(
            (slot.clamp(min=0).to(device), amount[:, None].to(device, dtype))
            for slot, amount in zip(held, amounts, strict=True)
        ),
    )


def _buckets(sizes: list[int]) -> tuple[Bucket, ...]:
    """Regions by falling size, in groups that fit under `PADDING`; empty regions are left out."""
    groups: list[list[int]] = []
    for region in sorted((r for r, size in enumerate(sizes) if size), key=lambda r: -sizes[r]):
        if groups and sizes[groups[-1][0]] <= PADDING * sizes[region]:
            groups[-1].append(region)
        else:
            groups.append([region])
    return tuple(Bucket(tuple(group), sizes[group[0]]) for group in groups)
