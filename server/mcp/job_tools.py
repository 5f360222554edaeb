"""get_job and cancel_job."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from muralist.prompts import load
from muralist.server.application import Application
from muralist.server.owner import owner

from .progress import reporting
from .reports import reported
from .results import Painting
from .tool import VIEW, Arguments, Awaited, McpTool, mcp_tool


class JobArgs(Arguments):
    """Arguments that name a job."""

    job_id: str = Field(min_length=1, max_length=64, description="The job_id from a painting tool.")


class GetJobArgs(Awaited):
    """Arguments of `get_job`."""

    job_id: str | None = Field(
        default=None, min_length=1, max_length=64,
        description="The job_id from a painting tool; the latest job if left out.",
    )  # fmt: skip


def job_tools(application: Application) -> list[McpTool]:
    """The tools."""

    async def get_job(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        args = cast("GetJobArgs", arguments)
        job_id = args.job_id or await application.jobs.latest(owner())
        job = await application.jobs.wait(job_id, owner(), args.wait_seconds, reporting(context))
        return await reported(application, job, owner())

    async def cancel_job(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        job_id = cast("JobArgs", arguments).job_id
        await application.jobs.cancel(job_id, owner())
        job = await application.jobs.wait(job_id, owner(), PATIENCE, reporting(context))
        return await reported(application, job, owner())

    return [
        mcp_tool(
            "get_job", get_job, title="Wait for a picture", description=load("mcp_get_job"),
            arguments=GetJobArgs, result=Painting, read_only=True, view=VIEW,
        ),
        mcp_tool(
            "cancel_job", cancel_job, title="Stop a picture", description=load("mcp_cancel_job"),
            arguments=JobArgs, result=Painting, idempotent=True,
        ),
    ]  # fmt: skip


PATIENCE = 10.0
"""Seconds that cancel_job waits for the step that is being painted."""
