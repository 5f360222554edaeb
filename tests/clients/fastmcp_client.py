"""What a program written with `fastmcp` does. It runs in an environment that has nothing of ours.

    fastmcp_client.py legacy|2026-07-28 URL
    fastmcp_client.py legacy|2026-07-28 COMMAND ARGUMENT…

Prints what it got as one JSON object.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from importlib.metadata import version

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from picture_bytes import downloaded, size

PROMPT = "a red car to the left of a blue vase"


async def main(mode: str, target: list[str]) -> None:
    """List, paint, wait, and get the picture."""
    if target[0].startswith("http"):
        server: object = target[0]
    else:
        server = StdioTransport(target[0], target[1:], env=dict(os.environ), keep_alive=False)
    async with Client(server, mode=mode) as client:
        tools = await client.list_tools()
        called = await client.call_tool("generate_image", {"prompt": PROMPT, "seed": 7})
        while called.structured_content["status"] in ("queued", "working"):
            called = await client.call_tool("get_job", {"job_id": called.structured_content["job_id"]})
        (link,) = [block for block in called.content if block.type == "resource_link"]
        (thumbnail,) = [block for block in called.content if block.type == "image"]
        (picture,) = await client.read_resource(called.structured_content["image"])
        png = base64.b64decode(picture.blob)
        if str(link.uri).startswith("http"):
            assert await asyncio.to_thread(downloaded, str(link.uri)) == png
        got = {
            "client": f"fastmcp {version('fastmcp-slim')}, mcp {version('mcp')}",
            "protocol": client.protocol_version,
            "tools": len(tools),
            "status": called.structured_content["status"],
            "passed": called.structured_content["passed"],
            "png": list(size(png)),
            "link": str(link.uri).partition("/")[0],
            "thumbnail": f"{thumbnail.mime_type}, {len(thumbnail.data)} characters",
        }
    print(json.dumps(got))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
