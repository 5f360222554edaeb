"""What an assistant over MCP is left with when the inspector fails."""

from __future__ import annotations

from typing import Any

from block_world import BlockInspector, BlockPainter, install
from mcp_client import PROMPT, served, text

from muralist.tools.errors import EndpointError


class Unreliable(BlockInspector):
    """Cannot be reached the first time."""

    asked = 0

    async def inspect(self, *about: Any) -> Any:
        self.asked += 1
        if self.asked == 1:
            raise EndpointError("the endpoint cannot be reached")
        return await super().inspect(*about)


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
