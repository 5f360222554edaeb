"""The MCP server: any chat assistant can paint with it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Any

from mcp.server.apps import Apps
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

from muralist.agent.settings import Settings
from muralist.prompts import load
from muralist.server.application import Application
from muralist.server.logs import log_warnings
from muralist.server.settings import ServerSettings
from muralist.server.signals import end_on_signals
from muralist.view.view import page

from .generate import generate_image
from .import_image import import_image
from .job_tools import job_tools
from .names import checking_names
from .picture_tools import picture_tools
from .prompts import add_prompts
from .resources import add_resources
from .run_tools import run_tools
from .tool import VIEW


def build_server(
    application: Application, *, auth: AuthSettings | None = None, token_verifier: TokenVerifier | None = None
) -> MCPServer[Any]:
    """The server over an application; nothing is loaded before the first call that needs it."""
    server: MCPServer[Any] = MCPServer(
        "muralist",
        title="Muralist",
        instructions=load("mcp_instructions"),
        version=version("muralist"),
        tools=[
            generate_image(application),
            *run_tools(application),
            *job_tools(application),
            import_image(application),
            *picture_tools(application),
        ],
        extensions=[_apps()],
        log_level="WARNING",
        auth=auth,
        token_verifier=token_verifier,
    )
    server.middleware.append(checking_names(server))
    add_resources(server, application)
    add_prompts(server)
    return server


def _apps() -> Apps:
    """The page that shows a run, for clients that can show it."""
    apps = Apps()
    apps.add_html_resource(VIEW, page(), name="run", title="A run", prefers_border=True)
    return apps


def serve(settings: Settings, limits: ServerSettings) -> None:
    """Speak MCP over stdin and stdout until stdin closes. Everything else that is printed goes to stderr."""
    log_warnings()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # lines kept back would reach the client when all is over
    application = Application(settings, limits)
    application.shares_files = True
    end_on_signals(application.end)
    try:
        build_server(application).run("stdio")
    finally:
        application.close()
