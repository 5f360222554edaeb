"""The production server with what the conformance suite looks for mounted on top.

The suite calls tools, resources and prompts by names of its own and compares what comes back; the descriptions of its
scenarios say with what. Everything else (transport, middleware, our own tools) stays as `build_server` made it.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Annotated, Any

import anyio
import fixtures_asking
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools.base import Tool
from mcp.types import (
    AudioContent,
    CallToolResult,
    Completion,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from PIL import Image
from pydantic import Field

STATIC = "This is the content of the static text resource."
SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def with_fixtures(server: MCPServer[Any]) -> MCPServer[Any]:
    """Mount the fixtures on `server`, and return it."""
    for tool in (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_error_handling,
        test_tool_with_progress,
        test_tool_with_logging,
        test_logging_tool,
        test_trigger_tool_change,
        test_trigger_prompt_change,
        test_custom_headers,
    ):
        server.add_tool(tool, description=tool.__doc__, structured_output=False)
    schemas = Tool.from_function(
        json_schema_2020_12_tool, description=json_schema_2020_12_tool.__doc__, structured_output=False
    )
    server._tool_manager._tools[schemas.name] = schemas.model_copy(update={"parameters": SCHEMA_2020_12})
    _mount_resources(server)
    _mount_prompts(server)
    _mount_methods(server)
    fixtures_asking.mount(server)
    return server


def png() -> str:
    """One red pixel as PNG, in base64."""
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def wav() -> str:
    """A sample of silence as WAV, in base64."""
    import wave

    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0")
    return base64.b64encode(buffer.getvalue()).decode()


def _said(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _pixel() -> ImageContent:
    return ImageContent(type="image", data=png(), mime_type="image/png")


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def _result(*content: ContentBlock) -> CallToolResult:
    return CallToolResult(content=list(content))


def test_simple_text() -> CallToolResult:
    """Answers with text."""
    return _result(_said("This is a simple text response for testing."))


def test_image_content() -> CallToolResult:
    """Answers with an image."""
    return _result(_pixel())


def test_audio_content() -> CallToolResult:
    """Answers with a sound."""
    return _result(AudioContent(type="audio", data=wav(), mime_type="audio/wav"))


def test_embedded_resource() -> CallToolResult:
    """Answers with a resource."""
    return _result(_embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))


def test_multiple_content_types() -> CallToolResult:
    """Answers with text, an image and a resource."""
    data = json.dumps({"test": "data", "value": 123})
    return _result(
        _said("Multiple content types test:"),
        _pixel(),
        _embedded("test://mixed-content-resource", "application/json", data),
    )


def test_error_handling() -> CallToolResult:
    """Always fails."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(ctx: Context[Any, Any]) -> CallToolResult:
    """Reports 0, 50 and 100 of 100."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100, f"{progress} of 100")
        await anyio.sleep(0.05)
    return _result(_said("done"))


async def test_tool_with_logging(ctx: Context[Any, Any]) -> CallToolResult:
    """Logs three times."""
    for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(message)
        await anyio.sleep(0.05)
    return _result(_said("done"))


async def test_logging_tool(ctx: Context[Any, Any]) -> CallToolResult:
    """Logs once."""
    await ctx.info("logged")
    return _result(_said("done"))


async def test_trigger_tool_change(ctx: Context[Any, Any]) -> CallToolResult:
    """Tells subscribers that the list of tools has changed."""
    await ctx.notify_tools_changed()
    return _result(_said("told"))


async def test_trigger_prompt_change(ctx: Context[Any, Any]) -> CallToolResult:
    """Tells subscribers that the list of prompts has changed."""
    await ctx.notify_prompts_changed()
    return _result(_said("told"))


def test_custom_headers(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> CallToolResult:
    """Has an argument that is repeated in a header."""
    return _result(_said(region))


def json_schema_2020_12_tool() -> CallToolResult:
    """Tool with JSON Schema 2020-12 features."""
    return _result(_said("done"))


def _mount_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", description="Text.", mime_type="text/plain")
    def static_text() -> str:
        return STATIC

    @server.resource("test://static-binary", description="A pixel.", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(png())

    @server.resource("test://watched-resource", description="To subscribe to.", mime_type="text/plain")
    def watched() -> str:
        return "Nothing happens."

    @server.resource("test://template/{id}/data", description="By id.", mime_type="application/json")
    def by_id(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _mount_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="Without arguments.")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="With arguments.")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="With a resource.")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Any]:  # noqa: N803 - the suite's name
        text = "Embedded resource content for testing."
        return [_embedded(resourceUri, "text/plain", text), "Please process the embedded resource above."]

    @server.prompt(description="With an image.")
    def test_prompt_with_image() -> list[Any]:
        return [_pixel(), "Please analyze the image above."]


def _mount_methods(server: MCPServer[Any]) -> None:
    """Methods of the older revision that our server has no use for; the SDK has no public way to add them."""
    lowlevel = server._lowlevel_server

    async def accept(context: Any, params: Any) -> EmptyResult:
        return EmptyResult()

    lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)
    if lowlevel.get_request_handler("completion/complete") is None:

        @server.completion()
        async def nothing(ref: Any, argument: Any, context: Any) -> Completion:
            return Completion(values=[])
