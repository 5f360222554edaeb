"""Routes beside MCP: pictures and run pages, for their owner or for whoever holds a signed link."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio.to_thread
from mcp.server.auth.middleware.auth_context import get_access_token
from PIL import Image
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from muralist.server.owner import LOCAL, owner_of
from muralist.tools.errors import MuralistError, NotAllowed, NotFound
from muralist.tools.png import png

from .links import Links

Picture = Callable[[str, str], Awaitable[Image.Image]]
"""`(image_id, owner)` to the picture; raises NotFound, also for what is somebody else's."""
Page = Callable[[str, str], Awaitable[str]]
"""`(run_id, owner)` to HTML; raises NotFound, also for what is somebody else's."""

ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""The address holds a signature: no cache keeps it and no other server is told of it."""
PICTURE_POLICY = "default-src 'none'; sandbox"
PAGE_POLICY = (
    "default-src 'none'; img-src data: 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Pages:
    """The routes of pictures and run pages. `scopes` are those that a token needs; None: no token is needed."""

    links: Links
    picture: Picture
    page: Page
    scopes: Sequence[str] | None

    def routes(self) -> list[Route]:
        """`/images/{image_id}.png` and `/runs/{run_id}`."""
        return [
            Route("/images/{id}.png", self._picture),
            Route("/runs/{id}", self._page),
        ]

    async def _picture(self, request: Request) -> Response:
        async def show(image_id: str, owner: str) -> Response:
            data = await anyio.to_thread.run_sync(png, await self.picture(image_id, owner))
            named = {"Content-Disposition": f'inline; filename="{image_id}.png"'}
            headers = {**PRIVATE, **named, "Content-Security-Policy": PICTURE_POLICY}
            return Response(data, media_type="image/png", headers=headers)

        return await self._answered(request, show)

    async def _page(self, request: Request) -> Response:
        async def show(run_id: str, owner: str) -> Response:
            headers = {**PRIVATE, "Content-Security-Policy": PAGE_POLICY}
            return HTMLResponse(await self.page(run_id, owner), headers=headers)

        return await self._answered(request, show)

    async def _answered(self, request: Request, show: Callable[[str, str], Awaitable[Response]]) -> Response:
        """What `show` makes of the id and the owner that the request speaks for, or one line that says why not."""
        try:
            owner = self._owner(request)
            if owner is None:
                line = "this needs a link, or a bearer token that may use this server"
                return PlainTextResponse(line, 401, {**PRIVATE, "WWW-Authenticate": "Bearer"})
            if not ID.fullmatch(request.path_params["id"]):
                raise NotFound
            return await show(request.path_params["id"], owner)
        except NotAllowed as error:
            return PlainTextResponse(str(error), 403, PRIVATE)
        except NotFound:
            return PlainTextResponse("there is nothing of that id", 404, PRIVATE)
        except MuralistError as error:
            return PlainTextResponse(str(error), 500, PRIVATE)

    def _owner(self, request: Request) -> str | None:
        """By the link if there is one, else by the token; None if there has to be one and it does not suffice."""
        if "signature" in request.query_params:
            return self.links.checked(request.scope["path"], request.query_params)
        if self.scopes is None:
            return LOCAL
        token = get_access_token()
        return owner_of(token) if token and set(self.scopes) <= set(token.scopes) else None
