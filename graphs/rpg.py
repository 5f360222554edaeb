"""The state machine of RPG: recaption, plan, generate, then edit until it holds (arXiv 2401.11708).

open -> agent -> tools -> verify -> agent … -> finish. The routes can be read off the nodes' signatures.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from muralist.prompts import load
from muralist.tools.catalogue import offered, one_line
from muralist.tools.errors import BadSettings, MuralistError, NotFound
from muralist.tools.layout import Layout
from muralist.tools.ports import PaintSpec, Store
from muralist.tools.recaption import check_prompt
from muralist.tools.run import Run

from . import wiring
from .caller_layout import for_scene, layout_from
from .calling import langchain_tools
from .ending import ending, most_turns, submitted
from .mistakes import as_json, broken, mistake
from .running import Events, new_run
from .state import Context, Input, State
from .stopping import stop_of

if TYPE_CHECKING:
    from muralist.agent import Settings

SYSTEM = load("agent")
TOOLS = langchain_tools()


async def open_run(state: State, runtime: Runtime[Context]) -> Command[Literal["agent", "finish"]]:
    """Check prompt and settings, and mint the run if the caller has not."""
    context = runtime.context or Context()
    prompt, messages = _asked(state)
    run = Run.open()
    try:
        settings = await asyncio.to_thread(context.settings)
        run = _handed_in(state, prompt) or new_run(settings, context.seed or 0)
        check_prompt(prompt)
        if context.plan is not None:
            layout_from(context.plan)
        ports = await asyncio.to_thread(wiring.ports, settings, lambda kind, data: None, stop_of(run.run_id))
        await asyncio.to_thread(wiring.chat_model, settings)
        await asyncio.to_thread(ports.painter.check, _blank(run))
        version = await _version(run, ports.store)
    except Exception as caught:
        error = mistake("the start of the run", caught)
        events = Events(run.run_id, 0, runtime.stream_writer)
        events("mistake", as_json(error))
        ended = broken(run, error).model_dump(mode="json")
        told = {"error": as_json(error), "seq": events.seq, "messages": messages}
        return Command(goto="finish", update={"run": ended, "version": None, **told})
    events = Events(run.run_id, 0, runtime.stream_writer)
    events("opened", {"prompt": prompt, **settings.model_dump(mode="json", exclude={"home"}), "seed": run.options.seed})
    fresh = {"turns": 0, "idle": 0, "impossible": "", "repeated": False, "answer": None, "error": None}
    return Command(
        goto="agent",
        update={
            **fresh,
            "messages": messages,
            "since": len(state.get("messages", [])) + len(messages) - 1,
            "prompt": prompt,
            "run": run.model_dump(mode="json"),
            "version": version,
            "seq": events.seq,
            "started": time.time(),
        },
    )


async def agent(state: State, runtime: Runtime[Context]) -> Command[Literal["tools", "verify"]]:
    """Ask the chat model for one call of a tool whose precondition holds."""
    context = runtime.context or Context()
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state["seq"], runtime.stream_writer)
    try:
        settings = await asyncio.to_thread(context.settings)
        reply = await _reply(settings, state, run)
        answer = _one_call(reply, run, context, state["prompt"])
    except MuralistError as error:
        events("mistake", as_json(error))
        ended = broken(run, error).model_dump(mode="json")
        return Command(goto="verify", update={"run": ended, "error": as_json(error), "seq": events.seq})
    update: dict[str, Any] = {
        "messages": [answer],
        "run": run.used(planner_calls=1).model_dump(mode="json"),
        "turns": state["turns"] + 1,
        "idle": state["idle"] + 1,
    }
    if answer.tool_calls:
        events("agent", {"text": str(answer.text), "tool": answer.tool_calls[0]["name"]})
        return Command(goto="tools", update={**update, "seq": events.seq})
    if reply.invalid_tool_calls:
        broken_call = reply.invalid_tool_calls[0]
        mend = (
            f"Your call of {broken_call['name']} could not be read: {broken_call['error']}. Give its arguments as JSON."
        )
        events("mistake", {"kind": "BadSettings", "message": mend})
        return Command(goto="verify", update={**update, "messages": [answer, HumanMessage(mend)], "seq": events.seq})
    events("agent", {"text": str(answer.text), "tool": None})
    return Command(goto="verify", update={**update, "answer": str(answer.text), "seq": events.seq})


async def verify(state: State, runtime: Runtime[Context]) -> Command[Literal["agent", "finish"]]:
    """Code decides: everything verified, budget spent, nothing left to try; or else the agent goes on."""
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state["seq"], runtime.stream_writer)
    if run.status == "open" and stop_of(run.run_id).is_set() and not run.passed:
        run = run.changed(status="cancelled", reason="stopped; what was finished is kept")
    last = state["messages"][-1]
    end = ending(
        run,
        turns=state["turns"],
        idle=state["idle"],
        repeated=state["repeated"],
        answer=state["answer"],
        mistake=str(last.text) if isinstance(last, ToolMessage) and last.status == "error" else "",
        seconds=time.time() - state["started"],
    )
    best = submitted(run)
    events("verified", {"passed": run.passed, "best_id": best and best.image_id, "ends": end is not None})
    if end is None:
        return Command(goto="agent", update={"seq": events.seq})
    run = run.changed(status=end.status, reason=end.reason)
    return Command(goto="finish", update={"run": run.model_dump(mode="json"), "seq": events.seq})


async def finish(state: State, runtime: Runtime[Context]) -> Command[Literal["__end__"]]:
    """Say how it went, and which picture is the best; keep the run for the tools to go on from."""
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state["seq"], runtime.stream_writer)
    if run.attempts and state["version"] is not None:
        try:
            settings = await asyncio.to_thread((runtime.context or Context()).settings)
            await wiring.store(settings).save_run(run, state["version"])
        except Exception as caught:  # the pictures are kept, and handed over
            events("mistake", as_json(mistake("saving the run", caught)))
    best = submitted(run)
    events("finished", {"status": run.status, "reason": run.reason, "image_id": best and best.image_id})
    said = f"{'Done' if run.passed else run.status.capitalize()}: {run.reason}."
    if best is not None:
        share = best.share_passed or 0.0
        said += (
            f" Picture {best.image_id}: {share:.0%} of the questions answered with yes, score {best.score or 0:.2f}."
        )
    return Command(goto="__end__", update={"messages": [AIMessage(said)], "seq": events.seq})


def _asked(state: State) -> tuple[str, list[BaseMessage]]:
    """The prompt, and the messages that are still missing for it: a user message at the end goes before `prompt`."""
    messages = state.get("messages", [])
    if messages and isinstance(messages[-1], HumanMessage):
        return str(messages[-1].text), []
    prompt = state.get("prompt", "")
    return prompt, [HumanMessage(prompt)]


def _handed_in(state: State, prompt: str) -> Run | None:
    """A run that the caller has minted, or one that was interrupted; None if a new one is to be minted."""
    try:
        run = Run.model_validate(state["run"]) if state.get("run") else None
    except ValidationError as error:
        raise BadSettings(f"run: {one_line(error)}") from None
    if run is None or run.status != "open" or (run.scene is not None and run.scene.prompt != prompt):
        return None
    return run


async def _version(run: Run, store: Store) -> int:
    """The store's version of a run; 0 if it is new."""
    try:
        return (await store.load_run(run.run_id, run.owner))[1]
    except NotFound:
        return 0


def _blank(run: Run) -> PaintSpec:
    """A picture of the run's size and steps, to have them checked before anything is asked of a model."""
    options = run.options
    layout = Layout.model_validate(
        {"regions": [{"prompt": "anything", "x0": 0, "y0": 0, "x1": 1, "y1": 1}], "base_prompt": "anything"}
    )
    return PaintSpec(
        layout, options.seed, options.width, options.height, options.steps, options.guidance, options.negative_prompt
    )


async def _reply(settings: Settings, state: State, run: Run) -> AIMessage:
    """What the chat model says, offered the tools whose precondition holds. All errors are MuralistErrors."""
    conversation: list[BaseMessage] = [SystemMessage(SYSTEM), *state["messages"][state["since"] :]]
    try:
        model = await asyncio.to_thread(wiring.chat_model, settings)
        reply = await model.bind_tools([TOOLS[name] for name in offered(run)]).ainvoke(conversation)
        if not isinstance(reply, AIMessage):
            raise TypeError(f"it has to answer with an AIMessage, not {type(reply).__name__}")
    except Exception as error:
        raise mistake(f"model {settings.model}", error) from None
    return reply


def _one_call(reply: AIMessage, run: Run, context: Context, prompt: str) -> AIMessage:
    """The reply with its first call only: each call needs the ledger that the one before has written.

    The prompt is the user's, word for word, and a caller's layout takes the place of the agent's.
    """
    calls = [call.copy() for call in reply.tool_calls[:1]]
    for call in calls:
        if call["name"] == "recaption":
            call["args"] = {**call["args"], "prompt": prompt}
        if call["name"] == "plan" and context.plan is not None and run.scene is not None:
            call["args"] = {"layout": for_scene(context.plan, run.scene)}
    return AIMessage(content=reply.content, tool_calls=calls, id=reply.id, usage_metadata=reply.usage_metadata)


def build(
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
) -> CompiledStateGraph[State, Context, Input, State]:
    """Compile the graph; runs end by their own bound, so the recursion limit only has to lie above it."""
    graph = StateGraph(State, context_schema=Context, input_schema=Input)
    graph.add_node("open", open_run)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(list(TOOLS.values())))
    graph.add_node("verify", verify)
    graph.add_node("finish", finish)
    graph.add_edge(START, "open")
    graph.add_edge("tools", "verify")
    return graph.compile(checkpointer=checkpointer, name="rpg").with_config(recursion_limit=4 * most_turns(50))


graph = build()
