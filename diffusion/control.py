"""When and how strongly the regions hold: settings, and the regions' prompts ready for the denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import Field

from muralist.tools.layout import BASE_RATIO, Region
from muralist.tools.scene import Value

from .geometry import shares

Side = Literal["positive", "negative"]
"""Which prompts a row of the batch follows: of classifier-free guidance, the conditional or the unconditional half."""


class Control(Value):
    """How regional attention is steered over space and time. Progress is the share of the steps done, in [0, 1)."""

    base_ratio: list[float] = Field(default=[BASE_RATIO], min_length=1)
    """The base prompt's share inside regions, in [0, 1]: one number, or several over the progress, joined by lines."""
    until: float = Field(default=1, gt=0, le=1)
    """Progress at which the regions are switched off; 1 never."""
    feather: float = Field(default=0, ge=0, le=16)
    """Width of the boxes' soft edges, in cells of each resolution."""

    @property
    def timed(self) -> bool:
        """True if it changes on the way."""
        return self.until < 1 or len(set(self.base_ratio)) > 1

    def base_ratio_at(self, progress: float) -> float:
        """The base ratio at a progress."""
        place = progress * (len(self.base_ratio) - 1)
        before = min(int(place), len(self.base_ratio) - 1)
        after = min(before + 1, len(self.base_ratio) - 1)
        return self.base_ratio[before] + (place - before) * (self.base_ratio[after] - self.base_ratio[before])


@dataclass(eq=False)
class RegionTexts:
    """The regions that a row of the batch follows, and their prompts as the pipeline's text encoder sees them."""

    regions: list[Region]
    embeddings: tuple[Any, ...]
    """Of every region (as `every` counts), by its own prompt: (T, C), T may differ."""
    control: Control
    _shares: dict[tuple[tuple[int, int], float], torch.Tensor] = field(default_factory=dict)

    def shares(self, grid: tuple[int, int], base_ratio: float) -> torch.Tensor:
        """Each region's share of each cell, (K, N), on the CPU; the last base ratio's are kept."""
        key = (grid, base_ratio)
        if key not in self._shares:
            self._shares = {each: kept for each, kept in self._shares.items() if each[1] == base_ratio}
            self._shares[key] = shares(self.regions, base_ratio, *grid, self.control.feather)
        return self._shares[key]


@dataclass(frozen=True)
class Following:
    """What a row of the batch follows in the denoiser's next call besides its own prompt."""

    texts: RegionTexts
    base_ratio: float

    def shares(self, grid: tuple[int, int]) -> torch.Tensor:
        """Each region's share of each cell now, (K, N)."""
        return self.texts.shares(grid, self.base_ratio)


Row = Following | None
"""None: the row follows its own prompt alone."""


def following(texts: RegionTexts | None, progress: float = 0) -> Row:
    """What a row with these regions follows at a progress in [0, 1)."""
    if texts is None or progress >= texts.control.until:
        return None
    return Following(texts, texts.control.base_ratio_at(progress))


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
