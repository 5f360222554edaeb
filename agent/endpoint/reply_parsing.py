"""Parses a completion into a tool call, or into a fault to feed back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout, Refused
from muralist.tools.rpg_plan_format import has_split_ratio, parse_rpg_plan

from .completion import Completion, ToolCall
from .json_objects import complaint, objects
from .tool_specs import Json, ToolSpec

MOST_TEXT = 100_000
"""Characters of an answer that are read; a scene or a layout is far shorter."""

_CANNOT = (
    r"\b(?:can(?:no|')?t|can not|won't|will not|(?:am|'m) (?:unable|not able) to|must decline to|refuse to)\b.{0,40}?"
)
_THIS = r"(?:that|this|(?:the|your) (?:request|prompt))\b"
_SERVE = rf"(?:(?:help|assist)(?: you)? (?:with|in)|(?:comply|proceed|continue)(?: with {_THIS}|$)|fulfil?l {_THIS})"
_MAKE = r"(?:create|generate|depict|provide|produce|make|paint|draw|show|plan)\b.*\b"
_WHY = (
    r"(?:polic(?:y|ies)|guidelines|inappropriate|harmful|unsafe|illegal|explicit|sexual|nud\w+|violen\w+|hateful|"
    r"copyright\w*|real (?:people|persons?)|content)\b"
)
_DECLINED = re.compile(rf"{_CANNOT}\b(?:{_SERVE}|{_MAKE}{_WHY})", re.IGNORECASE)
"""A sentence that declines the content. That it cannot draw or call tools, a model may say of any content."""
_OPENING = 3
"""Sentences at the head of a reply in which a refusal is looked for; what comes later is about something else."""


@dataclass(frozen=True)
class Call:
    """A tool and the arguments for it; nobody has looked at them yet."""

    tool: str
    arguments: Json = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True)
class ParsedReply:
    """A call, or a fault. `ignored`: the reply does not even try to have the form that was asked for."""

    text: str = ""
    call: Call | None = None
    fault: str = ""
    ignored: bool = False


def parse_reply(completion: Completion, specs: Sequence[ToolSpec], native: bool, prompt: str) -> ParsedReply:
    """The first call in a completion. `native`: tools were sent as tools. `prompt`: what a plan in the paper's form
    takes for its base prompt.

    Raises Refused with the model's reason.
    """
    if completion.refusal:
        raise Refused(_declined(completion.refusal))
    message = completion.message
    text = message.text
    arguments = message.tool_calls[0].function.arguments if message.tool_calls else ""
    if len(text) + len(arguments if isinstance(arguments, str) else "") > MOST_TEXT:
        return ParsedReply(text[:200], fault=f"it is longer than {MOST_TEXT} characters: answer in far fewer")
    if message.tool_calls:
        return _native(message.tool_calls[0], text, completion.cut_off)
    for value, sound in objects(text):
        if call := call_in(value, specs, bare=sound):
            return ParsedReply("", call, ignored=native)
    if (plan := _as_rpg_plan(text, specs, prompt)) is not None:
        return plan
    if "{" not in text and _declines(text):
        raise Refused(_declined(text))
    if completion.cut_off:
        return ParsedReply(text, fault="it was cut off before its end: answer in fewer words")
    return ParsedReply(text, fault=_what_is_missing(text, specs), ignored=True)


def call_in(value: Json, specs: Sequence[ToolSpec], bare: bool = True) -> Call | None:
    """The call that an object makes, in any of the shapes in which models write one; None if it makes none.

    `bare`: whether it may be nothing but the arguments of the only tool that they fit.
    """
    listed = value.get("tool_calls")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        value = listed[0]
    if isinstance(value.get("function"), dict):
        value = value["function"]
    names = [spec.name for spec in specs]
    name = next((value[key] for key in ("tool", "name", "function", "tool_name", "action") if key in value), None)
    if name in names:
        given: Any = next((value[key] for key in ("arguments", "parameters", "args", "input") if key in value), {})
        arguments = _object(given)
        return None if arguments is None else Call(name, arguments)
    if len(value) == 1 and (only := next(iter(value))) in names and (arguments := _object(value[only])) is not None:
        return Call(only, arguments)
    if not bare:
        return None
    if len(specs) == 1 and not isinstance(name, str):
        return Call(names[0], value)
    fitting = [spec.name for spec in specs if value and set(value) <= set(spec.schema.get("properties", ()))]
    return Call(fitting[0], value) if len(fitting) == 1 else None


def _native(called: ToolCall, text: str, cut_off: bool) -> ParsedReply:
    arguments = _object(called.function.arguments or {})
    if arguments is not None:
        return ParsedReply(text, Call(called.function.name, arguments, called.id))
    if cut_off:
        return ParsedReply(text, fault="it was cut off before its end: give shorter arguments")
    why = complaint(str(called.function.arguments)) or "they are no object"
    return ParsedReply(text, fault=f"the arguments of {called.function.name[:60]} are not JSON: {why}")


def _object(given: Any) -> Json | None:
    """Arguments as an object, also out of a string that holds one."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = next((value for value, sound in objects(given) if sound), None)
    return given if isinstance(given, dict) else None


def _as_rpg_plan(text: str, specs: Sequence[ToolSpec], prompt: str) -> ParsedReply | None:
    """A plan as RPG's own planner writes it. Before there is a scene, it comes too soon: one is drafted first."""
    names = [spec.name for spec in specs]
    if not has_split_ratio(text):
        return None
    if "plan" not in names:
        return ParsedReply(call=Call("recaption", {"prompt": prompt})) if "recaption" in names else None
    try:
        grid = parse_rpg_plan(text, prompt)
    except BadLayout as error:
        return ParsedReply(text, fault=str(error))
    except ValidationError as error:
        return ParsedReply(text, fault=one_line(error))
    if grid is None:
        return None
    return ParsedReply(call=Call("plan", {"grid": grid.model_dump(mode="json", exclude_defaults=True)}))


def _what_is_missing(text: str, specs: Sequence[ToolSpec]) -> str:
    wanted = (
        "one JSON object"
        if len(specs) == 1
        else f'one JSON object {{"tool": …, "arguments": …}} with one of {", ".join(spec.name for spec in specs)}'
    )
    if why := complaint(text):
        return f"it holds no JSON that can be read ({why}): answer with {wanted}"
    return f"it is not in the form that was asked for: answer with {wanted}"


def _declines(text: str) -> bool:
    opening = re.split(r"[.!?]+(?:\s+|$)", " ".join(text.replace("\u2019", "'").split()))[:_OPENING]
    return any(_DECLINED.search(sentence) for sentence in opening)


def _declined(reason: str) -> str:
    said = " ".join(reason.split())
    return f"the model declined: {said[:300]}"
