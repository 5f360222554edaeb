"""Reading a layout prompt back: one-line errors for whatever is not one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout, MuralistError
from muralist.tools.layout import MIN_REGION, Box, Layout

P = ParamSpec("P")


@contextmanager
def _in_one_line(name: str) -> Iterator[None]:
    try:
        yield
    except MuralistError:
        raise
    except ValidationError as error:
        raise BadLayout(f"the {name} layout cannot be used: {one_line(error)}") from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BadLayout(f"this is no {name} layout: {reason[:200]}") from None


def reader(name: str) -> Callable[[Callable[P, Layout]], Callable[P, Layout]]:
    """Decorates a format's `read`: whatever goes wrong in it is a BadLayout."""

    def decorated(read: Callable[P, Layout]) -> Callable[P, Layout]:
        @wraps(read)
        def checked(*args: P.args, **kwargs: P.kwargs) -> Layout:
            with _in_one_line(name):
                return read(*args, **kwargs)

        return checked

    return decorated


def parsed(prompt: str) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    found = json.loads(prompt)
    if not isinstance(found, dict):
        raise ValueError("it has to be a JSON object")
    return found


def dumped(caption: dict[str, Any]) -> str:
    """JSON on one line without spaces between, letters of every script as they are: as models were trained with it."""
    return json.dumps(caption, separators=(",", ":"), ensure_ascii=False)


def outwards(low: float, high: float) -> tuple[int, int]:
    """The whole numbers around an interval: nothing is cut off, and each is less than 1 away."""
    return math.floor(round(low, 6)), math.ceil(round(high, 6))


def box_of(y0: float, x0: float, y1: float, x1: float) -> Box:
    """A box of fractions, cut to the canvas, and as large as a region has to be. Raises ValueError if it is none."""
    x, y = (_interval(float(low), float(high)) for low, high in ((x0, x1), (y0, y1)))
    return Box(x0=x[0], y0=y[0], x1=x[1], y1=y[1])


def _interval(low: float, high: float) -> tuple[float, float]:
    if not low < high:
        raise ValueError(f"a box from {low:g} to {high:g} of the canvas is empty, or its numbers are in another order")
    low, high = min(1.0, max(0.0, low)), min(1.0, max(0.0, high))
    missing = max(0.0, MIN_REGION - (high - low)) / 2
    low = min(1 - MIN_REGION, max(0.0, low - missing)) if missing else low
    return low, max(high, low + MIN_REGION) if missing else high
