"""One picture that somebody waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from PIL import Image

from muralist.tools.abilities import Placement
from muralist.tools.errors import Cancelled, OutOfTime
from muralist.tools.ports import OnStep, PaintSpec


def _nobody_stops() -> bool:
    return False


def _nobody_listens(step: int, steps: int) -> None:
    pass


@dataclass(eq=False)
class Request:
    """What to paint, whom to tell about it, and when to stop; `future` gets the picture or the error."""

    spec: PaintSpec
    on_step: OnStep = _nobody_listens
    stopped: Callable[[], bool] = _nobody_stops
    seconds: float | None = None
    """What it may take, waiting included."""
    placement: Placement = "auto"
    future: Future[Image.Image] = field(default_factory=Future)
    begun: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; requests of one size can be painted together."""
        return self.spec.width, self.spec.height

    def check(self, where: str) -> None:
        """Raise Cancelled if it was stopped, OutOfTime once its deadline has passed; `where` it had got to."""
        if self.stopped():
            raise Cancelled(f"stopped {where}")
        if self.seconds is not None and time.monotonic() - self.begun > self.seconds:
            raise OutOfTime(
                f"the picture was not finished within {self.seconds:g} seconds: time was up {where}; allow more, or "
                "choose fewer steps or a smaller size"
            )

    def after_step(self, step: int, steps: int) -> None:
        """Tell about a step, and raise if no more are wanted."""
        self.on_step(step, steps)
        self.check(f"at step {step} of {steps}")
