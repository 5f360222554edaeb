"""When, where and how strongly regional attention holds, over steps and blocks; and each row's conditioning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator

from muralist.tools.layout import BASE_RATIO, Region
from muralist.tools.value import Value

from .geometry import shares

Side = Literal["positive", "negative"]
"""The side of classifier-free guidance that a batch row is on: conditional or unconditional."""


class RegionSchedule(Value):
    """How strongly the regions hold over the steps. Progress is the share of the steps done, in [0, 1)."""

    base_ratio: list[float] = Field(default=[BASE_RATIO], min_length=1)
    """The base prompt's share inside regions, in [0, 1]: one number, or several over the progress, joined by lines."""
    since: float = Field(default=0, ge=0, lt=1)
    """Progress at which the regions are switched on."""
    until: float = Field(default=1, gt=0, le=1)
    """Progress at which the regions are switched off; 1 never."""
    feather: float = Field(default=0, ge=0, le=16)
    """Width of the boxes' soft edges, in cells of each resolution."""
    blocks: tuple[int, ...] | None = None
    """The transformer blocks in which cells follow regions, counted from 0 in the order of the calls; None: in all."""

    @model_validator(mode="after")
    def _has_steps(self) -> Self:
        if self.since >= self.until:
            raise ValueError(f"since {self.since:g} is not below until {self.until:g}: regions would hold in no step")
        return self

    @property
    def timed(self) -> bool:
        """Whether it changes over the steps."""
        return self.since > 0 or self.until < 1 or len(set(self.base_ratio)) > 1

    def base_ratio_at(self, progress: float) -> float:
        """The base ratio at a progress."""
        place = progress * (len(self.base_ratio) - 1)
        before = min(int(place), len(self.base_ratio) - 1)
        after = min(before + 1, len(self.base_ratio) - 1)
        return self.base_ratio[before] + (place - before) * (self.base_ratio[after] - self.base_ratio[before])


@dataclass(eq=False)
class RegionPrompts:
    """The regions of a batch row, and their prompts' embeddings by the pipeline's text encoders."""

    regions: list[Region]
    embeddings: tuple[Any, ...]
    """Of every region (as `every` counts), by its own prompt: (T, C), T may differ."""
    schedule: RegionSchedule
    _shares: dict[tuple[tuple[int, int], float], torch.Tensor] = field(default_factory=dict)

    def shares(self, grid: tuple[int, int], base_ratio: float) -> torch.Tensor:
        """Each region's share of each cell, (K, N), on the CPU; the last base ratio's are kept."""
        key = (grid, base_ratio)
        if key not in self._shares:
            self._shares = {each: kept for each, kept in self._shares.items() if each[1] == base_ratio}
            self._shares[key] = shares(self.regions, base_ratio, *grid, self.schedule.feather)
        return self._shares[key]


@dataclass(frozen=True)
class RegionConditioning:
    """The regional conditioning of a batch row in the denoiser's next call."""

    prompts: RegionPrompts
    base_ratio: float

    def shares(self, grid: tuple[int, int]) -> torch.Tensor:
        """Each region's share of each cell now, (K, N)."""
        return self.prompts.shares(grid, self.base_ratio)

    def holds_in(self, block: int) -> bool:
        """Whether cells follow the regions in a transformer block; else they follow the base prompt alone."""
        blocks = self.prompts.schedule.blocks
        return blocks is None or block in blocks


RowConditioning = RegionConditioning | None
"""None: the row is conditioned on its own prompt alone."""


def conditioning_at(prompts: RegionPrompts | None, progress: float = 0) -> RowConditioning:
    """The conditioning of a row with these regions at a progress in [0, 1)."""
    if prompts is None or not prompts.schedule.since <= progress < prompts.schedule.until:
        return None
    return RegionConditioning(prompts, prompts.schedule.base_ratio_at(progress))


def negative(regions: Sequence[Region]) -> list[Region]:
    """The regions with a negative prompt, which takes the place of their prompt; others give way to their parts."""
    found = []
    for region in regions:
        parts = negative(region.parts)
        if region.negative_prompt:
            found.append(region.model_copy(update={"prompt": region.negative_prompt, "parts": parts}))
        else:
            found += parts
    return found
