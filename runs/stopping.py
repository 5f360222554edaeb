"""How work in progress is stopped: what the painter looks at after every step, and how a cancelled caller waits."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import anyio

from muralist.tools.errors import Cancelled

T = TypeVar("T")
log = logging.getLogger(__name__)

POLL = 0.05
"""Seconds between two looks at the causes of a `Stop` that is waited for."""

_stops: dict[str, threading.Event] = {}


class Stop(threading.Event):
    """Set by hand, or once one of its causes holds: a caller's event that must not be set for it, or a deadline."""

    def __init__(self, *causes: Callable[[], bool]) -> None:
        super().__init__()
        self._causes = causes

    def is_set(self) -> bool:
        return super().is_set() or any(cause() for cause in self._causes)

    def wait(self, timeout: float | None = None) -> bool:
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not self.is_set() and (left := end - time.monotonic()) > 0:
            super().wait(min(POLL, left))
        return self.is_set()


@contextmanager
def stoppable(run_id: str, stop: threading.Event) -> Iterator[None]:
    """While inside, setting `stop` stops the graph's run of that id within one denoising step."""
    _stops[run_id] = stop
    try:
        yield
    finally:
        _stops.pop(run_id, None)


def stop_of(run_id: str) -> threading.Event:
    """What stops a run; an event that nobody sets if its caller did not give any."""
    return _stops.get(run_id) or threading.Event()


async def finished(work: Coroutine[Any, Any, T], stop: threading.Event) -> T:
    """Await `work`; if cancelled meanwhile, set `stop`, let `work` keep what it has, and only then be cancelled."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        with anyio.CancelScope(shield=True):  # anyio cancels again and again until the scope is left
            await asyncio.wait([task])
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Cancelled):
            log.warning("failed while it was being stopped: %s", error)
        raise
