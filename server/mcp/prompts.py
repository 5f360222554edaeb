"""Prompts that a user picks: to paint, and to go on from a picture."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from pydantic import Field

from muralist.prompts import load


def add_prompts(server: MCPServer[Any]) -> None:
    """Register them."""

    @server.prompt(
        name="paint", title="Paint a picture", description="Paint what you describe, check it, and mend what is wrong."
    )
    def paint(wish: Annotated[str, Field(description="What to paint: objects, colours, counts, relations.")]) -> str:
        return load("mcp_paint").replace("{wish}", wish)

    @server.prompt(
        name="refine", title="Change a picture", description="Change something in a picture and keep the rest."
    )
    def refine(
        image_id: Annotated[str, Field(description="The picture to change.")],
        wish: Annotated[str, Field(description="What to change, such as: make the cup red.")],
    ) -> str:
        return load("mcp_refine").replace("{image_id}", image_id).replace("{wish}", wish)
