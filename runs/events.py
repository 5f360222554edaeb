"""The numbered events that a run tells of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from muralist.tools.ports import Lease
from muralist.tools.run import Event

OnEvent = Callable[[Event], None]
FLEETING = frozenset({"step"})
"""Kinds that are told and not kept: there are hundreds of them."""


def ignore_event(event: Event) -> None:
    """Nobody listens."""


class Events:
    """Numbers a run's events on from the lease's, hands them to a listener, and keeps them for the next save.

    May be called from any thread. To be made inside the graph's node: LangGraph's stream writer looks up its context
    variables, which a painter's own thread does not have.
    """

    def __init__(self, lease: Lease, listener: OnEvent) -> None:
        self._lease = lease
        self._listener = listener
        self._context = copy_context()
        self._unsaved: list[Event] = []
        self._lock = threading.Lock()

    def __call__(self, kind: str, data: dict[str, Any]) -> None:
        with self._lock:  # the painter's thread and the caller's take turns
            event = Event(run_id=self._lease.run_id, seq=self._lease.seq, kind=kind, data=data)
            self._lease.seq += 1
            if kind not in FLEETING:
                self._unsaved.append(event)
            self._context.run(self._listener, event)

    def unsaved(self) -> list[Event]:
        """Those that no save has had yet."""
        with self._lock:
            return list(self._unsaved)

    def saved(self, events: list[Event]) -> None:
        """These are kept now."""
        with self._lock:
            del self._unsaved[: len(events)]
