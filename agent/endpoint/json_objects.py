"""JSON objects out of whatever a model wrapped them in: fences, prose, its own thoughts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

MOST_STARTS = 64
"""Opening braces that are tried: beyond them a text is taken to hold no object."""

_THOUGHTS = re.compile(r"^\s*<(think|thinking|reasoning)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_LIKE_AN_OBJECT = re.compile(r'\{\s*"')


class Found(NamedTuple):
    """An object; `sound` unless something broken stands before it, of which it may be but a fragment."""

    value: dict[str, Any]
    sound: bool


def objects(text: str) -> Iterator[Found]:
    """The outermost JSON objects of a text, in order; what a model thought aloud first is passed over."""
    text = _THOUGHTS.sub("", text, count=1)
    at, starts, sound = text.find("{"), 0, True
    while at >= 0 and starts < MOST_STARTS:
        starts += 1
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            sound = sound and _LIKE_AN_OBJECT.match(text, at) is None
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict):
            yield Found(value, sound)
        at = text.find("{", end)


def complaint(text: str) -> str:
    """What is wrong with the first thing in a text that looks like an object; empty if nothing does."""
    at = text.find("{")
    if at < 0:
        return ""
    try:
        _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        return str(error)
    return ""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
