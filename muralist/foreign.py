"""The four tools for any LangChain agent: they keep their own run, so that the agent needs no state of ours."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from langchain_core.tools import BaseTool, ToolException

from muralist.agent import Settings
from muralist.graphs.turns import structured
from muralist.runs.service import LOCAL, RunService
from muralist.runs.stopping import Stop
from muralist.tools.catalogue import TOOLS, Tool
from muralist.tools.errors import MuralistError, PreconditionFailed
from muralist.tools.outcome import Outcome
from muralist.tools.run import Run

from .drawing import service_of, waited_for


class OwnRun:
    """The run that a set of tools works on; `recaption` opens it, and another one for another prompt."""

    def __init__(self, service: RunService) -> None:
        self.service = service
        self.run: Run | None = None

    async def call(
        self, tool: Tool, arguments: dict[str, Any], cancel: threading.Event | None = None
    ) -> tuple[str, dict[str, Any]]:
        """What the tool says, as JSON text for a model, and as a structure. Raises ToolException in one line."""
        try:
            outcome = await self._outcome(tool, arguments, None if cancel is None else Stop(cancel.is_set))
        except MuralistError as error:
            raise ToolException(str(error)) from None
        if outcome.stopped is not None:
            raise ToolException(str(outcome.stopped))
        return outcome.content(), outcome.data

    async def _outcome(self, tool: Tool, arguments: dict[str, Any], stop: Stop | None) -> Outcome:
        opens = tool.name == "recaption" and (self.run is None or self.run.prompt != arguments.get("prompt"))
        run = await self.service.open("", unasked=True) if opens else self.run
        if run is None:
            raise PreconditionFailed("there is no run yet: call recaption first")
        outcome = await self.service.act(run.run_id, LOCAL, tool.name, arguments, secrets.token_hex(8), stop=stop)
        if opens and outcome.run.scene is None:  # refused: the run before it, if there is one, is still the agent's
            await self.service.remove(run.run_id, LOCAL)
        else:
            self.run = outcome.run
        return outcome


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

    def call_and_wait(**arguments: Any) -> tuple[str, dict[str, Any]]:
        return waited_for(own.call, tool, arguments, cancel=None)

    return structured(tool, call, func=call_and_wait, response_format="content_and_artifact", handle_tool_error=True)
