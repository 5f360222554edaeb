"""import_image: a picture that the user has becomes one that can be edited."""

from __future__ import annotations

from typing import Any, cast

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field, create_model

from muralist.prompts import load
from muralist.server.application import Application
from muralist.server.owner import owner
from muralist.server.settings import ServerSettings
from muralist.tools.errors import BadSettings

from .results import Imported, reply, uri
from .tool import Arguments, McpTool, mcp_tool


class ImportArgs(Arguments):
    """Arguments of `import_image`."""

    data: str | None = Field(default=None, description="A PNG, JPEG or WebP file in base64.")


def _arguments(settings: ServerSettings) -> type[ImportArgs]:
    """With only those ways of giving a picture that are open here."""
    ways: dict[str, Any] = {}
    if settings.roots:
        folders = " or ".join(map(str, settings.roots))
        ways["path"] = (str | None, Field(default=None, max_length=4096, description=f"A file inside {folders}."))
    if settings.fetch:
        ways["url"] = (str | None, Field(default=None, max_length=4096, description="An https URL of a picture."))
    return cast("type[ImportArgs]", create_model("import_image", __base__=ImportArgs, **ways))


def import_image(application: Application) -> McpTool:
    """The tool; a path and a URL are offered only where the settings allow them."""
    settings = application.limits
    arguments = _arguments(settings)

    async def act(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        from muralist.intake.decoding import picture

        data = await _read({name: value for name, value in arguments.model_dump().items() if value}, settings)
        imported = await anyio.to_thread.run_sync(picture, data, settings.bounds)
        image_id = await application.import_picture(imported.picture, owner())
        width, height = imported.picture.size
        follow = (
            f"Next: generate_image with image_id {image_id} and what to change; or recaption with it, to plan and edit "
            "yourself."
        )
        sentence = f"Picture {image_id}, {width}x{height}" + "".join(f"; {each}" for each in imported.notes) + "."
        structure = Imported(image_id=image_id, image=uri(image_id), width=width, height=height, next=follow)
        return reply([sentence, follow], structure, imported.picture)

    return mcp_tool(
        "import_image", act, title="Import a picture", description=load("mcp_import_image"),
        arguments=arguments, result=Imported,
    )  # fmt: skip


async def _read(given: dict[str, str], settings: ServerSettings) -> bytes:
    """The bytes of the one picture that is given."""
    from muralist.intake import decoding, fetching, paths

    if len(given) != 1:
        raise BadSettings("give the picture in one way: data (base64), or path or url where they are offered")
    ((way, value),) = given.items()
    if way == "url":
        return await fetching.fetched(value, settings.import_bytes)
    if way == "path":
        return await anyio.to_thread.run_sync(paths.read, value, settings.roots, settings.import_bytes)
    return await anyio.to_thread.run_sync(decoding.from_base64, value, settings.bounds)
