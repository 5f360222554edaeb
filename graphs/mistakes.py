"""What went wrong, as the ledger and the state keep it."""

from __future__ import annotations

import logging

from langgraph.errors import GraphBubbleUp
from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import Cancelled, MuralistError
from muralist.tools.run import Run

from .state import Json

LONGEST = 300
"""Characters that are kept of a foreign error's message."""

log = logging.getLogger(__name__)


def mistake(what: str, error: Exception) -> MuralistError:
    """The error itself if it is one of ours; any other in one line that names `what` failed, its traceback logged.

    LangGraph's own signals are raised again: a port may interrupt a run to ask a person.
    """
    if isinstance(error, GraphBubbleUp):
        raise error
    if isinstance(error, MuralistError):
        return error
    log.error("%s failed", what, exc_info=error)
    text = one_line(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
    said = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return MuralistError(f"{what} failed: {said or type(error).__name__}")


def broken(run: Run, error: MuralistError) -> Run:
    """The run as this error ends it."""
    return run.changed(status="cancelled" if isinstance(error, Cancelled) else "failed", reason=str(error))


def as_json(error: MuralistError) -> Json:
    """The error for the state: `kind` and `message`."""
    return {"kind": type(error).__name__, "message": str(error)}
