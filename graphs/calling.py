"""The four tools as LangChain tools: the catalogue's own schemas, the ledger in and out through the graph's state."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command

from muralist.tools.catalogue import TOOLS, Tool, offered
from muralist.tools.errors import (
    BadEdit,
    BadLayout,
    BadPrompt,
    BadScene,
    BadSettings,
    Cancelled,
    MuralistError,
    NotFound,
    OutOfBudget,
    PreconditionFailed,
)
from muralist.tools.metering import Spending, metered
from muralist.tools.run import OFFLINE, Run
from muralist.tools.verdict import CALLER

from . import wiring
from .ending import overdue
from .mistakes import as_json, broken, mistake
from .running import Events
from .state import Context, Json, State
from .stopping import Stop, stop_of

MENDABLE = (BadScene, BadLayout, BadEdit, BadSettings, PreconditionFailed, NotFound)
"""Mistakes that the agent is told of, to call again; all others end the run."""


def langchain_tools() -> dict[str, BaseTool]:
    """The catalogue for ToolNode and `bind_tools`, by name. Arguments are validated by the catalogue itself."""
    return {name: _langchain_tool(tool) for name, tool in TOOLS.items()}


def _langchain_tool(tool: Tool) -> BaseTool:
    async def call(runtime: ToolRuntime[Context, State], **arguments: Any) -> Command[Any]:
        return await _call(tool, arguments, runtime)

    return StructuredTool.from_function(
        coroutine=call,
        name=tool.name,
        description=tool.description,
        args_schema=tool.args.model_json_schema(),
        infer_schema=False,
    )


async def _call(tool: Tool, arguments: Json, runtime: ToolRuntime[Context, State]) -> Command[Any]:
    state, context = runtime.state, runtime.context or Context()
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state.get("seq", 0), runtime.stream_writer)
    said: Json = {"name": tool.name, "tool_call_id": runtime.tool_call_id}

    def late() -> bool:
        return overdue(run, time.time() - state["started"])

    by = run.turns[-1].by if run.turns else OFFLINE
    given = {"recaption": context.scene, "plan": context.plan}.get(tool.name) is not None
    author = CALLER if given else by
    with metered() as meter:
        try:
            settings = await context.settings()
            ports = await asyncio.to_thread(wiring.ports, settings, events, Stop(stop_of(run.run_id).is_set, late))
            outcome = await tool.call(arguments, run, replace(ports, caller=author))
            changed = outcome.run.changed(usage=run.usage) != run
            if not changed and not run.attempts:
                raise PreconditionFailed(f"{tool.name} changed nothing: {offered(run)[-1]} comes next")
        except Exception as caught:
            error = mistake(f"tool {tool.name}", caught)
            events("mistake", {"tool": tool.name, **as_json(error)})
            kept = _with_cost(error.run or run, run, meter.spent)
            unfit = given and isinstance(error, BadScene | BadLayout)
            ended = unfit or not _mendable(error, by, late())  # what a caller gives is not the agent's to mend
            return Command(
                update={
                    "messages": [ToolMessage(str(error), status="error", **said)],
                    "run": (broken(kept, error) if ended else kept).model_dump(mode="json"),
                    "error": None if _is_an_end(error, late()) else as_json(error),
                    "seq": events.seq,
                }
            )
    drafted_by = outcome.data.get("drafted_by", "")
    events("tool", {"tool": tool.name, "text": outcome.text})
    return Command(
        update={
            "messages": [ToolMessage(outcome.content(), **said)],
            "run": _with_cost(outcome.run.turned(drafted_by=drafted_by), run, meter.spent).model_dump(mode="json"),
            "error": None,
            "idle": 0 if changed else state.get("idle", 0) + 1,
            "seq": events.seq,
        }
    )


def _is_an_end(error: MuralistError, late: bool) -> bool:
    """Whether it only says that the run's time or budget is up: `verify` ends the run, and nobody has cancelled it."""
    return isinstance(error, OutOfBudget) or (isinstance(error, Cancelled) and late)


def _mendable(error: MuralistError, by: str, late: bool) -> bool:
    """Whether the run goes on. What the backbone cannot draw is the prompt's fault, unless a model has put it so."""
    if _is_an_end(error, late) or isinstance(error, MENDABLE):
        return True
    return isinstance(error, BadPrompt) and by != OFFLINE


def _with_cost(run: Run, before: Run, spent: Spending) -> Run:
    """The run, its latest turn charged with what its inspections cost."""
    calls = run.usage.inspector_calls - before.usage.inspector_calls
    return run.turned(inspector=spent.model_copy(update={"calls": calls}))
