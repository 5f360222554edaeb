"""From a completion to the call it makes, or to what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout, Refused
from muralist.tools.paper_form import has_split_ratio, read_paper_form

from .completion import Completion, ToolCall
from .json_objects import complaint, objects
from .offers import Json, Offer

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
class Reading:
    """A call, or a fault. `ignored`: the reply does not even try to have the form that was asked for."""

    text: str = ""
    call: Call | None = None
    fault: str = ""
    ignored: bool = False


def read(completion: Completion, offers: Sequence[Offer], native: bool, prompt: str) -> Reading:
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
        return Reading(text[:200], fault=f"it is longer than {MOST_TEXT} characters: answer in far fewer")
    if message.tool_calls:
        return _native(message.tool_calls[0], text, completion.cut_off)
    for value, sound in objects(text):
        if call := call_in(value, offers, bare=sound):
            return Reading("", call, ignored=native)
    if (plan := _in_papers_form(text, offers, prompt)) is not None:
        return plan
    if "{" not in text and _declines(text):
        raise Refused(_declined(text))
    if completion.cut_off:
        return Reading(text, fault="it was cut off before its end: answer in fewer words")
    return Reading(text, fault=_what_is_missing(text, offers), ignored=True)


def call_in(value: Json, offers: Sequence[Offer], bare: bool = True) -> Call | None:
    """The call that an object makes, in any of the shapes in which models write one; None if it makes none.

    `bare`: whether it may be nothing but the arguments of the only tool that they fit.
    """
    listed = value.get("tool_calls")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        value = listed[0]
    if isinstance(value.get("function"), dict):
        value = value["function"]
    names = [offer.name for offer in offers]
    name = next((value[key] for key in ("tool", "name", "function", "tool_name", "action") if key in value), None)
    if name in names:
        given: Any = next((value[key] for key in ("arguments", "parameters", "args", "input") if key in value), {})
        arguments = _object(given)
        return None if arguments is None else Call(name, arguments)
    if len(value) == 1 and (only := next(iter(value))) in names and (arguments := _object(value[only])) is not None:
        return Call(only, arguments)
    if not bare:
        return None
    if len(offers) == 1 and not isinstance(name, str):
        return Call(names[0], value)
    fitting = [offer.name for offer in offers if value and set(value) <= set(offer.schema.get("properties", ()))]
    return Call(fitting[0], value) if len(fitting) == 1 else None


def _native(called: ToolCall, text: str, cut_off: bool) -> Reading:
    arguments = _object(called.function.arguments or {})
    if arguments is not None:
        return Reading(text, Call(called.function.name, arguments, called.id))
    if cut_off:
        return Reading(text, fault="it was cut off before its end: give shorter arguments")
    why = complaint(str(called.function.arguments)) or "they are no object"
    return Reading(text, fault=f"the arguments of {called.function.name[:60]} are not JSON: {why}")


def _object(given: Any) -> Json | None:
    """Arguments as an object, also out of a string that holds one."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = next((value for value, sound in objects(given) if sound), None)
    return given if isinstance(given, dict) else None


def _in_papers_form(text: str, offers: Sequence[Offer], prompt: str) -> Reading | None:
    """A plan as RPG's own planner writes it. Before there is a scene, it comes too soon: one is drafted first."""
    names = [offer.name for offer in offers]
    if not has_split_ratio(text):
        return None
    if "plan" not in names:
        return Reading(call=Call("recaption", {"prompt": prompt})) if "recaption" in names else None
    try:
        grid = read_paper_form(text, prompt)
    except BadLayout as error:
        return Reading(text, fault=str(error))
    except ValidationError as error:
        return Reading(text, fault=one_line(error))
    if grid is None:
        return None
    return Reading(call=Call("plan", {"grid": grid.model_dump(mode="json", exclude_defaults=True)}))


def _what_is_missing(text: str, offers: Sequence[Offer]) -> str:
    wanted = (
        "one JSON object"
        if len(offers) == 1
        else f'one JSON object {{"tool": …, "arguments": …}} with one of {", ".join(offer.name for offer in offers)}'
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
