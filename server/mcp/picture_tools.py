"""import_image, view_image and list_images."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from muralist.prompts import load
from muralist.server.application import Application
from muralist.server.owner import owner
from muralist.tools.answers import answered
from muralist.tools.ports import ImageRecord

from .delivery import delivery_of
from .results import Listed, Page, Viewed, reply, uri
from .tool import Arguments, McpTool, mcp_tool

SHOWN = 200
"""Characters of a prompt in a list."""
DONE = {"given": "given", "paint": "painted", "edit": "edited"}


class ViewArgs(Arguments):
    """Arguments of `view_image`."""

    image_id: str = Field(min_length=1, max_length=80, description="The image_id from another tool.")
    max_dim: int = Field(default=512, ge=16, le=1024, description="Longer side of the thumbnail, in pixels.")


class ListArgs(Arguments):
    """Arguments of `list_images`."""

    limit: int = Field(default=20, ge=1, le=100, description="How many pictures at most.")
    cursor: int | None = Field(default=None, ge=1, description="The cursor of the previous page.")


def picture_tools(application: Application) -> list[McpTool]:
    """The tools."""

    async def view_image(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        args = cast("ViewArgs", arguments)
        picture = await application.picture(args.image_id, owner())
        run = await application.run_of(args.image_id, owner())
        attempt = next((each for each in run.attempts if each.image_id == args.image_id), None)
        questions = answered(run, attempt) if attempt is not None and attempt.verdicts else []
        prompt = run.prompt
        follow = (
            f"Next: inspect_and_edit with run_id {run.run_id} to have it changed."
            if attempt is not None
            else f"Next: generate_image with image_id {args.image_id} and what it should show."
        )
        delivery = await delivery_of(application, args.image_id, owner())
        structure = Viewed(
            image_id=args.image_id,
            image=uri(args.image_id),
            path=delivery.path,
            download=delivery.download,
            width=picture.width,
            height=picture.height,
            prompt=run.prompt,
            passed=attempt.answered and not run.not_understood if attempt is not None and questions else None,
            questions=questions,
            next=follow,
        )
        answers = "; ".join(f"{question.text} {question.status}" for question in questions)
        sentence = f"Picture {args.image_id}, {picture.width}x{picture.height}" + (
            f", of: {prompt}." if prompt else "."
        )
        return reply([sentence, answers, delivery.sentence, follow], structure, picture, args.max_dim)

    async def list_images(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        args = cast("ListArgs", arguments)
        kept = await application.pictures(owner(), args.limit + 1, args.cursor)
        page, more = kept[: args.limit], len(kept) > args.limit
        follow = "Next: view_image with one of the image_ids."
        if more:
            follow += f" For older ones: list_images with cursor {page[-1].number}."
        structure = Page(images=[_listed(each) for each in page], cursor=page[-1].number if more else None, next=follow)
        lines = [f"{each.image_id}: {each.prompt[:80] or 'imported'}" for each in page]
        return reply([*lines, follow] if page else ["There are no pictures yet.", "Next: generate_image."], structure)

    return [
        mcp_tool(
            "view_image", view_image, title="Look at a picture", description=load("mcp_view_image"),
            arguments=ViewArgs, result=Viewed, read_only=True,
        ),
        mcp_tool(
            "list_images", list_images, title="List pictures", description=load("mcp_list_images"),
            arguments=ListArgs, result=Page, read_only=True,
        ),
    ]  # fmt: skip


def _listed(kept: ImageRecord) -> Listed:
    action = DONE.get(str(kept.metadata.get("action")), "painted")
    return Listed(
        image_id=kept.image_id, image=uri(kept.image_id), prompt=kept.prompt[:SHOWN], action=action,
        seed=kept.metadata.get("seed"),
    )  # fmt: skip
