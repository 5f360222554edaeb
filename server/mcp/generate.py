"""generate_image: the whole loop in one MCP call."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from muralist.prompts import load
from muralist.server.owner import owner
from muralist.server.workshop import Order, Workshop
from muralist.tools.errors import BadSettings
from muralist.tools.layout import Layout
from muralist.tools.limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE, SEEDS, SIDE_STEP
from muralist.tools.recaption import check_prompt
from muralist.tools.scene import MAX_PROMPT, Scene

from .awaiting import awaited
from .results import Painting
from .tool import VIEW, Arguments, Awaited, McpTool, mcp_tool

SIZE = "Pixels. Leave it out: the server's own size is what its backbone paints best; larger takes much longer."


class GenerateArgs(Awaited):
    """Arguments of `generate_image`; what is left out is as the server's settings say."""

    prompt: str = Field(
        min_length=1,
        max_length=MAX_PROMPT,
        description="What the whole picture shows: objects, colours, counts, relations. No orders.",
    )
    scene: Scene | None = Field(default=None, description="The prompt as you read it; left out, it is drafted.")
    plan: Layout | None = Field(
        default=None, description="Where everything goes; left out, it is drafted. Regions may leave out instances."
    )
    image_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=80,
        description="A picture to start from: only what it does not show yet is repainted. No width or height then.",
    )  # fmt: skip
    negative_prompt: str = Field(default="", max_length=MAX_PROMPT, description="What is unwanted.")
    width: int | None = Field(default=None, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description=SIZE)
    height: int | None = Field(default=None, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description=SIZE)
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS, description="Denoising steps per picture.")
    guidance: float | None = Field(
        default=None, ge=0, le=MAX_GUIDANCE, allow_inf_nan=False, description="Guidance scale."
    )
    seed: int = Field(default=0, ge=0, lt=SEEDS, description="The same seed gives the same picture.")
    images: int = Field(default=1, ge=1, le=4, description="How many, each at the next seed; the best one is shown.")
    rounds: int | None = Field(
        default=None, ge=0, le=50, description="Retouches or new pictures after the first; 0 paints one picture only."
    )


def generate_image(workshop: Workshop) -> McpTool:
    """The tool; its run is kept, for `inspect_and_edit` to go on from."""

    async def act(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        args = cast("GenerateArgs", arguments)
        check_prompt(args.prompt)
        if args.image_id and (args.width or args.height):
            raise BadSettings("width and height are those of the picture to start from: leave them out")
        given = {name: getattr(args, name) for name in Order.model_fields}
        job = await workshop.generate(Order(**given), owner())
        return await awaited(workshop, job, args.wait_seconds, context)

    return mcp_tool(
        "generate_image",
        act,
        title="Paint a picture and check it",
        description=load("mcp_generate_image"),
        arguments=GenerateArgs,
        result=Painting,
        view=VIEW,
    )
