"""How a run begins, and the numbered events that it tells of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings
from muralist.tools.run import Event, Options, Run
from muralist.tools.usage import Budget

if TYPE_CHECKING:
    from muralist.agent import Settings


class Events:
    """Numbers a run's events from `seq` on and hands them to `write` as JSON; may be called from any thread.

    To be made inside the node: LangGraph's stream writer looks up its context variables, which a painter's own thread
    does not have.
    """

    def __init__(self, run_id: str, seq: int, write: Callable[[Any], None]) -> None:
        self.run_id = run_id
        self.seq = seq
        self._write = write
        self._context = copy_context()
        self._lock = threading.Lock()

    def __call__(self, kind: str, data: dict[str, Any]) -> None:
        with self._lock:  # the painter's thread and the graph's take turns
            event = Event(run_id=self.run_id, seq=self.seq, kind=kind, data=data)
            self.seq += 1
            self._context.run(self._write, event.model_dump(mode="json"))


def new_run(settings: Settings, seed: int = 0, owner: str = "local") -> Run:
    """A run with the settings' options and budget, before it has a scene. Raises BadSettings."""
    try:
        options = Options(
            seed=seed, width=settings.width, height=settings.height, steps=settings.steps, guidance=settings.guidance,
            strict=settings.strict,
        )  # fmt: skip
        budget = Budget.of(**{name: getattr(settings, name) for name in Budget.model_fields})
    except ValidationError as error:
        raise BadSettings(one_line(error)) from None
    return Run.open(owner, options=options, budget=budget, drafted_by=settings.model)
