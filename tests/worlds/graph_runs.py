"""Running the graph by itself, and what it left in the store."""

from __future__ import annotations

from typing import Any

from muralist.graphs.state import Context
from muralist.runs import wiring
from muralist.tools.run import Run


def context(named: dict[str, Any]) -> Context:
    """Settings by name as the graph's context; the home folder is the environment's."""
    return Context(**{name: value for name, value in named.items() if name != "home"})


async def ledger(state: dict[str, Any]) -> Run:
    """The thread's run, as it is in the store."""
    store = wiring.store(wiring.settings())
    return (await store.load_run(state["run_id"], "local"))[0]
