"""A person's word on a plan: how it is asked for, and what is raised where nobody gives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from muralist.tools.errors import PreconditionFailed

if TYPE_CHECKING:
    from muralist.tools.run import Run

Decide = Callable[["Run"], Awaitable[dict[str, Any]] | dict[str, Any]]
"""Is asked about a run's plan; gives a decision: `{"type": "approve"}`, or edit, reject or respond."""


class WaitsForDecision(PreconditionFailed):
    """A run waits for a decision about its plan; `run_id` goes on once it is resumed with one.

    `mistake`: why the plan of the decision before could not be painted, if that is why it waits again.
    """

    def __init__(self, message: str = "", run_id: str = "", mistake: str = "") -> None:
        super().__init__(message)
        self.run_id = run_id
        self.mistake = mistake
