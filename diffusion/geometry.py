"""From boxes and masks to weights per latent cell."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from muralist.tools.layout import Region

from .cells import cell_span


def cell_weights(region: Region, height: int, width: int, feather: float = 0) -> torch.Tensor:
    """The region's weights on a grid, (height, width), float32 in [0, 1], somewhere above 0.

    A box is 1 inside and 0 outside; with a feather its edges are ramps of that many cells, half of it on either side,
    except at the canvas's own edges. Boxes that meet still add up to 1 there. A mask brings its own edges: it is
    averaged over each cell and scaled so that its strongest weight stays as strong, lest a thin stroke be lost.
    """
    if region.mask is not None:
        mask = torch.tensor(region.mask, dtype=torch.float32)
        weights = F.adaptive_avg_pool2d(mask[None, None], (height, width))[0, 0]
        return (weights * (mask.max() / weights.max())).clamp_(0, 1)
    down = _side(*cell_span(region.y0, region.y1, height), height, feather)
    across = _side(*cell_span(region.x0, region.x1, width), width, feather)
    return down[:, None] * across[None, :]


def _side(first: int, last: int, cells: int, feather: float) -> torch.Tensor:
    """One axis of a box, (cells,): how far inside of its edges each cell's centre lies, in feathers, plus a half."""
    centres = torch.arange(cells) + 0.5
    soft = max(feather, 1e-6)  # without a feather: 1 from half a cell inside, 0 from half a cell outside
    from_start = (centres - first) / soft + 0.5 if first > 0 else torch.ones(cells)
    from_end = (last - centres) / soft + 0.5 if last < cells else torch.ones(cells)
    return torch.minimum(from_start, from_end).clamp(0, 1)


def shares(
    regions: Sequence[Region], base_ratio: float, height: int, width: int, feather: float = 0
) -> torch.Tensor:  # fmt: skip
    """What share of each cell's attention is each region's prompt's: (K, height * width), float32, as `every` counts.

    With weights w_r(p) and base ratios b_r it is `w_r(p) / max(1, sum_r w_r(p)) * (1 - b_r)`; what is left to 1 is the
    base prompt's. Inside a region that has parts the same holds with its own prompt as the base (RPG, arXiv 2401.11708,
    section 2.3): of the region's share, the parts take theirs and leave it the rest.
    """
    weights = torch.stack([cell_weights(region, height, width, feather).flatten() for region in regions])  # (K, N)
    ratios = torch.tensor([base_ratio if region.base_ratio is None else region.base_ratio for region in regions])
    level = weights / weights.sum(0).clamp(min=1) * (1 - ratios)[:, None]
    rows = []
    for region, share in zip(regions, level, strict=True):
        if not region.parts:
            rows.append(share[None])
            continue
        inner = shares(region.parts, base_ratio, height, width, feather)
        rows += [(share * (1 - inner.sum(0)))[None], share * inner]
    return torch.cat(rows)
