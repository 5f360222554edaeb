"""What calling models costs: told wherever it happens, added up by whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

from pydantic import Field, model_validator

from .errors import BadSettings, OutOfBudget
from .scene import Value

METERED = "metered"
"""The key of a message's metadata by which a model says that it has told the running meters itself."""


class Spending(Value):
    """Calls of a model over the wire, tokens in and out, and what they cost by the user's price table."""

    calls: int = Field(default=0, ge=0)
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    pictures: int = Field(default=0, ge=0, description="Painted, where they are paid for one by one.")
    money: float = Field(default=0.0, ge=0)
    estimated: bool = Field(default=False, description="Whether some tokens are guessed: not every endpoint counts.")

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            pictures=self.pictures + other.pictures,
            money=self.money + other.money,
            estimated=self.estimated or other.estimated,
        )


class Price(Value):
    """What a model costs, per million tokens and per picture, in whatever money the user counts in."""

    input: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    output: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    picture: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.picture is None and (self.input is None or self.output is None):
            raise ValueError("a price needs 'input' and 'output' per million tokens, or 'picture' per picture")
        return self

    @property
    def counts_tokens(self) -> bool:
        """Whether it says what tokens cost."""
        return self.input is not None or self.output is not None

    def of(self, spending: Spending) -> Spending:
        """The same with what it costs."""
        tokens = (self.input or 0) * spending.input_tokens + (self.output or 0) * spending.output_tokens
        return spending.model_copy(update={"money": tokens / 1e6 + (self.picture or 0) * spending.pictures})


def price_of(model: str, prices: Mapping[str, Price], money: float | None, *, paints: bool = False) -> Price | None:
    """What a chat model, or one that `paints`, costs by the user's table; None if it does not say.

    Raises BadSettings for that if a run's `money` is bounded.
    """
    price = prices.get(model)
    if money is not None and (price is None or not (paints or price.counts_tokens)):
        raise BadSettings(f"money is {money:g}, but prices does not say what '{model}' costs: add it there")
    return price


def tokens_in(body: Any, input_name: str, output_name: str) -> Spending | None:
    """The tokens that a reply's `usage` says were used, under these names; None if it does not say."""
    used = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(used, dict) or used.keys().isdisjoint({input_name, output_name}):
        return None

    def number(name: str) -> int:
        value = used.get(name)
        return value if isinstance(value, int) and 0 <= value < 1 << 53 else 0

    return Spending(input_tokens=number(input_name), output_tokens=number(output_name))


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
