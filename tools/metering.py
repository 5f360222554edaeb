"""What calling models costs: told wherever it happens, added up by whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pydantic import Field

from .errors import OutOfBudget
from .scene import Value


class Spending(Value):
    """Calls of a model over the wire, tokens in and out, and what they cost by the user's price table."""

    calls: int = Field(default=0, ge=0)
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    money: float = Field(default=0.0, ge=0)
    estimated: bool = Field(default=False, description="Whether some tokens are guessed: not every endpoint counts.")

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            money=self.money + other.money,
            estimated=self.estimated or other.estimated,
        )


class Price(Value):
    """What a model costs, per million tokens, in whatever money the user counts in."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)

    def of(self, spending: Spending) -> Spending:
        """The same with what it costs."""
        money = (self.input * spending.input_tokens + self.output * spending.output_tokens) / 1e6
        return spending.model_copy(update={"money": money})


class Meter:
    """Adds up what is spent while it runs. `exhausted` says why no more may be spent, or nothing if more may be."""

    def __init__(self, exhausted: Callable[[Spending], str]) -> None:
        self.spent = Spending()
        self.exhausted = exhausted


_running: ContextVar[tuple[Meter, ...]] = ContextVar("meters", default=())


@contextmanager
def metered(exhausted: Callable[[Spending], str] = lambda spent: "") -> Iterator[Meter]:
    """Whatever is spent inside, in tasks and threads begun there too, is in the meter; and in those around it."""
    meter = Meter(exhausted)
    token = _running.set((*_running.get(), meter))
    try:
        yield meter
    finally:
        _running.reset(token)


def spend(spending: Spending) -> None:
    """Tell every running meter."""
    for meter in _running.get():
        meter.spent += spending


def check_budget() -> None:
    """To be asked before every call. Raises OutOfBudget with the reason if a running meter allows no more."""
    for meter in _running.get():
        if reason := meter.exhausted(meter.spent):
            raise OutOfBudget(reason)
