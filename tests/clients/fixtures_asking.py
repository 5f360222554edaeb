"""Fixtures of the conformance suite that ask the client: by requests of their own in the older revision, by answering
`input_required` in the newer one."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)

Asking = CallToolResult | InputRequiredResult
CHOICES = ["option1", "option2", "option3"]


def mount(server: MCPServer[Any]) -> None:
    """Add every tool and prompt that asks."""
    for tool in (
        test_sampling,
        test_elicitation,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
        test_missing_capability,
        test_streaming_elicitation,
        test_input_required_result_elicitation,
        test_input_required_result_sampling,
        test_input_required_result_list_roots,
        test_input_required_result_request_state,
        test_input_required_result_tampered_state,
        test_input_required_result_multiple_inputs,
        test_input_required_result_multi_round,
        test_input_required_result_capabilities,
    ):
        server.add_tool(tool, description=tool.__doc__, structured_output=False)

    @server.prompt(description="Asks for a context first.")
    async def test_input_required_result_prompt(ctx: Context[Any, Any]) -> Any:
        answer = (ctx.input_responses or {}).get("user_context")
        if answer is None:
            return _needs({"user_context": _form("What context should the prompt use?", context="string")})
        return f"With the context: {_content(answer, 'context')}"


# The older revision: the server sends requests while it works on one.


async def test_sampling(prompt: str, ctx: Context[Any, Any]) -> CallToolResult:
    """Asks the client's model."""
    if not _declared(ctx, "sampling"):
        raise ToolError("the client does not sample")
    answer = await ctx.session.create_message([_message(prompt)], max_tokens=100, related_request_id=ctx.request_id)
    return _said(f"LLM response: {_text(answer)}")


async def test_elicitation(message: str, ctx: Context[Any, Any]) -> CallToolResult:
    """Asks the user who they are."""
    named = {"username": {"type": "string", "description": "User's response"}}
    mailed = {"email": {"type": "string", "description": "User's email address"}}
    return await _elicited(ctx, message, {**named, **mailed}, required=["username", "email"])


async def test_elicitation_sep1034_defaults(ctx: Context[Any, Any]) -> CallToolResult:
    """Asks with a default for every primitive type."""
    fields = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return await _elicited(ctx, "Who are you?", fields)


async def test_elicitation_sep1330_enums(ctx: Context[Any, Any]) -> CallToolResult:
    """Asks to choose, in all five ways in which choices can be written."""
    titled = [{"const": f"value{number}", "title": f"Choice {number}"} for number in (1, 2, 3)]
    short = ["opt1", "opt2", "opt3"]
    fields = {
        "untitledSingle": {"type": "string", "enum": CHOICES},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": short, "enumNames": [name.title() for name in short]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": CHOICES}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return await _elicited(ctx, "Choose", fields)


# The newer revision: a call ends with what it needs, and the client calls again with the answers.


async def test_missing_capability(ctx: Context[Any, Any]) -> CallToolResult:
    """Needs a client that samples."""
    if not _declared(ctx, "sampling"):
        data = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs a client that samples", data)
    return _said("sampling is there")


async def test_streaming_elicitation(ctx: Context[Any, Any]) -> Asking:
    """Asks once."""
    if not ctx.input_responses:
        return _needs({"confirm": _form("Go on?", ok="boolean")})
    return _said("went on")


async def test_input_required_result_elicitation(ctx: Context[Any, Any]) -> Asking:
    """Asks for a name."""
    answer = (ctx.input_responses or {}).get("user_name")
    if answer is None:
        return _needs({"user_name": _form("What is your name?", name="string")})
    return _said(f"Hello, {_content(answer, 'name')}!")


async def test_input_required_result_sampling(ctx: Context[Any, Any]) -> Asking:
    """Asks the client's model."""
    answer = (ctx.input_responses or {}).get("capital_question")
    if answer is None:
        return _needs({"capital_question": _sample("What is the capital of France?", 100)})
    return _said(_text(answer))


async def test_input_required_result_list_roots(ctx: Context[Any, Any]) -> Asking:
    """Asks for the client's roots."""
    answer = (ctx.input_responses or {}).get("client_roots")
    if answer is None:
        return _needs({"client_roots": ListRootsRequest()})
    return _said(f"Roots: {', '.join(str(root.uri) for root in answer.roots)}")


async def test_input_required_result_request_state(ctx: Context[Any, Any]) -> Asking:
    """Asks, and knows its own state again."""
    return _confirmed(ctx)


async def test_input_required_result_tampered_state(ctx: Context[Any, Any]) -> Asking:
    """Asks; a state that was changed on the way does not get this far."""
    return _confirmed(ctx)


async def test_input_required_result_multiple_inputs(ctx: Context[Any, Any]) -> Asking:
    """Asks three things at once."""
    questions = {
        "user_name": _form("What is your name?", name="string"),
        "greeting": _sample("Generate a greeting", 50),
        "client_roots": ListRootsRequest(),
    }
    answers = ctx.input_responses or {}
    if missing := {key: question for key, question in questions.items() if key not in answers}:
        return _needs(missing, "asked")
    roots = len(answers["client_roots"].roots)
    return _said(f"{_text(answers['greeting'])}, {_content(answers['user_name'], 'name')}: {roots} roots")


async def test_input_required_result_multi_round(ctx: Context[Any, Any]) -> Asking:
    """Asks twice, the second question after the first answer."""
    answers = ctx.input_responses or {}
    if ctx.request_state is None or not answers:
        return _needs({"step1": _form("Step 1: What is your name?", name="string")}, "1")
    if ctx.request_state == "1":
        name = _content(answers["step1"], "name")
        return _needs({"step2": _form("Step 2: What is your favorite color?", color="string")}, f"2 {name}")
    return _said(f"{ctx.request_state.removeprefix('2 ')} likes {_content(answers['step2'], 'color')}")


async def test_input_required_result_capabilities(ctx: Context[Any, Any]) -> Asking:
    """Asks only what the client can answer."""
    if ctx.input_responses:
        return _said("answered")
    questions: dict[str, Any] = {}
    if _declared(ctx, "elicitation"):
        questions["user_name"] = _form("What is your name?", name="string")
    if _declared(ctx, "sampling"):
        questions["greeting"] = _sample("Generate a greeting", 50)
    return _needs(questions)


def _confirmed(ctx: Context[Any, Any]) -> Asking:
    if ctx.request_state is None or not ctx.input_responses:
        return _needs({"confirm": _form("Please confirm", ok="boolean")}, "asked")
    return _said("state-ok" if ctx.request_state == "asked" else "not a state of mine")


async def _elicited(
    ctx: Context[Any, Any], message: str, fields: dict[str, Any], required: list[str] | None = None
) -> CallToolResult:
    if not _declared(ctx, "elicitation"):
        raise ToolError("the client does not elicit")
    schema = {"type": "object", "properties": fields, "required": required or []}
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return _said(f"Elicitation completed: action={answer.action}, content={answer.content}")


def _needs(questions: dict[str, Any], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=questions, request_state=state)


def _form(message: str, **fields: str) -> ElicitRequest:
    """A form whose fields, given as name and JSON type, are all required."""
    properties = {name: {"type": kind} for name, kind in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(prompt: str, max_tokens: int) -> CreateMessageRequest:
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[_message(prompt)], max_tokens=max_tokens))


def _message(text: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(type="text", text=text))


def _content(answer: Any, field: str) -> Any:
    return (answer.content or {}).get(field)


def _text(answer: Any) -> str:
    return getattr(answer.content, "text", "")


def _said(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)])


def _declared(ctx: Context[Any, Any], capability: str) -> bool:
    """Whether the client said that it has a capability."""
    return getattr(ctx.client_capabilities, capability, None) is not None
