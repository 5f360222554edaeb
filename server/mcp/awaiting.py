"""Waiting for a job in a call: for as long as the caller wants, and never longer than a client's patience."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from muralist.server.application import Application
from muralist.server.owner import owner
from muralist.tools.job import Job

from .progress import reporting
from .reports import reported


async def awaited(application: Application, job: Job, seconds: float, context: Context[Any, Any]) -> CallToolResult:
    """The job's result, or where it stands by then; an error's if it has failed without a picture."""
    job = await application.jobs.wait(job.job_id, owner(), seconds, reporting(context))
    result = await reported(application, job, owner())
    result.is_error = job.status == "failed" and not job.result
    return result
