"""An assistant's side of the MCP server, in one process with it."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, ImageContent, TextContent
from PIL import Image

from muralist.agent.settings import Settings
from muralist.server.application import Application
from muralist.server.mcp import build_server
from muralist.server.settings import ServerSettings

PROMPT = "a red car to the left of a blue vase"


@asynccontextmanager
async def served(mode: Any = "auto", **settings: Any) -> AsyncIterator[Client]:
    limits = {name: settings.pop(name) for name in set(settings) & set(ServerSettings.model_fields)}
    application = Application(Settings(**settings), ServerSettings(**limits))
    try:
        async with Client(build_server(application), mode=mode) as client:
            yield client
    finally:
        await asyncio.to_thread(application.close)


def text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def structure(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text(result)
    assert result.structured_content is not None
    return result.structured_content


def seen(result: CallToolResult) -> Image.Image:
    (shown,) = [block for block in result.content if isinstance(block, ImageContent)]
    assert shown.mime_type == "image/webp"
    assert len(shown.data) <= 100_000
    return Image.open(io.BytesIO(base64.b64decode(shown.data)))
