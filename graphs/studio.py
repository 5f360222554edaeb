"""What `langgraph dev` serves beside the graphs: pictures, drawings of plans, and a page per run.

It also refuses what is no context of the graphs. Messages of the graphs refer to these addresses. There is no login: it
is a developer's own machine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from muralist.runs.service import LOCAL, serving_now
from muralist.tools.drawing import draw_layout
from muralist.tools.errors import MuralistError, NotFound
from muralist.tools.png import png
from muralist.tools.run import Run
from muralist.view.view import page, view_of

from .checking import CheckedContext

if TYPE_CHECKING:
    from PIL import Image


class _RunId(StringConvertor):
    """So that the graph server's own addresses, such as `/runs/stream`, stay its own."""

    regex = "[0-9a-f]{32}"


register_url_convertor("run_id", _RunId())


async def picture(request: Request) -> Response:
    """A picture as PNG."""
    service = await serving_now()
    return await _png(await service.picture(request.path_params["image_id"], LOCAL))


async def plan(request: Request) -> Response:
    """The drawing of a run's layout as PNG."""
    service = await serving_now()
    known = await service.load(request.path_params["run_id"], LOCAL)
    if known.layout is None:
        raise NotFound(f"run {known.run_id} has no plan yet")
    options = known.options
    return await _png(await asyncio.to_thread(draw_layout, known.layout, options.width * 2, options.height * 2))


async def run(request: Request) -> Response:
    """A run as a page, or as JSON for who asks for that."""
    service = await serving_now()
    known: Run = await service.load(request.path_params["run_id"], LOCAL)
    if "application/json" in request.headers.get("accept", "") or request.query_params.get("format") == "json":
        return JSONResponse(known.model_dump(mode="json"))
    progress = "being worked on" if await service.store.held(known.run_id) else None
    view = view_of(known, lambda image_id: f"/images/{image_id}.png", progress=progress)
    return HTMLResponse(await asyncio.to_thread(page, view))


async def _png(image: Image.Image) -> Response:
    return Response(await asyncio.to_thread(png, image), media_type="image/png")


async def _told(request: Request, error: Exception) -> Response:
    """What went wrong, in its one line."""
    return PlainTextResponse(f"{error}\n", status_code=404 if isinstance(error, NotFound) else 500)


app = Starlette(
    routes=[
        Route("/images/{image_id}.png", picture),
        Route("/plans/{run_id:run_id}.png", plan),
        Route("/runs/{run_id:run_id}", run),
    ],
    exception_handlers={MuralistError: _told},
    middleware=[Middleware(CheckedContext)],
)
