"""What a service was found to take, by address and model, for as long as the process lives."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

OPTIONAL = {"stream": r"\b(stream|partial_images)\b", "response_format": r"\bresponse_format\b"}
"""Fields that a service may reject, in the order in which they are left out, and how it names them."""
OWN_FORMAT = ("gpt-image", "chatgpt-image")
"""Models that refuse `response_format`, by how their names begin: they give base64 anyway."""


@dataclass
class Capabilities:
    """Which fields it rejects, and what was noted of its pictures."""

    rejected: set[str] = field(default_factory=set)
    notes: set[str] = field(default_factory=set)


_known: dict[tuple[str, str], Capabilities] = {}


def capabilities_of(base_url: str, model: str) -> Capabilities:
    """What is known of that model there."""
    return _known.setdefault((base_url, model), Capabilities())


def name_of(model: str) -> str:
    """What a model is called, without who publishes it."""
    return model.rpartition("/")[2]


def optional_fields(model: str, partial: int, rejected: Collection[str]) -> dict[str, Any]:
    """Those of the optional fields that are worth trying."""
    fields: dict[str, Any] = {}
    if partial and "stream" not in rejected:
        fields |= {"stream": True, "partial_images": partial}
    if not name_of(model).startswith(OWN_FORMAT) and "response_format" not in rejected:
        fields["response_format"] = "b64_json"
    return fields


def to_leave_out(optional: Collection[str], said: str) -> str | None:
    """Of the optional fields that a request had, the one that the service names in its error, else the first."""
    there = [name for name in OPTIONAL if name in optional]
    return next((name for name in there if re.search(OPTIONAL[name], said)), there[0] if there else None)
