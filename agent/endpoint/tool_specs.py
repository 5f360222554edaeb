"""Tool specifications: name, description and JSON schema of the arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]


@dataclass(frozen=True)
class ToolSpec:
    """A tool, or a form, that a model may be asked to call."""

    name: str
    description: str
    schema: Json

    @classmethod
    def of(cls, form: type[BaseModel]) -> ToolSpec:
        """A form to be filled in: its name in lower case, the docstring's first line, its schema."""
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", form.__name__.lstrip("_")).lower()
        return cls(name, (form.__doc__ or "").strip().partition("\n")[0], form.model_json_schema())

    @classmethod
    def from_tool(cls, tool: Json) -> ToolSpec:
        """A tool in the form of OpenAI's `tools`."""
        function = tool["function"]
        return cls(function["name"], function.get("description", ""), function.get("parameters", {"type": "object"}))

    def tool(self) -> Json:
        """The same in that form."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.schema},
        }


GIVE_UP = ToolSpec(
    "give_up",
    "End the run and keep the best picture so far: when nothing that could be done would mend it, or when you will "
    "not go on.",
    {
        "type": "object",
        "properties": {"reason": {"type": "string", "description": "One sentence for the user."}},
        "required": ["reason"],
    },
)
"""How a model that has to call a tool says that it will call no other."""


def call_schema(specs: Sequence[ToolSpec]) -> Json:
    """The schema of one answer: of a single spec its own, else `tool`, one of the names, and `arguments`."""
    if len(specs) == 1:
        return specs[0].schema
    definitions: Json = {}
    forms = []
    for spec in specs:
        form = {key: value for key, value in spec.schema.items() if key != "$defs"}
        definitions |= spec.schema.get("$defs", {})
        forms.append(form)
    schema: Json = {
        "type": "object",
        "properties": {"tool": {"enum": [spec.name for spec in specs]}, "arguments": {"anyOf": forms}},
        "required": ["tool", "arguments"],
        "additionalProperties": False,
    }
    return schema | ({"$defs": definitions} if definitions else {})


def as_prompt(specs: Sequence[ToolSpec]) -> str:
    """The specs for a model that is sent no tools: how to answer, then every tool with its schema."""
    if len(specs) == 1:
        return f"Answer with one JSON object and nothing else. It has to fit this schema:\n{_compact(specs[0].schema)}"
    names = ", ".join(spec.name for spec in specs)
    head = (
        'Answer with one JSON object and nothing else: {"tool": "<name>", "arguments": {…}}.\n'
        f"Tools that can be called now: {names}."
    )
    return "\n\n".join([head, *(f"{each.name}: {each.description}\n{_compact(each.schema)}" for each in specs)])


def _compact(schema: Json) -> str:
    return json.dumps(_untitled(schema), ensure_ascii=False, separators=(",", ":"))


def _untitled(value: Any) -> Any:
    """Without Pydantic's titles, which repeat the names."""
    if isinstance(value, dict):
        return {key: _untitled(each) for key, each in value.items() if not (key == "title" and isinstance(each, str))}
    return [_untitled(each) for each in value] if isinstance(value, list) else value
