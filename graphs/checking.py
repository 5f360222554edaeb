"""A context is checked before there is a run: the graph server itself drops the fields that it does not know."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muralist.tools.catalogue import one_line

from .state import Context

RUNS = re.compile(r".*/runs(?:/stream|/wait|/batch|/crons)?|.*/assistants(?:/[^/]+)?")


class CheckedContext:
    """Middleware that refuses a context with unknown fields or wrong values, in one line."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        concerned = scope["type"] == "http" and scope["method"] in {"POST", "PATCH"} and RUNS.fullmatch(scope["path"])
        if not concerned:
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if wrong := wrong_in(body):
            await JSONResponse({"detail": wrong}, status_code=422)(scope, receive, send)
            return
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


def wrong_in(body: bytes) -> str:
    """What is wrong with the context of a request, or of one of several; empty if nothing is."""
    try:
        said: Any = json.loads(body or b"null")
    except ValueError:
        return ""  # for the server to tell
    for each in said if isinstance(said, list) else [said]:
        context = each.get("context") if isinstance(each, dict) else None
        if not isinstance(context, dict):
            continue
        if unknown := sorted(set(context) - set(Context.model_fields)):
            return f"the context has no field '{unknown[0]}': there are {', '.join(Context.model_fields)}"
        try:
            Context.model_validate(context)
        except ValidationError as error:
            return f"the context cannot be used: {one_line(error)}"
    return ""


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
