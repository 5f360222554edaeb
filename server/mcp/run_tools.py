"""The four tools over MCP: each call loads the run, acts, and saves it if nobody else did meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import BaseModel

from muralist.agent.settings import Settings
from muralist.graphs.running import new_run
from muralist.graphs.stopping import Stop, finished
from muralist.prompts import load
from muralist.tools.catalogue import TOOLS, Tool
from muralist.tools.errors import Cancelled, MuralistError
from muralist.tools.outcome import Findings, Outcome
from muralist.tools.ports import Ports

from .progress import Tell, reporting
from .results import Judged, Planned, Recaptioned, after_judging, after_plan, after_recaption, reply, uri
from .tool import Arguments, McpTool, arguments_of, mcp_tool

PortsFactory = Callable[[Tell, threading.Event], Ports]
"""Makes the ports of one call; called in a thread, since it may import much."""

OWNER = "local"
"""Whoever speaks over stdio owns the runs of this machine's user."""


@dataclass(frozen=True)
class Door:
    """How the assistant is told about a tool of the catalogue."""

    tool: Tool
    title: str
    result: type[BaseModel]
    paints: bool
    """Whether a call may paint; the others change nothing but the run."""

    @property
    def opens_run(self) -> bool:
        """Only `recaption` is called without a run."""
        return self.tool is TOOLS["recaption"]


DOORS = (
    Door(TOOLS["recaption"], "Write down what has to be in the picture", Recaptioned, False),
    Door(TOOLS["plan"], "Divide the canvas", Planned, False),
    Door(TOOLS["regional_diffuse"], "Paint the plan", Judged, True),
    Door(TOOLS["inspect_and_edit"], "Check the picture, repaint parts", Judged, True),
)


def run_tools(settings: Settings, ports: PortsFactory) -> list[McpTool]:
    """`recaption`, `plan`, `regional_diffuse` and `inspect_and_edit`, from the catalogue."""
    return [_offered(door, settings, ports) for door in DOORS]


def _offered(door: Door, settings: Settings, make_ports: PortsFactory) -> McpTool:
    tool = door.tool

    async def act(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        fields = arguments.model_dump_one_level()
        run_id = None if door.opens_run else fields.pop("run_id")
        began = time.monotonic()

        def late() -> bool:
            return time.monotonic() - began >= settings.seconds

        stop = Stop(late)
        try:
            async with reporting(context) as tell:
                ports = await anyio.to_thread.run_sync(make_ports, tell, stop)
                outcome = await finished(_done(tool, fields, run_id, settings, ports), stop)
        except Cancelled:
            if late():
                raise Cancelled(
                    f"the {settings.seconds:g} seconds of a call are used up: ask for fewer steps or candidates"
                ) from None
            raise
        return _reply(tool.name, outcome)

    return mcp_tool(
        tool.name,
        act,
        title=door.title,
        description=load(f"mcp_{tool.name}"),
        arguments=arguments_of(tool, run_id=not door.opens_run),
        result=door.result,
        read_only=not door.paints,
    )


async def _done(tool: Tool, fields: dict[str, Any], run_id: str | None, settings: Settings, ports: Ports) -> Outcome:
    """Load the run, or open one; act; save it."""
    if run_id is None:
        run, version = new_run(settings, owner=OWNER), 0
    else:
        run, version = await ports.store.load_run(run_id, OWNER)
    try:
        outcome = await tool.call(tool.args(**fields), run, ports)
    except MuralistError as error:
        if error.run is not None:  # a picture was finished before it went wrong
            await ports.store.save_run(error.run, version)
        raise
    await ports.store.save_run(outcome.run, version)
    return outcome


def _reply(name: str, outcome: Outcome) -> CallToolResult:
    run_id = outcome.run.run_id
    structure = {**outcome.data}
    details = ""
    if name == "recaption":
        structure["next"] = after_recaption(run_id)
        entities = outcome.run.scene.entities if outcome.run.scene else []
        details = "\n".join(f"{entity.id}: {entity.count} x {entity.name}" for entity in entities)
    elif name == "plan":
        structure["next"] = after_plan(run_id)
    else:
        findings = Findings.model_validate(outcome.data["findings"])
        structure["image"] = uri(findings.best_id or findings.candidate_id)
        structure["next"] = after_judging(run_id, findings)
    return reply([outcome.text, details, structure["next"]], structure, outcome.picture)
