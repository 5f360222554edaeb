"""The MCP server: the four tools and `generate_image`, over stdio."""

from __future__ import annotations

import logging
import sys
import threading
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from muralist.agent.settings import Settings
from muralist.prompts import load
from muralist.tools.errors import MuralistError, NotFound
from muralist.tools.ports import Ports

from .generate import Draw, generate_image
from .progress import Tell
from .run_tools import PortsFactory, run_tools
from .thumbnail import png


def build_server(settings: Settings, *, ports: PortsFactory | None = None, draw: Draw | None = None) -> MCPServer[Any]:
    """The server; nothing is loaded before the first call that needs it.

    `ports` makes the ports of one call, by default those that `settings` name; `draw` runs the whole loop, by default
    `muralist.adraw`.
    """
    make_ports = ports or _wired(settings)
    server: MCPServer[Any] = MCPServer(
        "muralist",
        title="Muralist",
        instructions=load("mcp_instructions"),
        version=version("muralist"),
        tools=[generate_image(settings, draw or _adraw), *run_tools(settings, make_ports)],
        log_level="WARNING",
    )

    @server.resource(
        "image://{image_id}", name="image", title="A painted picture", mime_type="image/png",
        description="A picture at full size, by the image_id that a tool gave.",
    )  # fmt: skip
    async def image(image_id: str) -> bytes:
        store = (await anyio.to_thread.run_sync(make_ports, _ignore, threading.Event())).store
        try:
            return png(await store.get_image(image_id))
        except NotFound as error:
            raise ResourceNotFoundError(str(error)) from None
        except MuralistError as error:
            raise ResourceError(str(error)) from None

    return server


def serve(settings: Settings) -> None:
    """Speak MCP over stdin and stdout until stdin closes. Everything else that is printed goes to stderr."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, force=True)
    build_server(settings).run("stdio")


def _wired(settings: Settings) -> PortsFactory:
    def make(tell: Tell, cancel: threading.Event) -> Ports:
        from muralist.graphs.wiring import ports

        return ports(settings, tell, cancel)

    return make


async def _adraw(*args: Any, **kwargs: Any) -> Any:
    adraw = await anyio.to_thread.run_sync(_import_adraw)
    return await adraw(*args, **kwargs)


def _import_adraw() -> Draw:
    from muralist import adraw

    draw: Draw = adraw
    return draw


def _ignore(kind: str, data: dict[str, Any]) -> None:
    """Nobody listens."""
