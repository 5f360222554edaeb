"""A job's progress as that of the call which waits for it."""

from __future__ import annotations

import math
from typing import Any

from mcp.server.mcpserver import Context

from muralist.server.jobs import Report
from muralist.tools.job import Job

SHARE = 0.02
"""Of the way to the next whole picture: what a report moves on by if the job itself has not moved."""


def reporting(context: Context[Any, Any]) -> Report:
    """Reports to the client; each report is further on than the one before, as the protocol demands."""
    last = -1.0

    async def report(job: Job) -> None:
        nonlocal last
        done = job.progress.done
        if done <= last:
            done = last + SHARE * (math.floor(last) + 1 - last)
        last = done
        total = max(job.progress.total, math.ceil(done))
        await context.report_progress(done, total, f"{job.doing} ({round(job.age)} s)")

    return report
