"""The agent without a model: rules for which tool to call next, as a chat model and as a drafter.

Both are pure: the same messages, or the same scene, give the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from muralist.parsing import parse_prompt
from muralist.tools.layout import Layout
from muralist.tools.observation import Observation
from muralist.tools.scene import Scene

from .around import lay_out_around
from .decisions import Decision, decide
from .history import read_history
from .placing import lay_out
from .wished import wished_scene
from .wishes import named_in

NAME = "offline"
Tool = dict[str, Any] | type | Callable[..., Any] | BaseTool


class OfflineChatModel(BaseChatModel):
    """Calls one of the offered tools per turn, chosen by rules and filled in by grammar; says so when it is done.

    It needs no key and no network. Bind tools to it as to any chat model; without tools it can only say that it has
    none.
    """

    @property
    def _llm_type(self) -> str:
        return NAME

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": NAME}

    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same model, offered these tools; a `tool_choice` by name narrows them to that one."""
        names = [_name(tool) for tool in tools]
        if tool_choice in names:
            names = [tool_choice]
        return self.bind(offered=names, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        decision = decide(read_history(messages), kwargs.get("offered", ()))
        message = _message(decision, turn=sum(isinstance(each, AIMessage) for each in messages))
        return ChatResult(generations=[ChatGeneration(message=message)], llm_output={"model_name": NAME})

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, None, **kwargs)


def _message(decision: Decision, turn: int) -> AIMessage:
    if not decision.tool:
        return AIMessage(content=decision.text)
    call = {"name": decision.tool, "args": decision.args, "id": f"call_{turn}_{decision.tool}", "type": "tool_call"}
    return AIMessage(content=decision.text, tool_calls=[call])


class OfflineDrafter:
    """The same rules for whoever calls the tools without a chat model; it implements the `Drafter` port."""

    @property
    def name(self) -> str:
        return NAME

    async def scene(self, prompt: str) -> Scene:
        """What the grammar makes of a prompt. Raises BadPrompt."""
        return parse_prompt(prompt)

    def names(self, wish: str) -> list[str]:
        """The nouns of a wish; none of one that cannot be read."""
        return named_in(wish)

    async def wish(self, wish: str, observation: Observation | None) -> Scene:
        """What a given picture has to show once the wish is done. Raises BadPrompt."""
        return wished_scene(wish, observation)

    async def layout(self, scene: Scene, observation: Observation | None = None) -> Layout:
        """One region per instance, around what is there. Raises BadLayout if the scene contradicts itself."""
        return lay_out(scene) if observation is None else lay_out_around(scene, observation)


def _name(tool: Tool) -> str:
    return tool.name if isinstance(tool, BaseTool) else str(convert_to_openai_tool(tool)["function"]["name"])
