"""A chat model that plays a script: each turn's message is written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

Turn = AIMessage | Exception


class ScriptedModel(BaseChatModel):
    """Says its turns in order, then that it has nothing more to say; keeps what it was offered and what it read."""

    turns: list[Any]
    offered: list[list[str]] = Field(default_factory=list)
    read: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        self.offered.append([convert_to_openai_tool(tool)["function"]["name"] for tool in tools])
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **kwargs: Any) -> ChatResult:
        turn = len(self.read)
        self.read.append(messages)
        said: Turn = self.turns[turn] if turn < len(self.turns) else AIMessage("I have nothing more to say")
        if isinstance(said, Exception):
            raise said
        return ChatResult(generations=[ChatGeneration(message=said)])


def call(name: str, **arguments: Any) -> AIMessage:
    """A turn that calls one tool."""
    return calls((name, arguments))


def calls(*each: tuple[str, dict[str, Any]]) -> AIMessage:
    """A turn that calls several tools at once."""
    listed = [
        {"name": name, "args": arguments, "id": f"call-{number}", "type": "tool_call"}
        for number, (name, arguments) in enumerate(each)
    ]
    return AIMessage("", tool_calls=listed)
