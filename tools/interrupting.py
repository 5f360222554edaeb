"""Waiting for a model that may never answer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .errors import Cancelled

T = TypeVar("T")

POLL = 0.05
"""Seconds between two looks at whether to stop."""


async def unless(stop: threading.Event, work: Coroutine[Any, Any, T], grace: float = 0.0) -> T:
    """What `work` gives. Once `stop` is set it has `grace` seconds to finish, then it is cancelled.

    Raises Cancelled in that case.
    """
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=POLL))[0]:
            if stop.is_set() and not (await asyncio.wait([task], timeout=grace))[0]:
                raise Cancelled("stopped before the model had answered")
        return task.result()
    finally:
        task.cancel()  # nothing happens to one that is done
        await asyncio.wait([task], timeout=1)
