"""The MCP server over HTTP: `/mcp` for both generations of the protocol, pictures and pages beside it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

from mcp.server.mcpserver import MCPServer
from starlette.applications import Starlette

from muralist.agent.settings import Settings
from muralist.server.application import Application
from muralist.server.logs import log_warnings
from muralist.server.mcp import build_server
from muralist.server.settings import ServerSettings
from muralist.server.signals import end_on_signals
from muralist.tools.errors import BadSettings
from muralist.view.view import page

from .auth import admission
from .gate import Gate, check_exposure, security
from .links import Links, secret
from .oauth import Keys
from .pages import Pages
from .probes import probes

HOST, PORT = "127.0.0.1", 8321

SLACK = 1 << 18
"""Bytes of a request beside the picture in base64: prompt, scene, layout, verdicts."""
CONNECTIONS = 1000
"""Open at the same time; more are answered with 503."""

Build = Callable[..., MCPServer[Any]]
"""Makes the server, given the application and `auth=` and `token_verifier=`, which belong to it."""


def http_app(
    application: Application,
    *,
    host: str = HOST,
    port: int = PORT,
    build: Build = build_server,
    keys: Keys | None = None,
) -> Starlette:
    """The whole application, to be served at `host` and `port`; its lifespan is the server's.

    `keys` are those of the OAuth issuer. Raises BadSettings if anybody could come in from outside, or if the settings
    contradict each other.
    """
    limits = application.limits
    check_exposure(limits, host)
    admitted = admission(limits, keys)
    server = build(application, auth=admitted.auth, token_verifier=admitted.token_verifier)
    signed = Links(limits.public_url or f"http://127.0.0.1:{port}", secret(application.home))
    if limits.public_url:
        application.link = signed.link

    async def run_page(run_id: str, owner: str) -> str:
        view = await application.view(
            run_id, owner, lambda image_id: ".." + signed.path(f"/images/{image_id}.png", owner)
        )
        return page(view)

    scopes = None if admitted.auth is None else admitted.auth.required_scopes
    guard = security(limits, port)
    app = server.streamable_http_app(
        streamable_http_path="/mcp",
        max_request_body_size=limits.import_bytes * 4 // 3 + SLACK,
        transport_security=guard,
        host=host,
    )
    app.router.routes.extend(probes(application.check_ready))
    app.router.routes.extend(Pages(signed, application.picture, run_page, scopes).routes())
    app.add_middleware(Gate, security=guard)
    return app


def serve_http(settings: Settings, limits: ServerSettings, host: str = HOST, port: int = PORT) -> None:
    """Speak MCP over HTTP until interrupted. Everything that is printed goes to stderr.

    Port 0 takes a free one. Raises BadSettings, also if the port is taken.
    """
    import uvicorn

    check_exposure(limits, host)
    application = Application(settings, limits)
    with _listening(host, port) as listening, closing(application):
        log_warnings()
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            http_app(application, host=host, port=port),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
        print(f"muralist: serving MCP at http://{_named(host)}:{port}/mcp", file=sys.stderr, flush=True)
        end_on_signals(application.end)  # uvicorn hands on the signal that it ended for
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """A socket of our own, so that a port that is taken is one line and no traceback."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = error.strerror or error
        raise BadSettings(f"{host}:{port} cannot be listened on ({reason}): choose --host and --port") from None


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host else host
