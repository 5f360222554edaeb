"""One turn of the agent: what the model is asked, and what is made of its reply."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from muralist.runs import wiring
from muralist.runs.metering import metered_reply
from muralist.runs.mistakes import mistake
from muralist.runs.service import RunService
from muralist.tools.abilities import ALL, Abilities
from muralist.tools.catalogue import TOOLS, Tool, offered
from muralist.tools.matching import with_instances
from muralist.tools.run import OFFLINE, Run

from .conversation import BY, conversation, for_rules

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


@cache
def schemas(able: Abilities = ALL) -> dict[str, BaseTool]:
    """What a model is told of the tools where the painter can do so much; the graph's nodes do the calls."""
    return {name: _schema(tool, able) for name, tool in TOOLS.items()}


def _schema(tool: Tool, able: Abilities) -> BaseTool:
    async def call(**arguments: Any) -> str:
        raise NotImplementedError(f"{tool.name} is called by its node")

    return structured(tool, call, able)


def structured(tool: Tool, call: Callable[..., Awaitable[Any]], able: Abilities = ALL, **how: Any) -> BaseTool:
    """A tool of the catalogue as LangChain has it, done by `call`; `how`: what else StructuredTool takes."""
    return StructuredTool.from_function(
        coroutine=call,
        name=tool.name,
        description=tool.description,
        args_schema=tool.schema(able),
        infer_schema=False,
        **how,
    )


async def reply_of(service: RunService, by: str, messages: list[AnyMessage], run: Run) -> AIMessage:
    """What the model called `by` says, offered the tools whose precondition holds. All errors are MuralistErrors."""
    try:
        model = await asyncio.to_thread(_model, service, by, run)
        said: list[AnyMessage] = [HumanMessage(run.prompt), *messages[1:]]
        said = for_rules(said) if by == OFFLINE else said
        sent = await conversation(said, run, model, service)
        told = schemas(run.abilities)
        reply = await model.bind_tools([told[name] for name in offered(run)]).ainvoke(sent)
        if not isinstance(reply, AIMessage):
            raise TypeError(f"it has to answer with an AIMessage, not {type(reply).__name__}")
    except Exception as error:
        raise mistake(f"model {by}", error) from None
    metered_reply(reply, service.settings_of(run))
    return reply


def _model(service: RunService, by: str, run: Run) -> BaseChatModel:
    settings = service.settings_of(run)
    if service.plugs.chat_model is not None and by == settings.model:
        return service.plugs.chat_model
    return wiring.chat_model(settings.model_copy(update={"model": by}))


def one_call(reply: AIMessage, by: str, run: Run, turn: int) -> AIMessage:
    """The reply with its first call only, under an id of its own: each call needs the ledger that the one before wrote.

    The prompt is the user's, word for word, and a caller's scene and layout take the place of the agent's. A wish about
    a given picture is left to the tool by the offline rules, since they see no picture.
    """
    calls = [call.copy() for call in reply.tool_calls[:1]]
    for call in calls:
        call["id"] = f"{run.run_id[:8]}-turn-{turn}"
        if call["name"] == "recaption":
            blind = run.source is not None and by == OFFLINE and run.given.scene is None
            args = {"prompt": run.prompt} if blind else {**call["args"], "prompt": run.prompt}
            given = run.given.scene and run.given.scene.model_dump(mode="json", exclude_defaults=True)
            scene = given or args.get("scene")
            call["args"] = {**args, "scene": {**scene, "prompt": run.prompt}} if isinstance(scene, dict) else args
        if call["name"] == "plan" and run.given.layout is not None and run.scene is not None:
            layout = with_instances(run.given.layout, run.scene)
            call["args"] = {"layout": layout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)}
    return AIMessage(
        content=reply.content,
        tool_calls=calls,
        id=reply.id,
        usage_metadata=reply.usage_metadata,
        response_metadata={BY: by},
    )


def fault_in(reply: AIMessage) -> str:
    """Why no call could be read from a reply; empty if it makes none on purpose."""
    unread = [call["error"] or f"its arguments of {call['name']} are not JSON" for call in reply.invalid_tool_calls]
    return str(reply.response_metadata.get("fault") or "".join(unread[:1]))


def mistake_in(last: BaseMessage) -> str:
    """What was fed back to the agent, if its turn came to nothing."""
    failed = isinstance(last, HumanMessage) or (isinstance(last, ToolMessage) and last.status == "error")
    return str(last.text) if failed else ""
