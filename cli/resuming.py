"""Going on with a run, with a decision about its plan where it waits for one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from muralist.agent.settings import Settings
from muralist.runs.service import RunService
from muralist.tools.errors import PreconditionFailed

from .approval import Decision, decision_of
from .runs import found
from .standing import SHORT, standing

if TYPE_CHECKING:
    from muralist import Result


def decided(beginning: str, text: str | None, settings: Settings) -> tuple[str, Decision | None]:
    """The run's id, and what `--decide` says. Raises NotFound, BadSettings, PreconditionFailed if it does not wait."""
    run = found(beginning, settings)
    if text is None:
        return run.run_id, None
    decision = decision_of(text, run)
    known = asyncio.run(standing(RunService(settings), run, thorough=False))
    if not known.waits:
        raise PreconditionFailed(
            f"run {run.run_id[:SHORT]} does not wait for a decision (it is {known.state}): leave --decide out"
        )
    return run.run_id, decision


def resuming(run_id: str) -> Any:
    """The work of going on with a run."""

    def work(**how: Any) -> Coroutine[Any, Any, Result]:
        from muralist import aresume

        return aresume(run_id, **how)

    return work
