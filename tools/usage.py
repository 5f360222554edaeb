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
    calls: int | None = Field(default=None, ge=1, description="Of models: planner, inspector and painter.")
    tokens: int | None = Field(default=None, ge=1, description="In and out, of all three.")
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

    def left(self, usage: Usage, pictures: int, more: Spending | None = None, seconds: float = 0.0) -> Left:
        """What is left of a run with so many pictures, a given one among them, once `more` and `seconds` are spent."""
        spent = more or Spending()

        def rest(most: float | None, used: float) -> Any:
            return None if most is None else most - used

        return Left(
            budget=self,
            begun=bool(pictures),
            rounds=self.rounds - (pictures - 1 if pictures else 0),
            images=self.images - usage.images,
            seconds=self.seconds - usage.seconds - seconds,
            calls=rest(self.calls, usage.calls + spent.calls),
            tokens=rest(self.tokens, usage.tokens + spent.input_tokens + spent.output_tokens),
            money=rest(self.money, usage.money + spent.money),
        )


class Usage(Value):
    """What a run has used.

    A model that is not asked over the wire counts one call per turn or inspection; a painter of that kind counts none.
    """

    images: int = 0
    planner_calls: int = 0
    planner_input_tokens: int = 0
    planner_output_tokens: int = 0
    inspector_calls: int = 0
    inspector_input_tokens: int = 0
    inspector_output_tokens: int = 0
    painter_calls: int = 0
    painter_input_tokens: int = 0
    painter_output_tokens: int = 0
    painter_money: float = Field(default=0.0, description="Of `money`, what painting has cost.")
    money: float = 0.0
    seconds: float = Field(default=0.0, ge=0, description="Of work: neither waiting nor downtime counts.")

    @property
    def calls(self) -> int:
        """Of all models."""
        return self.planner_calls + self.inspector_calls + self.painter_calls

    @property
    def tokens(self) -> int:
        """In and out, of all models."""
        planner = self.planner_input_tokens + self.planner_output_tokens
        inspector = self.inspector_input_tokens + self.inspector_output_tokens
        return planner + inspector + self.painter_input_tokens + self.painter_output_tokens


class Left(Value):
    """What is left of a budget; None where nothing limits it."""

    budget: Budget
    begun: bool = Field(description="Whether there is a picture, so that rounds count.")
    rounds: int
    images: int
    seconds: float
    calls: int | None
    tokens: int | None
    money: float | None

    @property
    def for_pictures(self) -> str:
        """Which budget of pictures is used up; empty if none is."""
        if self.images <= 0:
            return f"all {self.budget.images} pictures are painted"
        if self.begun and self.rounds <= 0:
            return f"all {self.budget.rounds} rounds are used up"
        return ""

    @property
    def for_work(self) -> str:
        """That the time is used up; empty if it is not."""
        return f"the {self.budget.seconds:g} seconds are used up" if self.seconds <= 0 else ""

    @property
    def for_models(self) -> str:
        """Which budget for models is used up; empty if none is."""
        if self.calls is not None and self.calls <= 0:
            return f"all {self.budget.calls} calls of models are used up"
        if self.tokens is not None and self.tokens <= 0:
            return f"all {self.budget.tokens} tokens are used up"
        if self.money is not None and self.money <= 0:
            return f"the {self.budget.money:g} that models may cost are spent"
        return ""

    @property
    def nothing(self) -> str:
        """Which budget is used up, so that the run ends; empty if none is."""
        return self.for_pictures or self.for_work or self.for_models


class Turn(Value):
    """One turn of the agent, and what it cost."""

    tool: str | None = Field(default=None, description="What was called; None if it gave up or could not be read.")
    by: str = Field(description="The model; `offline` also where the rules filled in for another one.")
    drafted_by: str = Field(default="", description="Who filled in the scene or the layout; empty of other tools.")
    rung: str = Field(default="", description="How the model's endpoint was asked.")
    mistake: str = Field(default="", description="What was fed back to the model, if the turn came to nothing.")
    planner: Spending = Spending()
    inspector: Spending = Spending()
    painter: Spending = Spending()


def spent_by_tool(before: Usage, after: Usage) -> dict[str, Spending]:
    """What the inspector and the painter have used in between."""

    def more(field: str) -> Any:
        return max(0, getattr(after, field) - getattr(before, field))

    money = {"painter": more("painter_money"), "inspector": max(0.0, more("money") - more("painter_money"))}
    return {
        who: Spending(
            calls=more(f"{who}_calls"),
            input_tokens=more(f"{who}_input_tokens"),
            output_tokens=more(f"{who}_output_tokens"),
            money=spent,
        )
        for who, spent in money.items()
    }
