"""LangChain messages as an endpoint takes them: with its own tool calls, or in plain words."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from PIL import Image

from .tool_specs import Json

MAX_SIDE = 512
"""Longer side, in pixels, of a picture that a model is shown."""


def picture_block(picture: Image.Image, side: int = MAX_SIDE) -> Json:
    """The picture as part of a user message's content, scaled down to `side` pixels at most."""
    small = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90, subsampling=0)
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    return {"type": "image_url", "image_url": {"url": uri}}


def has_pictures(messages: Sequence[BaseMessage]) -> bool:
    """Whether any of the messages shows a picture."""
    return any(isinstance(each.content, list) and any(map(_is_picture, each.content)) for each in messages)


def to_openai_messages(messages: Sequence[BaseMessage], *, native: bool, sees: bool, rules: str = "") -> list[Json]:
    """The messages in the form of chat completions, `rules` at the end of the system prompt.

    `native`: calls and answers of tools are sent as such; else in words, and one speaker's messages in a row become
    one, since many templates want user and assistant to take turns. `sees`: whether pictures are sent.
    """
    sent: list[Json] = []
    if rules and not (messages and isinstance(messages[0], SystemMessage)):
        messages = [SystemMessage(""), *messages]
    for message in messages:
        wired = _native(message, sees) if native else _in_words(message, sees)
        if isinstance(message, SystemMessage) and rules:
            wired["content"], rules = f"{wired['content']}\n\n{rules}".strip(), ""
        if not native and sent and sent[-1]["role"] == wired["role"]:
            sent[-1]["content"] = _joined(sent[-1]["content"], wired["content"])
        else:
            sent.append(wired)
    return sent


def _native(message: BaseMessage, sees: bool) -> Json:
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": str(message.text)}
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return _in_words(message, sees)
    calls = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["args"])},
        }
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": str(message.text) or None, "tool_calls": calls}


def _in_words(message: BaseMessage, sees: bool) -> Json:
    if isinstance(message, SystemMessage):
        return {"role": "system", "content": str(message.text)}
    if isinstance(message, AIMessage):
        said = [json.dumps({"tool": call["name"], "arguments": call["args"]}) for call in message.tool_calls[:1]]
        return {"role": "assistant", "content": "\n".join(said) or str(message.text) or "(nothing)"}
    if isinstance(message, ToolMessage):
        head = "could not be done" if message.status == "error" else "answers"
        return {"role": "user", "content": f"{message.name or 'The tool'} {head}: {message.text}"}
    if isinstance(message.content, str) or not sees:
        return {"role": "user", "content": str(message.text)}
    return {"role": "user", "content": message.content}


def _joined(first: Any, second: Any) -> Any:
    """Two contents, each a text or a list of parts, as one."""
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _is_picture(part: str | dict[Any, Any]) -> bool:
    return isinstance(part, dict) and part.get("type") in ("image_url", "image")
