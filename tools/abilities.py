"""What a painter can do, and what it cannot: the loop plans its moves by it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .errors import BadSettings
from .layout import MAX_REGIONS
from .limits import MAX_SIDE, MIN_SIDE, SIDE_STEP
from .value import Value

Placement = Literal["auto", "attention", "native", "both"]
"""How a diffusion model that runs here is to get things into their regions: by attention, by the layout format that it
was taught to read, or by both; "auto" is attention wherever it is known."""


class Abilities(Value):
    """Of one painter, in one setting. The defaults are those of a diffusion model that runs here."""

    places: Literal["attention", "boxes", "words"] = Field(
        default="attention", description="How things get into their regions: each by attention, by boxes, or in words."
    )
    edits: bool = Field(default=True, description="Whether it repaints parts of a picture and leaves all else alone.")
    seeded: bool = Field(
        default=True,
        description="Whether equal specifications give equal bytes; else what is stored is the record.",
    )
    steps: bool = Field(default=True, description="Whether it heeds the number of steps and the guidance scale.")
    negative_prompt: bool = Field(default=True, description="Whether it takes one.")
    side_step: int = Field(default=SIDE_STEP, ge=1, description="What each side is a multiple of, in pixels.")
    least_side: int = Field(default=MIN_SIDE, ge=1)
    most_side: int = Field(default=MAX_SIDE, ge=1)
    sizes: tuple[tuple[int, int], ...] = Field(
        default=(), description="The only sizes (width, height) that there are; empty: all within the bounds."
    )
    regions: int = Field(default=MAX_REGIONS, ge=1, description="Regions of a layout at most, their parts included.")
    metered: bool = Field(
        default=False, description="Whether it is asked over the wire, and tells the running meters what that costs."
    )

    def size_trouble(self, width: int, height: int) -> str | None:
        """Why a picture of that size cannot be painted, and which could; None if it can."""
        if self.sizes and (width, height) not in self.sizes:
            return f"choose one of {', '.join(f'{across}x{down}' for across, down in self.sizes)}"
        fits = all(self.least_side <= side <= self.most_side and side % self.side_step == 0 for side in (width, height))
        if fits:
            return None
        return f"both sides have to be multiples of {self.side_step} from {self.least_side} to {self.most_side}"


ALL = Abilities()
"""Those of a painter that says nothing about itself."""


def check_edits(painter: Any) -> None:
    """Raise BadSettings for a painter that cannot change a given picture."""
    if not abilities_of(painter).edits:
        raise BadSettings(f"{painter.name} cannot repaint parts of a picture: choose another backbone to change one")


def abilities_of(painter: object) -> Abilities:
    """What the painter says of itself."""
    return getattr(painter, "abilities", ALL)
