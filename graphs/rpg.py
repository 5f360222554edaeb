"""The state machine of RPG: recaption, plan, generate, then edit until it holds (arXiv 2401.11708).

open -> agent -> tools -> verify -> agent … -> finish. The routes can be read off the nodes' signatures.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from langgraph.types import Command
from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings, Cancelled, MuralistError, NotFound, OutOfBudget
from muralist.tools.interrupting import unless
from muralist.tools.layout import Layout
from muralist.tools.metering import metered
from muralist.tools.ports import PaintSpec, Store
from muralist.tools.recaption import check_prompt
from muralist.tools.run import OFFLINE, Run
from muralist.tools.usage import Turn

from . import wiring
from .caller_layout import layout_from
from .ending import MOST_FAULTS, PASSED, REPAIRS, STOPPED, ending, most_turns, overdue, submitted
from .mistakes import as_json, broken, mistake
from .running import Events, new_run
from .state import Context, Input, State
from .stopping import Stop, stop_of
from .turns import TOOLS, fault_in, mistake_in, one_call, reply_of


async def open_run(state: State, runtime: Runtime[Context]) -> Command[Literal["agent", "finish"]]:
    """Check prompt and settings, and mint the run if the caller has not."""
    context = runtime.context or Context()
    prompt, messages = _asked(state)
    run = Run.open()
    try:
        settings = await context.settings()
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
    fresh = {"turns": 0, "idle": 0, "faults": 0, "answer": None, "error": None}
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
    """Ask the chat model for one call of a tool whose precondition holds; the rules, once it cannot be understood."""
    context = runtime.context or Context()
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state["seq"], runtime.stream_writer)
    stop = Stop(stop_of(run.run_id).is_set, lambda: overdue(run, time.time() - state["started"]))
    by = ""
    with metered(run.exhausted) as meter:
        try:
            settings = await context.settings()
            by = settings.model if state["faults"] <= REPAIRS else OFFLINE
            if by != settings.model:
                why = mistake_in(state["messages"][-1])
                events(
                    "filled_in", {"text": f"the offline rules fill in this step for {settings.model}: {why}", "by": by}
                )
            reply = await unless(stop, reply_of(settings, by, state["messages"][state["since"] :], run))
            answer = one_call(reply, by, run, context, state["prompt"])
        except MuralistError as error:
            run = run.took(Turn(by=by, planner=meter.spent, mistake=str(error)))
            told = None
            if not isinstance(error, Cancelled | OutOfBudget):  # else `verify` knows: stopped, late or spent
                run, told = broken(run, error), as_json(error)
                events("mistake", told)
            return Command(goto="verify", update={"run": run.model_dump(mode="json"), "error": told, "seq": events.seq})
    spent = meter.spent.model_copy(update={"calls": max(1, meter.spent.calls)})
    rung = str(reply.response_metadata.get("rung", ""))
    called = answer.tool_calls[0]["name"] if answer.tool_calls else None
    run = run.took(Turn(tool=called, by=by, rung=rung, planner=spent))
    if rung == "forced":
        run = run.changed(mode="pipeline")
    update: dict[str, Any] = {
        "messages": [answer],
        "run": run.model_dump(mode="json"),
        "turns": state["turns"] + (state["faults"] == 0),
    }
    fault = "" if called else fault_in(reply)
    events("agent", {"text": "" if fault else str(answer.text), "tool": called, "by": by, "rung": rung})
    if called:
        return Command(goto="tools", update={**update, "seq": events.seq})
    if fault:
        events("mistake", {"kind": "NoAnswer", "message": fault})
        mend = HumanMessage(f"Your reply could not be read: {fault}.")
        return Command(goto="verify", update={**update, "messages": [answer, mend], "seq": events.seq})
    return Command(goto="verify", update={**update, "answer": str(answer.text), "seq": events.seq})


async def verify(state: State, runtime: Runtime[Context]) -> Command[Literal["agent", "finish"]]:
    """Code decides: everything verified, budget spent, nothing left to try; or else the agent goes on."""
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state["seq"], runtime.stream_writer)
    stopped = stop_of(run.run_id).is_set()
    if stopped and run.passed and run.status in ("open", "cancelled"):
        run = run.changed(status="done", reason=PASSED)
    elif stopped and run.status == "open":
        run = run.changed(status="cancelled", reason=STOPPED)
    said = state["messages"][state["since"] + 1 :]
    told = mistake_in(said[-1]) if said else ""
    faults = state["faults"] + 1 if told else 0
    if told and run.turns and not run.turns[-1].mistake:
        run = run.turned(mistake=told)
    end = ending(
        run,
        turns=state["turns"],
        idle=state["idle"],
        faults=faults,
        answer=state["answer"],
        mistake=told,
        seconds=time.time() - state["started"],
    )
    best = submitted(run)
    events(
        "verified",
        {
            "passed": run.passed,
            "best_id": best and best.image_id,
            "ends": end is not None,
            "turn": run.turns[-1].model_dump(mode="json") if run.turns else None,
            "usage": run.usage.model_dump(mode="json"),
        },
    )
    if end is not None:
        run = run.changed(status=end.status, reason=end.reason)
    update = {"run": run.model_dump(mode="json"), "faults": faults, "seq": events.seq}
    return Command(goto="agent" if end is None else "finish", update=update)


async def finish(state: State, runtime: Runtime[Context]) -> Command[Literal["__end__"]]:
    """Say how it went, and which picture is the best; keep the run for the tools to go on from."""
    run = Run.model_validate(state["run"])
    events = Events(run.run_id, state["seq"], runtime.stream_writer)
    if run.attempts and state["version"] is not None:
        try:
            settings = await (runtime.context or Context()).settings()
            await wiring.store(settings).save_run(run, state["version"])
        except Exception as caught:  # the pictures are kept, and handed over
            events("mistake", as_json(mistake("saving the run", caught)))
    best = submitted(run)
    events("finished", {"status": run.status, "reason": run.reason, "image_id": best and best.image_id})
    said = f"{'Done' if run.passed else run.status.capitalize()}: {run.reason}."
    if run.filled_in:
        said += f" The offline rules filled in {', '.join(run.filled_in)}."
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
    return graph.compile(checkpointer=checkpointer, name="rpg").with_config(
        recursion_limit=3 * MOST_FAULTS * most_turns(50)
    )


graph = build()
