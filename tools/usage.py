"""What a run may use, what it has used, and what each turn of its agent took."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from .metering import Spending
from .scene import Value


class Budget(Value):
    """Where a run ends at the latest."""

    rounds: int = Field(default=4, ge=0, le=100, description="Retouches or new pictures after the first.")
    images: int = Field(default=8, ge=1, le=100, description="Pictures painted; a given one is not.")
    seconds: float = Field(default=600, gt=0, allow_inf_nan=False)
    calls: int | None = Field(default=None, ge=1, description="Of models: the planner's and the inspector's.")
    tokens: int | None = Field(default=None, ge=1, description="In and out, of both.")
    money: float | None = Field(default=None, gt=0, allow_inf_nan=False, description="By the user's price table.")

    @classmethod
    def of(cls, rounds: int | None = None, images: int | None = None, **others: Any) -> Budget:
        """The budget of whoever names rounds or images, or neither: what is not named leaves room for what is."""
        if rounds is None and images is not None:
            rounds = images
        elif rounds is not None and images is None:
            images = max(cls().images, rounds + 2)
        counted = {"rounds": rounds, "images": images}
        return cls(**{name: number for name, number in counted.items() if number is not None}, **others)


class Usage(Value):
    """What a run has used. A model that is not asked over the wire counts one call per turn or inspection."""

    images: int = 0
    planner_calls: int = 0
    planner_input_tokens: int = 0
    planner_output_tokens: int = 0
    inspector_calls: int = 0
    inspector_input_tokens: int = 0
    inspector_output_tokens: int = 0
    money: float = 0.0

    @property
    def calls(self) -> int:
        """Of both models."""
        return self.planner_calls + self.inspector_calls

    @property
    def tokens(self) -> int:
        """In and out, of both models."""
        planner = self.planner_input_tokens + self.planner_output_tokens
        return planner + self.inspector_input_tokens + self.inspector_output_tokens


class Turn(Value):
    """One turn of the agent, and what it cost."""

    tool: str | None = Field(default=None, description="What was called; None if it gave up or could not be read.")
    by: str = Field(description="The model; `offline` also where the rules filled in for another one.")
    drafted_by: str = Field(default="", description="Who filled in the scene or the layout; empty of other tools.")
    rung: str = Field(default="", description="How the model's endpoint was asked.")
    mistake: str = Field(default="", description="What was fed back to the model, if the turn came to nothing.")
    planner: Spending = Spending()
    inspector: Spending = Spending()
