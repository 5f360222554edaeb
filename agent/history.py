"""What a conversation with the tools has come to: the last scene, layout and findings, and the calls that failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muralist.tools.layout import Layout
from muralist.tools.outcome import Findings
from muralist.tools.scene import Scene


class History(BaseModel):
    """Everything the rules look at."""

    model_config = ConfigDict(frozen=True)

    prompt: str = ""
    scene: Scene | None = None
    layout: Layout | None = None
    report: Findings | None = None
    failed: dict[str, str] = Field(default_factory=dict, description="Canonical call to the error it met, in order.")
    last_error: str = ""

    def has_failed(self, tool: str, args: dict[str, Any]) -> bool:
        """True if exactly this call met an error before."""
        return call_key(tool, args) in self.failed


def call_key(tool: str, args: dict[str, Any]) -> str:
    """One text for equal calls."""
    return f"{tool} {json.dumps(args, sort_keys=True, default=str)}"


def read_history(messages: Sequence[BaseMessage]) -> History:
    """The first human message is the prompt; tool messages are JSON objects, or plain errors with status `error`."""
    prompt = next((str(each.text) for each in messages if isinstance(each, HumanMessage)), "")
    calls: dict[str, str] = {}
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    last_error = ""
    for message in messages:
        if isinstance(message, AIMessage):
            calls.update({str(call["id"]): call_key(call["name"], call["args"]) for call in message.tool_calls})
        elif isinstance(message, ToolMessage):
            last_error = str(message.text) if message.status == "error" else ""
            if last_error:
                failed[calls.get(message.tool_call_id, message.tool_call_id)] = last_error
            else:
                said = _contents(message)
                if said.get("scene", found.get("scene")) != found.get("scene"):
                    found = {}  # another scene: earlier plans and pictures do not show it
                found.update(said)
    return History(prompt=prompt, failed=failed, last_error=last_error, **found)


def _contents(message: ToolMessage) -> dict[str, Any]:
    """The scene, layout and findings that a tool's answer holds; what does not read as such is passed over."""
    try:
        answer = json.loads(str(message.text))
    except json.JSONDecodeError:
        return {}
    if not isinstance(answer, dict):
        return {}
    found: dict[str, Any] = {}
    kinds: tuple[tuple[str, str, type[BaseModel]], ...] = (
        ("scene", "scene", Scene),
        ("layout", "layout", Layout),
        ("findings", "report", Findings),
    )
    for key, name, kind in kinds:
        if answer.get(key) is not None:
            try:
                found[name] = kind.model_validate(answer[key])
            except ValidationError:
                continue
    return found
