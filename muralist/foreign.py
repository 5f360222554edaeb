"""The four tools for any LangChain agent: they keep their own run, so that the agent needs no state of ours."""

from __future__ import annotations

import secrets
from typing import Any

from langchain_core.tools import BaseTool, ToolException

from muralist.agent import Settings
from muralist.graphs.turns import structured
from muralist.runs.service import LOCAL, RunService
from muralist.tools.catalogue import TOOLS, Tool
from muralist.tools.errors import MuralistError, PreconditionFailed
from muralist.tools.run import Run

from .drawing import service_of


class OwnRun:
    """The run that a set of tools works on; `recaption` opens it, and another one for another prompt."""

    def __init__(self, service: RunService) -> None:
        self.service = service
        self.run: Run | None = None

    async def call(self, tool: Tool, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """What the tool says, as JSON text for a model, and as a structure. Raises ToolException in one line."""
        try:
            run = await self._run_for(tool, arguments)
            outcome = await self.service.act(run.run_id, LOCAL, tool.name, arguments, secrets.token_hex(8))
        except MuralistError as error:
            raise ToolException(str(error)) from None
        self.run = outcome.run
        if outcome.stopped is not None:
            raise ToolException(str(outcome.stopped))
        return outcome.content(), outcome.data

    async def _run_for(self, tool: Tool, arguments: dict[str, Any]) -> Run:
        if tool.name == "recaption" and (self.run is None or self.run.prompt != arguments.get("prompt")):
            self.run = await self.service.open("", unasked=True)
        if self.run is None:
            raise PreconditionFailed("there is no run yet: call recaption first")
        return self.run


def langchain_tools(settings: Settings | None = None, **overrides: Any) -> list[BaseTool]:
    """`recaption`, `plan`, `regional_diffuse` and `inspect_and_edit` with a run of their own, for one agent.

    `overrides` are those of `adraw`: settings by name, and parts as objects. A tool's answer is JSON text, its artifact
    the same as a structure; `image_id` in it names the picture in the store. What goes wrong is told to the model.
    """
    own = OwnRun(service_of(settings, overrides))
    return [_as_langchain(tool, own) for tool in TOOLS.values()]


def _as_langchain(tool: Tool, own: OwnRun) -> BaseTool:
    async def call(**arguments: Any) -> tuple[str, dict[str, Any]]:
        return await own.call(tool, arguments)

    return structured(tool, call, response_format="content_and_artifact", handle_tool_error=True)
