"""Whether a service answers and has a model, found out without painting."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import openai

from muralist.tools.api_client import ApiClient, Sent

from .settings import HostedSettings

MOST_NAMED = 5


class ProbeResult(NamedTuple):
    """A line about the service; `has_model` is None if it does not say."""

    summary: str
    has_model: bool | None


async def probe(model: str, settings: HostedSettings, seconds: float) -> ProbeResult:
    """Ask for the list of models. Raises EndpointError, Outage among them."""
    client = ApiClient(model, settings.address, seconds)
    async with client.connected(Sent()) as connection:
        try:
            reply = await connection.models.with_raw_response.list()
        except openai.NotFoundError:
            return ProbeResult(f"{client.where} answers, but does not list its models", None)
    client.check_kind(str(reply.headers.get("content-type", "")))
    names = _names(reply.content)
    if names is None:
        return ProbeResult(f"{client.where} answers, but does not list its models", None)
    if model in names:
        return ProbeResult(f"{client.where} has it", True)
    known = ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")
    return ProbeResult(f"{client.where} does not have it: it lists {known or 'nothing'}", False)


def _names(content: bytes) -> list[str] | None:
    try:
        body: Any = json.loads(content)
        return [str(each["id"])[:80] for each in body["data"]]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
