"""What an agent with `langchain-mcp-adapters` does, which speaks MCP 1.x. It runs in an environment that has nothing of
ours.

    langchain_client.py URL
    langchain_client.py COMMAND ARGUMENT…

Prints what it got as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.metadata import version
from typing import Any

from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.resources import load_mcp_resources
from langchain_mcp_adapters.tools import load_mcp_tools
from picture_bytes import downloaded, size

PROMPT = "a red car to the left of a blue vase"


async def main(target: list[str]) -> None:
    """List, paint, wait, and get the picture."""
    if target[0].startswith("http"):
        server: dict[str, Any] = {"transport": "streamable_http", "url": target[0]}
    else:
        server = {"transport": "stdio", "command": target[0], "args": target[1:], "env": dict(os.environ)}
    async with MultiServerMCPClient({"muralist": server}).session("muralist", auto_initialize=False) as session:
        protocol = (await session.initialize()).protocolVersion
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}
        message = await tools["generate_image"].ainvoke(call("generate_image", prompt=PROMPT, seed=7))
        while (found := message.artifact["structured_content"])["status"] in ("queued", "working"):
            message = await tools["get_job"].ainvoke(call("get_job", job_id=found["job_id"]))
        # What a model provider would be sent: an image it can take in as it is, and a link.
        (thumbnail,) = [block for block in message.content if "base64" in block]
        (link,) = [block["url"] for block in message.content if "url" in block]
        (picture,) = await load_mcp_resources(session, uris=found["image"])
        png = picture.as_bytes()
        if link.startswith("http"):
            assert await asyncio.to_thread(downloaded, link) == png
        else:  # nobody but this client can fetch it, so it must not pass for an image
            assert [block["type"] for block in message.content if "url" in block] == ["file"]
        got = {
            "client": f"langchain-mcp-adapters {version('langchain-mcp-adapters')}, mcp {version('mcp')}",
            "protocol": protocol,
            "tools": len(tools),
            "status": found["status"],
            "passed": found["passed"],
            "png": list(size(png)),
            "link": link.partition("/")[0],
            "thumbnail": f"{thumbnail['mime_type']}, {len(thumbnail['base64'])} characters",
        }
    print(json.dumps(got))


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """As a model calls a tool."""
    return {"type": "tool_call", "id": "1", "name": name, "args": arguments}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
