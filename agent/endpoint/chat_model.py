"""An endpoint in the agent's seat: a chat model that answers with a tool call, whatever the endpoint can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from muralist.tools.metering import METERED, Meter, metered

from .endpoint import Endpoint, Reply
from .tool_specs import GIVE_UP, ToolSpec
from .transport import OnText

MOST_KEPT = 2000
"""Characters that a conversation keeps of a reply that could not be read."""


class EndpointChatModel(BaseChatModel):
    """Calls one of the tools that are bound to it, or says why it gives up.

    A reply that no call can be read from becomes an invalid tool call with the fault as its error: whoever asked feeds
    it back. `response_metadata["rung"]` is how the endpoint was asked. Without tools it just talks.
    """

    endpoint: Endpoint

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self.profile = ModelProfile(image_inputs=self.endpoint.sees)

    @property
    def _llm_type(self) -> str:
        return "openai-compatible"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.endpoint.model}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same model, offered these tools; a `tool_choice` by name narrows them to that one."""
        specs = [ToolSpec.from_tool(convert_to_openai_tool(tool)) for tool in tools]
        specs = [spec for spec in specs if spec.name == tool_choice] or [*specs, GIVE_UP]
        return self.bind(specs=specs, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with metered() as meter:
            reply = await self._reply(messages, kwargs.get("specs", ()))
        message = _message(reply, meter, self.endpoint.model)
        return ChatResult(generations=[ChatGeneration(message=message)], llm_output={"model_name": self.endpoint.model})

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Text as it comes, then the call in one piece: before its end, nobody knows whether it can be read."""
        texts: asyncio.Queue[str | None] = asyncio.Queue()
        with metered() as meter:
            asking = asyncio.ensure_future(self._reply(messages, kwargs.get("specs", ()), texts.put_nowait))
        asking.add_done_callback(lambda _: texts.put_nowait(None))
        streamed = ""
        try:
            while (text := await texts.get()) is not None:
                streamed += text
                yield ChatGenerationChunk(message=AIMessageChunk(content=text))
            whole = _message(await asking, meter, self.endpoint.model)
        finally:
            asking.cancel()  # nothing happens to one that is done
        said = str(whole.text)
        calls = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=0)
            for call in whole.tool_calls
        ]
        last = AIMessageChunk(
            content=said.removeprefix(streamed) if said.startswith(streamed) else "",
            tool_call_chunks=calls,
            usage_metadata=whole.usage_metadata,
            response_metadata=whole.response_metadata,
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    async def _reply(
        self, messages: list[BaseMessage], specs: Sequence[ToolSpec], on_text: OnText | None = None
    ) -> Reply:
        if not specs:
            return await self.endpoint.talk(messages, on_text=on_text)
        return await self.endpoint.reply(messages, specs, on_text=on_text)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """For callers without an event loop; inside one, `ainvoke` is what works."""
        return asyncio.run(self._agenerate(messages, stop, None, **kwargs))


def _message(reply: Reply, meter: Meter, model: str) -> AIMessage:
    """The reply as LangChain has it; giving up is an answer without a call."""
    parsed, spent = reply.parsed, meter.spent
    fields: dict[str, Any] = {
        "response_metadata": {"model_name": model, "rung": reply.mode.value, "fault": parsed.fault, METERED: True},
        "usage_metadata": UsageMetadata(
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            total_tokens=spent.input_tokens + spent.output_tokens,
        ),
    }
    call = parsed.call
    if parsed.fault:
        unread = invalid_tool_call(name=None, args=parsed.text[:MOST_KEPT], id=_call_id(), error=parsed.fault)
        return AIMessage(parsed.text[:MOST_KEPT], invalid_tool_calls=[unread], **fields)
    if call is None:
        return AIMessage(parsed.text, **fields)
    if call.tool == GIVE_UP.name:
        return AIMessage(str(call.arguments.get("reason") or "the agent gave up"), **fields)
    called = tool_call(name=call.tool, args=call.arguments, id=call.id or _call_id())
    return AIMessage(parsed.text, tool_calls=[called], **fields)


def _call_id() -> str:
    return f"call_{uuid4().hex[:24]}"
