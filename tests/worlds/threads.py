"""Driving a thread of the graph step by step, and what it shows of itself."""

from __future__ import annotations

from typing import Any

from graph_runs import context, ledger
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver

from muralist.graphs import rpg
from muralist.runs import wiring
from muralist.tools.run import Run


class Thread:
    """A thread of the graph in memory, with the settings that every step of it is given."""

    def __init__(self, named: dict[str, Any], *, edits: bool = False) -> None:
        self.graph = rpg.build(InMemorySaver(), edits=edits)
        self.named = named
        self.config: Any = {"configurable": {"thread_id": "1"}}

    async def go(self, given: Any = None, at: Any = None, **options: Any) -> dict[str, Any]:
        """Run on from where it is, or from a checkpoint; `said` is what the context says besides."""
        named = context({**self.named, **options.pop("said", {})})
        return await self.graph.ainvoke(given, at or self.config, context=named, **options)

    async def say(self, text: Any, **options: Any) -> str:
        """A user's message; gives the last word."""
        state = await self.go({"messages": [{"role": "user", "content": text}]}, **options)
        return str(state["messages"][-1].text)

    async def next(self) -> tuple[str, ...]:
        """The nodes that come next."""
        return (await self.graph.aget_state(self.config)).next

    async def values(self) -> dict[str, Any]:
        return (await self.graph.aget_state(self.config)).values

    async def run(self) -> Run:
        """The thread's run."""
        return await ledger(await self.values())

    async def before(self, node: str, number: int = 0) -> Any:
        """The checkpoint before a node, the `number`-th time that it came to it."""
        found = [each async for each in self.graph.aget_state_history(self.config) if each.next == (node,)]
        return found[::-1][number].config

    async def edit(self, at: Any = None, **args: Any) -> Any:
        """Change the arguments of the call that comes next; gives the new checkpoint."""
        state = await self.graph.aget_state(at or self.config)
        return await self.graph.aupdate_state(
            state.config, {"messages": [edited(state.values["messages"][-1], **args)]}
        )


def edited(message: BaseMessage, **args: Any) -> AIMessage:
    """A message with other arguments of its call."""
    assert isinstance(message, AIMessage)
    (call,) = message.tool_calls
    return message.model_copy(update={"tool_calls": [{**call, "args": {**call["args"], **args}}]})


def layout(y0: float = 0.0, y1: float = 1.0) -> dict[str, Any]:
    """The cup left of the book, in a stripe."""
    halves = [("cup", "a red cup", 0, 0.5), ("book", "a blue book", 0.5, 1)]
    regions = [
        {"prompt": prompt, "x0": x0, "x1": x1, "y0": y0, "y1": y1, "instances": [{"entity": entity}]}
        for entity, prompt, x0, x1 in halves
    ]
    return {"base_prompt": "blocks", "regions": regions}


async def runs() -> list[Run]:
    """All runs of the store, the latest first."""
    return await wiring.store(wiring.settings()).runs("local", 50)
