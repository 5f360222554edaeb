"""A tool as the MCP SDK takes it, with complaints of one line and no argument silently ignored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, cast

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools.base import Tool as SdkTool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema

from muralist.tools.catalogue import Tool, one_line
from muralist.tools.errors import MuralistError

from .names import unknown
from .results import SCHEME

Act = Callable[[Any, "Context[Any, Any]"], Awaitable[CallToolResult]]
"""What a call does, given its validated arguments."""


VIEW = "ui://muralist/run.html"
"""The page that shows a run in a client with MCP Apps."""


class Arguments(ArgModelBase):
    """Arguments of a tool; unknown ones are refused."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)


class McpTool(SdkTool):
    """A tool of which every expected failure reaches the model as one line, and nothing of an unexpected one does."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Validate, act, and check the result against the output schema. Raises ToolError."""
        model = self.fn_metadata.arg_model
        if isinstance(named := arguments.get("image_id"), str):  # results name a picture by its resource, too
            arguments = {**arguments, "image_id": named.removeprefix(SCHEME)}
        try:
            validated = model.model_validate(self.fn_metadata.pre_parse_json(arguments))
        except ValidationError as error:
            raise ToolError(f"{self.name}: {complaint(error, model)}") from error
        try:
            result = await self.fn(validated, context)
            return self.fn_metadata.convert_result(result) if convert_result else result
        except MuralistError as error:
            raise ToolError(f"{self.name}: {error}") from None
        except (MCPError, ToolError):
            raise
        except Exception as error:
            raise UnexpectedToolError(
                f"{self.name} failed for a reason that is not your fault; the server's log has it"
            ) from error


def mcp_tool(
    name: str,
    act: Act,
    *,
    title: str,
    description: str,
    arguments: type[Arguments],
    result: type[BaseModel],
    read_only: bool = False,
    idempotent: bool = False,
    view: str | None = None,
) -> McpTool:
    """Assemble a tool from its argument and result models; `view`: what shows its result in a client with MCP Apps."""
    return McpTool(
        fn=act,
        name=name,
        title=title,
        description=description,
        parameters=arguments.model_json_schema(schema_generator=Untitled),
        fn_metadata=FuncMetadata(arg_model=arguments, output_model=result, output_schema=_schema(result)),
        is_async=True,
        context_kwarg="context",
        annotations=ToolAnnotations(
            read_only_hint=read_only, destructive_hint=False, idempotent_hint=idempotent, open_world_hint=False
        ),
        meta=None if view is None else {"ui": {"resourceUri": view}},
    )


class Untitled(GenerateJsonSchema):
    """Fields without titles, which only repeat their names to whoever has to read them all."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def _schema(result: type[BaseModel]) -> dict[str, Any]:
    """The output schema, made once however many tools share it."""
    return result.model_json_schema(mode="serialization", schema_generator=Untitled)


class OnRun(Arguments):
    """Arguments of a tool that is called on a run."""

    run_id: str = Field(description="The run_id from recaption or generate_image.", max_length=64)


class Awaited(Arguments):
    """Arguments of a tool whose call waits for a job."""

    wait_seconds: float = Field(
        default=25, ge=0, le=50, allow_inf_nan=False,
        description="Seconds to wait for the picture; get_job waits on. 0: do not wait.",
    )  # fmt: skip


def arguments_of(tool: Tool, *bases: type[Arguments]) -> type[Arguments]:
    """A tool's own arguments, after those of `bases`."""
    own: dict[str, Any] = {name: (field.annotation, field) for name, field in tool.args.model_fields.items()}
    model = create_model(tool.name, __base__=bases or (Arguments,), **own)
    return cast("type[Arguments]", model)


def complaint(error: ValidationError, model: type[BaseModel]) -> str:
    """What is wrong with a call's arguments, in one line; misspelt names first."""
    for detail in error.errors(include_url=False, include_input=False):
        if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
            return unknown("argument", str(detail["loc"][0]), model.model_fields)
    return one_line(error)
