"""What can be read by its URI: pictures, what is known about them, jobs, and the guide; and the completion of ids."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from muralist.prompts import load
from muralist.server.application import Application
from muralist.server.image_encoding import thumbnail
from muralist.server.owner import owner
from muralist.tools.errors import MuralistError, NotFound
from muralist.tools.png import png

from .reports import reported

COMPLETIONS = 100
"""As many as the protocol lets a completion have."""
LATEST = 1000
"""Pictures that are looked through for it."""

Ref = PromptReference | ResourceTemplateReference

GUIDE = ("mcp_instructions", "recaption", "plan", "edit")


def add_resources(server: MCPServer[Any], application: Application) -> None:
    """Register everything that can be read."""

    @server.resource(
        "image://{image_id}", name="image", title="A painted picture", mime_type="image/png",
        description="A picture at full size, by the image_id that a tool gave.",
    )  # fmt: skip
    async def image(image_id: str) -> bytes:
        async with readable():
            return png(await application.picture(image_id, owner()))

    @server.resource(
        "image://{image_id}/thumbnail", name="thumbnail", title="A painted picture, small", mime_type="image/webp",
        description="A picture at 512 pixels at most.",
    )  # fmt: skip
    async def small(image_id: str) -> bytes:
        async with readable():
            return base64.b64decode(thumbnail(await application.picture(image_id, owner())))

    @server.resource(
        "image://{image_id}/metadata", name="metadata", title="How a picture came about",
        mime_type="application/json",
        description="Scene, layout, seed, backbone, verdicts and parent of a picture.",
    )  # fmt: skip
    async def metadata(image_id: str) -> str:
        async with readable():
            return json.dumps(await application.metadata(image_id, owner()), ensure_ascii=False)

    @server.resource(
        "job://{job_id}", name="job", title="A job", mime_type="application/json",
        description="Where a job stands, as get_job tells it.",
    )  # fmt: skip
    async def job(job_id: str) -> str:
        async with readable():
            found = await reported(application, await application.jobs.get(job_id, owner()), owner())
            return json.dumps(found.structured_content, ensure_ascii=False)

    @server.resource(
        "view://{run_id}", name="view", title="A run as its page shows it", mime_type="application/json",
        description="Layout, attempts and their verdicts, for the page ui://muralist/run.html.",
    )  # fmt: skip
    async def view(run_id: str) -> str:
        async with readable():
            found = await application.view(run_id, owner(), lambda image_id: f"image://{image_id}/thumbnail")
            return found.model_dump_json()

    @server.resource(
        "guide://planning", name="planning", title="How to write scenes, plans and edits", mime_type="text/markdown",
        description="For an assistant that fills in recaption, plan and inspect_and_edit itself.",
    )  # fmt: skip
    async def planning() -> str:
        return "\n\n".join(load(name) for name in GUIDE)

    async def complete(ref: Ref, argument: CompletionArgument, context: CompletionContext | None) -> Completion | None:
        found: list[str] = []
        with suppress(MuralistError):  # nothing to choose from is no error
            if argument.name == "image_id":
                kept = await application.pictures(owner(), LATEST)
                found = [each.image_id for each in kept if each.image_id.startswith(argument.value)]
            elif argument.name in ("job_id", "run_id"):
                found = await application.jobs.ids(owner(), argument.value, COMPLETIONS + 1)
        return Completion(values=found[:COMPLETIONS], has_more=len(found) > COMPLETIONS)

    server.completion()(complete)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def readable() -> AsyncIterator[None]:
    """What can be expected to go wrong, as the protocol says it."""
    try:
        yield
    except NotFound as error:
        raise ResourceNotFoundError(str(error)) from None
    except MuralistError as error:
        raise ResourceError(str(error)) from None
