"""Names that nothing goes by, told as the protocol has it (-32602), with what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """One line that says so."""
    names = list(known)
    meant = difflib.get_close_matches(name, names, n=1)
    return f"there is no {what} '{name[:80]}'" + (f", did you mean '{meant[0]}'?" if meant else f": {', '.join(names)}")


def checking_names(server: MCPServer[Any]) -> ServerMiddleware[Any]:
    """Refuses calls of tools and prompts that are not there, and prompts without what they need."""

    async def check(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        params = ctx.params or {}
        name = params.get("name")
        if isinstance(name, str):
            if ctx.method == "tools/call":
                _check("tool", name, [tool.name for tool in await server.list_tools()])
            elif ctx.method == "prompts/get":
                await _check_prompt(name, params.get("arguments"))
        return await call_next(ctx)

    async def _check_prompt(name: str, arguments: Any) -> None:
        arguments = arguments if isinstance(arguments, dict) else {}
        prompts = {prompt.name: prompt.arguments or [] for prompt in await server.list_prompts()}
        _check("prompt", name, prompts)
        for argument in arguments:
            _check(f"argument of prompt {name}", argument, [known.name for known in prompts[name]])
        for needed in prompts[name]:
            if needed.required and needed.name not in arguments:
                raise MCPError(INVALID_PARAMS, f"prompt {name} needs '{needed.name}': {needed.description or ''}")

    return check


def _check(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise MCPError(INVALID_PARAMS, unknown(what, name, names))
