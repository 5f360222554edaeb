"""A run's events as the progress of an MCP call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp.server.mcpserver import Context

Tell = Callable[[str, dict[str, Any]], None]
"""Takes an event's kind and data, from any thread."""

PAINTED = 0.9
"""The share of a picture's progress that painting takes; inspecting takes the rest."""


class Milestones:
    """Adds up events: one picture is one unit. `at` only ever grows."""

    def __init__(self) -> None:
        self.at = 0.0
        self.total = 0
        self.message = ""

    def add(self, kind: str, data: dict[str, Any]) -> bool:
        """True if this event moved the progress on."""
        at = self.at
        if kind == "painting":
            self.total += 1
        elif kind == "step":
            at = max(1, self.total) - 1 + PAINTED * data["step"] / data["steps"]
            self.message = f"picture {max(1, self.total)}: step {data['step']} of {data['steps']}"
        elif kind == "judged":
            at = float(self.total)
            self.message = f"picture {self.total}: {data['reason']}"
        if at <= self.at:
            return False
        self.at = at
        return True


@asynccontextmanager
async def reporting(context: Context[Any, Any]) -> AsyncIterator[Tell]:
    """Within, events told are reported to the client as progress, the latest one if they come too fast."""
    loop = asyncio.get_running_loop()
    milestones, moved = Milestones(), asyncio.Event()

    def note(kind: str, data: dict[str, Any]) -> None:
        if milestones.add(kind, data):
            moved.set()

    def tell(kind: str, data: dict[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(note, kind, data)

    async def pump() -> None:
        while True:
            await moved.wait()
            moved.clear()
            await context.report_progress(milestones.at, max(1, milestones.total), milestones.message)

    pumping = asyncio.create_task(pump())
    try:
        yield tell
    finally:
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
