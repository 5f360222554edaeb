"""What a load balancer asks: whether the server lives, and whether it could paint. No login, and no Host of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from muralist.tools.errors import MuralistError

HEALTH, READY = "/healthz", "/readyz"
PROBES = (HEALTH, READY)
UNCACHED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def probes(check_ready: Callable[[], Awaitable[None]]) -> list[Route]:
    """`/healthz` and `/readyz`; the second asks `check_ready`, which raises MuralistError, in words for anybody."""

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok", headers=UNCACHED)

    async def ready(request: Request) -> Response:
        try:
            await check_ready()
        except MuralistError as error:
            return PlainTextResponse(f"not ready: {error}", 503, UNCACHED)
        return PlainTextResponse("ready", headers=UNCACHED)

    return [Route(HEALTH, health), Route(READY, ready)]
