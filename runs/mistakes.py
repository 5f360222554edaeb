"""What went wrong, as the ledger and the state keep it."""

from __future__ import annotations

import logging
import sys
from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import MuralistError, Outage

LONGEST = 300
"""Characters that are kept of a foreign error's message."""

log = logging.getLogger(__name__)


def mistake(what: str, error: Exception) -> MuralistError:
    """The error itself if it is one of ours; any other in one line that names `what` failed, its traceback logged.

    LangGraph's own signals are raised again: a port may interrupt a run to ask a person.
    """
    langgraph: Any = sys.modules.get("langgraph.errors")  # whoever raises its signals has imported it
    if langgraph is not None and isinstance(error, langgraph.GraphBubbleUp):
        raise error
    if isinstance(error, MuralistError):
        return error
    log.error("%s failed", what, exc_info=error)
    text = one_line(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
    said = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    kind = Outage if isinstance(error, ConnectionError | TimeoutError) else MuralistError
    return kind(f"{what} failed: {said or type(error).__name__}")


def as_json(error: MuralistError) -> dict[str, Any]:
    """The error for the state: `kind` and `message`."""
    return {"kind": type(error).__name__, "message": str(error)}
