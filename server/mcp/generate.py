"""generate_image: the whole loop in one MCP call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from muralist.agent.settings import Settings
from muralist.prompts import load
from muralist.server.answers import answered
from muralist.tools.layout import Layout
from muralist.tools.scene import MAX_PROMPT

from .progress import reporting
from .results import Generated, reply, uri
from .tool import Arguments, McpTool, mcp_tool

if TYPE_CHECKING:
    from muralist import Result

Draw = Callable[..., Awaitable["Result"]]
"""Called as `muralist.adraw`; gives its `Result`."""


class GenerateArgs(Arguments):
    """Arguments of `generate_image`; what is left out is as the server's settings say."""

    prompt: str = Field(
        min_length=1, max_length=MAX_PROMPT, description="What to paint: objects, colours, counts, relations."
    )
    layout: Layout | None = Field(
        default=None, description="Where everything goes; left out, it is drafted. Regions may leave out instances."
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="The same seed gives the same picture.")
    width: int | None = Field(default=None, ge=64, le=2048, multiple_of=8, description="Pixels.")
    height: int | None = Field(default=None, ge=64, le=2048, multiple_of=8, description="Pixels.")
    steps: int | None = Field(default=None, ge=1, le=200, description="Denoising steps per picture.")
    guidance: float | None = Field(default=None, ge=0, le=30, allow_inf_nan=False, description="Guidance scale.")
    rounds: int | None = Field(
        default=None, ge=0, le=50, description="Retouches or new pictures after the first; 0 paints one picture only."
    )


def generate_image(settings: Settings, draw: Draw) -> McpTool:
    """The tool: `draw` does the work, and it keeps the run, for `inspect_and_edit` to go on from."""

    async def act(arguments: Arguments, context: Context[Any, Any]) -> CallToolResult:
        args = cast("GenerateArgs", arguments)
        overrides = args.model_dump(include={"width", "height", "steps", "guidance", "rounds"}, exclude_none=True)
        async with reporting(context) as tell:
            result = await draw(
                args.prompt,
                seed=args.seed,
                layout=args.layout,
                on_event=lambda event: tell(event.kind, event.data),
                settings=settings,
                **overrides,
            )
        return _reply(result)

    return mcp_tool(
        "generate_image",
        act,
        title="Paint a picture and check it",
        description=load("mcp_generate_image"),
        arguments=GenerateArgs,
        result=Generated,
    )


def _reply(result: Result) -> CallToolResult:
    questions = answered(result.run, result.attempt)
    if result.passed:
        sentence = f"Picture {result.image_id} shows everything that was asked for."
        follow = f"Done: show the user {uri(result.image_id)}."
    else:
        listed = "; ".join(
            f"{question.id}: {question.text} {question.status}" for question in questions if question.status != "pass"
        )
        sentence = f"Picture {result.image_id} is the best of {len(result.attempts)} ({result.reason}). Open: {listed}."
        follow = (
            f"Next: tell the user what is open, or call inspect_and_edit with run_id {result.run_id} and edits, or "
            "generate_image again with another seed."
        )
    unparsed = result.scene.unparsed
    aside = f"Not understood, kept in the caption only: {', '.join(unparsed)}." if unparsed else ""
    if result.run.filled_in:
        aside += f" The offline rules filled in for the model: {', '.join(result.run.filled_in)}."
    structure = {
        "run_id": result.run_id,
        "image_id": result.image_id,
        "image": uri(result.image_id),
        "passed": result.passed,
        "score": result.score,
        "reason": result.reason,
        "attempts": len(result.attempts),
        "questions": [question.model_dump(mode="json") for question in questions],
        "not_understood": unparsed,
        "next": follow,
    }
    return reply([sentence, aside.strip(), follow], structure, result.image)
