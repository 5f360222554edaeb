"""The four tools over MCP; those that paint are jobs."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from muralist.prompts import load
from muralist.server.application import Application
from muralist.server.owner import owner
from muralist.tools.catalogue import TOOLS

from .awaiting import awaited
from .reports import after_plan, after_recaption
from .results import Painting, Planned, Recaptioned, reply
from .tool import VIEW, Arguments, Awaited, McpTool, OnRun, arguments_of, mcp_tool

TITLES = {
    "recaption": "List what has to be in the picture",
    "plan": "Divide the canvas",
    "regional_diffuse": "Paint the plan",
    "inspect_and_edit": "Check the picture and repaint parts",
}


class FromPicture(Arguments):
    """Arguments of a tool that may start from a picture."""

    image_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="A picture to change, imported or from an earlier run.",
    )


def run_tools(application: Application) -> list[McpTool]:
    """`recaption`, `plan`, `regional_diffuse` and `inspect_and_edit`, from the catalogue."""

    async def recaption(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        fields = arguments.model_dump_one_level()
        outcome = await application.recaption(fields, fields.pop("image_id"), owner())
        scene = outcome.run.scene
        entities = scene.entities if scene else []
        details = "\n".join(f"{entity.id}: {entity.count} x {entity.name}" for entity in entities)
        asked = "; ".join(f"{question['id']}: {question['text']}" for question in outcome.data["checklist"])
        follow = after_recaption(outcome.run)
        structure = {**outcome.data, "not_understood": outcome.run.not_understood, "next": follow}
        return reply([outcome.text, details, asked, follow], structure)

    async def plan(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        fields = arguments.model_dump_one_level()
        outcome = await application.plan(fields, fields.pop("run_id"), owner())
        follow = after_plan(outcome.run)
        return reply([outcome.text, follow], {**outcome.data, "next": follow}, outcome.picture)

    def offered(name: str, act: Any, result: Any, *bases: type[Arguments], **hints: Any) -> McpTool:
        return mcp_tool(
            name, act, title=TITLES[name], description=load(f"mcp_{name}"),
            arguments=arguments_of(TOOLS[name], *bases), result=result, **hints,
        )  # fmt: skip

    def painting(name: str) -> McpTool:
        async def act(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
            fields = arguments.model_dump_one_level()
            run_id, seconds = fields.pop("run_id"), fields.pop("wait_seconds")
            job = await application.begin(name, fields, run_id, owner())
            return await awaited(application, job, seconds, context)

        return offered(name, act, Painting, OnRun, Awaited, view=VIEW)

    return [
        offered("recaption", recaption, Recaptioned, FromPicture),
        offered("plan", plan, Planned, OnRun),
        painting("regional_diffuse"),
        painting("inspect_and_edit"),
    ]
