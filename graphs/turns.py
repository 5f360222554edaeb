"""One turn of the agent: what the model is asked, and what is made of its reply."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from muralist.tools.catalogue import offered
from muralist.tools.run import OFFLINE, Run

from . import wiring
from .caller_layout import for_scene
from .calling import langchain_tools
from .conversation import BY, conversation, for_rules
from .mistakes import mistake
from .state import Context

if TYPE_CHECKING:
    from muralist.agent import Settings

TOOLS = langchain_tools()


async def reply_of(settings: Settings, by: str, messages: list[AnyMessage], run: Run) -> AIMessage:
    """What the model called `by` says, offered the tools whose precondition holds. All errors are MuralistErrors."""
    try:
        model = await asyncio.to_thread(wiring.chat_model, settings.model_copy(update={"model": by}))
        said = for_rules(messages) if by == OFFLINE else messages
        sent = await conversation(said, run, model, wiring.store(settings))
        reply = await model.bind_tools([TOOLS[name] for name in offered(run)]).ainvoke(sent)
        if not isinstance(reply, AIMessage):
            raise TypeError(f"it has to answer with an AIMessage, not {type(reply).__name__}")
    except Exception as error:
        raise mistake(f"model {by}", error) from None
    return reply


def one_call(reply: AIMessage, by: str, run: Run, context: Context, prompt: str) -> AIMessage:
    """The reply with its first call only: each call needs the ledger that the one before has written.

    The prompt is the user's, word for word, and a caller's scene and layout take the place of the agent's. A wish about
    a given picture is left to the tool by the offline rules, since they see no picture.
    """
    calls = [call.copy() for call in reply.tool_calls[:1]]
    for call in calls:
        if call["name"] == "recaption":
            blind = run.source is not None and by == OFFLINE
            args = {"prompt": prompt} if blind else {**call["args"], "prompt": prompt}
            scene = context.scene or args.get("scene")
            call["args"] = {**args, "scene": {**scene, "prompt": prompt}} if isinstance(scene, dict) else args
        if call["name"] == "plan" and context.plan is not None and run.scene is not None:
            call["args"] = {"layout": for_scene(context.plan, run.scene)}
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
