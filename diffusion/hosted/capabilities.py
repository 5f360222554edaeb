"""What a service was found to take, by address and model, for as long as the process lives."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

OPTIONAL = ("stream", "response_format")
"""Fields that a service may reject, in the order in which they are left out."""
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


def optional_fields(model: str, partial: int, rejected: Collection[str]) -> dict[str, Any]:
    """Those of the optional fields that are worth trying."""
    fields: dict[str, Any] = {}
    if partial and "stream" not in rejected:
        fields |= {"stream": True, "partial_images": partial}
    if not model.startswith(OWN_FORMAT) and "response_format" not in rejected:
        fields["response_format"] = "b64_json"
    return fields
