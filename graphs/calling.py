"""The four tools as LangChain tools: the catalogue's own schemas, the ledger in and out through the graph's state."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command

from muralist.tools.catalogue import TOOLS, Tool
from muralist.tools.errors import (
    BadEdit,
    BadLayout,
    BadScene,
    BadSettings,
    Cancelled,
    NotFound,
    PreconditionFailed,
)
from muralist.tools.run import Run

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

    try:
        settings = await asyncio.to_thread(context.settings)
        ports = await asyncio.to_thread(wiring.ports, settings, events, Stop(stop_of(run.run_id).is_set, late))
        outcome = await tool.call(arguments, run, replace(ports, caller=settings.model))
    except Exception as caught:
        error = mistake(f"tool {tool.name}", caught)
        events("mistake", {"tool": tool.name, **as_json(error)})
        key = json.dumps([tool.name, arguments], sort_keys=True, default=str)
        if isinstance(error, Cancelled) and late():  # `verify` ends the run: its time is up, nobody cancelled it
            return Command(
                update={"messages": [ToolMessage(str(error), status="error", **said)], "error": None, "seq": events.seq}
            )
        ended = not isinstance(error, MENDABLE) or (tool.name == "plan" and context.plan is not None)
        return Command(
            update={
                "messages": [ToolMessage(str(error), status="error", **said)],
                "run": broken(run, error).model_dump(mode="json") if ended else state["run"],
                "error": as_json(error),
                "impossible": key,
                "repeated": key == state.get("impossible", ""),
                "seq": events.seq,
            }
        )
    events("tool", {"tool": tool.name, "text": outcome.text})
    changed = outcome.run.changed(usage=run.usage) != run
    return Command(
        update={
            "messages": [ToolMessage(outcome.content(), **said)],
            "run": outcome.run.model_dump(mode="json"),
            "error": None,
            "impossible": "",
            "repeated": False,
            "idle": 0 if changed else state.get("idle", 0),
            "seq": events.seq,
        }
    )
