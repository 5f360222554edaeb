"""What the chat model is sent: the guide to what can be done now, the run's messages, the pictures that matter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from muralist.prompts import load
from muralist.runs.service import RunService
from muralist.tools.catalogue import offered
from muralist.tools.ports import Store
from muralist.tools.run import OFFLINE, Run

GUIDES = {"recaption": "recaption", "plan": "plan", "inspect_and_edit": "edit"}
"""Which text of `prompts` goes with the tool that has become available last."""

BY = "by"
"""The key of a message's metadata that says which model a turn is by."""


def guide(run: Run) -> SystemMessage:
    """The system prompt for this step: what the work is, and in detail what is to be done now.

    The prompt of a run that starts from a given picture is a wish about it.
    """
    now = [GUIDES[name] for name in offered(run)[-1:] if name in GUIDES]
    if run.source is not None and now == ["recaption"]:
        now = ["wish"]
    if now == ["edit"] and not run.abilities.edits:
        now = ["paint_anew"]
    texts = [load(name) for name in ("agent", *now)]
    return SystemMessage("\n\n".join(filter(None, [*texts, run.parts.get("instructions", "")])))


async def conversation(
    messages: Sequence[BaseMessage], run: Run, model: BaseChatModel, service: RunService
) -> list[BaseMessage]:
    """Guide and messages, then, for a model that takes pictures, the best one and the latest: older ones are gone."""
    whole = [guide(run), *map(_in_full, messages)]
    store = service.store
    if (model.profile or {}).get("image_inputs") and run.current:
        whole.append(await _shown(run, store))
    return whole


def for_rules(messages: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages without another model's mistakes: the offline rules go by what was done, and fail on their own.

    An answer belongs to the call right before it: there are endpoints that give every call the same id.
    """
    kept = list(messages[:1])  # the prompt
    for call, answer in pairwise(messages):
        own = call.response_metadata.get(BY) == OFFLINE
        if isinstance(answer, ToolMessage) and (own or answer.status != "error"):
            kept += [call, answer]
    return kept


def _in_full(message: BaseMessage) -> BaseMessage:
    """A tool's answer with the structure behind its sentence, for whoever has to go by it."""
    if not isinstance(message, ToolMessage) or not isinstance(message.artifact, dict):
        return message
    text = json.dumps({"text": str(message.text), **message.artifact}, ensure_ascii=False)
    return message.model_copy(update={"content": text, "artifact": None})


async def _shown(run: Run, store: Store) -> HumanMessage:
    from muralist.agent.endpoint import picture_block

    best, latest = run.submitted, run.current[-1]
    content: list[str | dict[str, object]] = []
    for attempt in dict.fromkeys(each.image_id for each in (best, latest) if each is not None):
        name = "The best picture so far" if best is not None and attempt == best.image_id else "The latest picture"
        content += [{"type": "text", "text": f"{name}, {attempt}:"}, picture_block(await store.get_image(attempt))]
    return HumanMessage(content)
