"""A chat completion as it came over the wire: its types are checked, what it says is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.metering import Spending

from .tool_specs import Json

CHARACTERS, PICTURE = 4, 800
"""By rule of thumb: characters per token, tokens per picture."""


class MalformedCompletion(Exception):
    """A reply that is no completion; the message is for the model or for the user, in one line."""


class Function(BaseModel):
    name: str = ""
    arguments: str | dict[str, Any] | None = None


class ToolCall(BaseModel):
    id: str | None = None
    function: Function


class Message(BaseModel):
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        """The text, in one piece or in parts."""
        if isinstance(self.content, list):
            return "".join(str(part.get("text") or "") for part in self.content)
        return self.content or ""


class Choice(BaseModel):
    message: Message
    finish_reason: str | None = None


class Completion(BaseModel):
    """What is read of a completion; everything else in it is passed over."""

    choices: list[Choice] = Field(min_length=1)

    @property
    def message(self) -> Message:
        return self.choices[0].message

    @property
    def cut_off(self) -> bool:
        """Whether it ends where the model ran out of tokens."""
        return self.choices[0].finish_reason == "length"

    @property
    def refusal(self) -> str:
        """Why the model or the endpoint's filter declined, if it said so."""
        filtered = self.choices[0].finish_reason == "content_filter"
        return self.message.refusal or (self.message.text or "the endpoint's content filter" if filtered else "")


def completion_of(body: Any) -> Completion:
    """Read a body. Raises MalformedCompletion."""
    try:
        return Completion.model_validate(body)
    except (ValidationError, RecursionError) as error:
        why = one_line(error) if isinstance(error, ValidationError) else "nested too deeply"
        raise MalformedCompletion(f"the reply is no chat completion: {why}") from None


def estimated(messages: list[Json], completion: Completion) -> Spending:
    """Tokens by rule of thumb, so that budgets bite where an endpoint does not count: four characters each."""
    parts = [part for message in messages for part in _dicts(message.get("content"))]
    pictures = sum(part.get("type") == "image_url" for part in parts)
    texts = [str(message["content"]) for message in messages if isinstance(message.get("content"), str)]
    texts += [str(part.get("text") or "") for part in parts]
    calls = "".join(str(call.function.arguments or "") for call in completion.message.tool_calls or ())
    return Spending(
        input_tokens=sum(map(len, texts)) // CHARACTERS + pictures * PICTURE,
        output_tokens=(len(completion.message.text) + len(calls)) // CHARACTERS,
        estimated=True,
    )


class Assembly:
    """The chunks of a streamed completion, put together as the body that it would have had."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.refusal: list[str] = []
        self.calls: dict[int, dict[str, str]] = {}
        self.finish: str | None = None
        self.usage: Any = None

    def add(self, line: bytes) -> str:
        """Take in one line of server-sent events; gives the text that it adds. Raises MalformedCompletion."""
        if not line.startswith(b"data:") or (data := line[5:].strip()) == b"[DONE]":
            return ""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MalformedCompletion(f"a part of the streamed reply is not JSON: {error}") from None
        if not isinstance(chunk, dict):
            return ""
        if chunk.get("error"):
            raise MalformedCompletion(f"the reply broke off: {' '.join(str(chunk['error']).split())[:300]}")
        self.usage = chunk.get("usage") or self.usage
        return "".join(self._choice(choice) for choice in _dicts(chunk.get("choices"))[:1])

    def _choice(self, choice: dict[str, Any]) -> str:
        self.finish = choice.get("finish_reason") or self.finish
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        for call in _dicts(delta.get("tool_calls")):
            index, function, name = call.get("index"), call.get("function"), str(call.get("id") or "")
            if not isinstance(index, int):  # then another id is another call
                last = max(self.calls, default=0)
                index = last + (last in self.calls and bool(name) and name != self.calls[last]["id"])
            known = self.calls.setdefault(index, {"id": "", "name": "", "args": ""})
            known["id"] = known["id"] or name
            if isinstance(function, dict):
                known["name"] += str(function.get("name") or "")
                known["args"] += str(function.get("arguments") or "")
        self.refusal.append(str(delta.get("refusal") or ""))
        text = str(delta.get("content") or "")
        self.text.append(text)
        return text

    def body(self) -> dict[str, Any]:
        """The whole."""
        message = {"content": "".join(self.text), "refusal": "".join(self.refusal), "tool_calls": list(self._calls())}
        return {"choices": [{"message": message, "finish_reason": self.finish}], "usage": self.usage}

    def _calls(self) -> Iterator[dict[str, Any]]:
        for _, call in sorted(self.calls.items()):
            yield {"id": call["id"] or None, "function": {"name": call["name"], "arguments": call["args"]}}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
