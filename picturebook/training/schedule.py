"""The learning rate over a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Warm-up, constant, then down to zero (WSD, arXiv 2404.06395): every moment can be shipped after a cooldown.

    `cooldown` is None while training goes on without end; otherwise the iteration at which the way down to zero begins
    and the number of iterations it takes.
    """

    batch: int
    rate: float
    warmup: int = 200
    cooldown: tuple[int, int] | None = None

    def at(self, iteration: int) -> float:
        """The learning rate of an iteration, counted from 0."""
        rising = min(1.0, (iteration + 1) / self.warmup)
        if self.cooldown is None:
            return self.rate * rising
        start, length = self.cooldown
        return self.rate * rising * min(1.0, max(0.0, (start + length - iteration) / length))

    @property
    def end(self) -> float:
        """The iteration after the last; infinity without a cooldown."""
        return float("inf") if self.cooldown is None else sum(self.cooldown)
