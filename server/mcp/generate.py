"""generate_image: the whole loop in one MCP call."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from muralist.prompts import load
from muralist.server.application import Application, GenerationRequest
from muralist.server.owner import owner
from muralist.tools.errors import BadSettings
from muralist.tools.layout import Layout
from muralist.tools.limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE, SEEDS, SIDE_STEP
from muralist.tools.recaption import check_prompt
from muralist.tools.scene import MAX_PROMPT, Scene

from .awaiting import awaited
from .results import Painting
from .tool import VIEW, Arguments, Awaited, McpTool, mcp_tool

SIZE = "Pixels. Best left out: the backbone paints its own size best, and larger takes much longer."


class GenerateArgs(Awaited):
    """Arguments of `generate_image`; what is left out is as the server's settings say."""

    prompt: str = Field(
        default="",
        max_length=MAX_PROMPT,
        description="What the picture shows: objects, colours, counts, relations. With image_id: what to change.",
    )
    run_id: str | None = Field(
        default=None, min_length=1, max_length=64,
        description="A cancelled or interrupted run to resume; give nothing else then.",
    )  # fmt: skip
    scene: Scene | None = Field(default=None, description="What has to be there; drafted if left out.")
    plan: Layout | None = Field(
        default=None, description="Where everything goes; drafted if left out. Regions may omit instances."
    )
    image_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="A picture to change. Give no width or height then.",
    )  # fmt: skip
    negative_prompt: str = Field(default="", max_length=MAX_PROMPT, description="What to avoid.")
    width: int | None = Field(default=None, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description=SIZE)
    height: int | None = Field(default=None, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description=SIZE)
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS, description="Denoising steps per picture.")
    guidance: float | None = Field(
        default=None, ge=0, le=MAX_GUIDANCE, allow_inf_nan=False, description="Guidance scale."
    )
    seed: int = Field(default=0, ge=0, lt=SEEDS, description="The same seed gives the same picture.")
    images: int = Field(default=1, ge=1, le=4, description="How many, each with its own seed; the best is shown.")
    rounds: int | None = Field(
        default=None, ge=0, le=50, description="Retouches or new pictures after the first; 0: only one picture."
    )


def generate_image(application: Application) -> McpTool:
    """The tool; its run is kept, for `inspect_and_edit` to go on from."""

    async def act(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        args = cast("GenerateArgs", arguments)
        if args.run_id is not None:
            if args.model_fields_set - {"run_id", "wait_seconds"}:
                raise BadSettings("a run goes on as it was begun: give run_id alone, or a prompt without it")
            job = await application.resume(args.run_id, owner())
            return await awaited(application, job, args.wait_seconds, context)
        check_prompt(args.prompt)
        if args.image_id and (args.width or args.height):
            raise BadSettings("width and height are those of the picture to start from: leave them out")
        given = {name: getattr(args, name) for name in GenerationRequest.model_fields}
        job = await application.generate(GenerationRequest(**given), owner())
        return await awaited(application, job, args.wait_seconds, context)

    return mcp_tool(
        "generate_image",
        act,
        title="Paint a picture and check it",
        description=load("mcp_generate_image"),
        arguments=GenerateArgs,
        result=Painting,
        view=VIEW,
    )
