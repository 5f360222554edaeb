"""What an assistant over MCP is left with when the inspector fails."""

from __future__ import annotations

import re
from typing import Any

from block_world import BlockInspector, BlockPainter, install
from mcp_client import PROMPT, served, structure, text

from muralist.tools.errors import Outage


class Unreliable(BlockInspector):
    """Cannot be reached the n-th time."""

    def __init__(self, fails_at: int = 1) -> None:
        super().__init__()
        self.asked, self.fails_at = 0, fails_at

    async def inspect(self, *about: Any) -> Any:
        self.asked += 1
        if self.asked == self.fails_at:
            raise Outage("the endpoint cannot be reached")
        return await super().inspect(*about)


class Away(BlockPainter):
    """Cannot be reached."""

    def _paint(self, *about: Any) -> Any:
        raise Outage("the endpoint cannot be reached")


async def test_a_loop_whose_painter_fails_says_which_run_goes_on_where_it_was() -> None:
    install(Away())
    async with served() as client:
        failed = await client.call_tool("generate_image", {"prompt": PROMPT})
        assert failed.is_error
        assert "the endpoint cannot be reached" in text(failed)
        run_id = re.findall(r"Next: generate_image with run_id (\w+), which goes on where it was", text(failed))[0]
        install(BlockPainter())
        resumed = structure(await client.call_tool("generate_image", {"run_id": run_id}))
        assert (resumed["passed"], resumed["attempts"]) == (True, 1)


async def test_a_loop_that_fails_after_a_picture_was_judged_goes_on_too() -> None:
    install(BlockPainter(faults={0: [1]}), Unreliable(fails_at=2))
    async with served() as client:
        told = structure(await client.call_tool("generate_image", {"prompt": PROMPT}))
        assert (told["status"], told["passed"]) == ("done", False)
        assert told["next"].startswith(f"Next: generate_image with run_id {told['run_id']}, which goes on")
        assert structure(await client.call_tool("generate_image", {"run_id": told["run_id"]}))["passed"]


async def test_a_picture_whose_inspection_failed_is_kept_and_can_be_inspected_later() -> None:
    install(BlockPainter(), Unreliable())
    async with served() as client:
        opened = await client.call_tool("recaption", {"prompt": PROMPT})
        assert opened.structured_content is not None
        run = {"run_id": opened.structured_content["run_id"]}
        await client.call_tool("plan", run)
        failed = await client.call_tool("regional_diffuse", run)
        assert failed.is_error
        assert "the endpoint cannot be reached" in text(failed)
        inspected = await client.call_tool("inspect_and_edit", run)
        assert not inspected.is_error
        assert "It shows everything that was asked for" in text(inspected)
