"""The state machine of RPG: recaption, plan, generate, then edit until it holds (arXiv 2401.11708).

open -> agent -> one of the four tools -> verify -> agent … -> finish; a plan may wait at `approve` for a person.
Nodes call the run service; the routes are functions of the state, so that a thread can be stopped, changed and run on
at every node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from muralist.runs.ending import MOST_FAULTS, PASSED, REPAIRS, STOPPED, ending, most_turns
from muralist.runs.mistakes import as_json, mistake
from muralist.runs.service import PASSING, RunService, digest_of
from muralist.runs.step import Step
from muralist.runs.stopping import Stop, stop_of
from muralist.tools.catalogue import TOOLS
from muralist.tools.errors import (
    BadEdit,
    BadLayout,
    BadPrompt,
    BadScene,
    BadSettings,
    Cancelled,
    MuralistError,
    NotFound,
    OutOfBudget,
    PreconditionFailed,
)
from muralist.tools.interrupting import unless
from muralist.tools.metering import Spending, metered
from muralist.tools.run import OFFLINE, Run
from muralist.tools.usage import Turn
from muralist.tools.verdict import CALLER

from .approval import approve, decided
from .conversation import BY
from .opening import FRESH, begun, open_edit, open_run
from .replies import closing, picture_of, superseded, tool_message
from .state import Context, EditInput, Input, Json, State
from .turns import fault_in, mistake_in, one_call, reply_of
from .working import Work, working

MENDABLE = (BadScene, BadLayout, BadEdit, BadSettings, PreconditionFailed, NotFound)
"""Mistakes that the agent is told of, to call again; all others end the run."""
PAINTING = frozenset({"regional_diffuse", "inspect_and_edit"})
"""Tools that go by the plan."""


async def agent(state: State, runtime: Runtime[Context]) -> Json:
    """Ask the chat model for one call of a tool whose precondition holds; the rules, once it cannot be understood."""
    number = state.get("asked", 0)
    key = f"turn {number}"
    async with working(state, runtime, key) as work:
        service, step, recorded = work.service, work.step, work.recorded
        if work.begins_anew:
            return anew(state, work)
        if recorded is None:
            settings = service.settings_of(step.run)
            by = settings.model if state["faults"] <= REPAIRS else OFFLINE
            if by != settings.model:
                why = mistake_in(state["messages"][-1])
                text = f"the offline rules fill in this step for {settings.model}: {why}"
                step.events("filled_in", {"text": text, "by": by})
            recorded = await _asked(state, service, step, by, key)
        mistaken = recorded.get("mistake")
        if mistaken is not None:
            error = mistaken if mistaken["final"] else None
            return {**work.whereabouts, "error": error, "asked": number + 1}
        reply = AIMessage.model_validate(recorded["reply"])
        if reply.id in {message.id for message in state["messages"]}:
            reply.id = None  # a message of the same id would take the place of the earlier one
        answer = one_call(reply, recorded["by"], step.run, number)
        update = {
            **work.whereabouts,
            "messages": [answer],
            "asked": number + 1,
            "turns": state["turns"] + (state["faults"] == 0),
        }
        fault = "" if answer.tool_calls else fault_in(reply)
        if fault:
            mend = HumanMessage(f"Your reply could not be read: {fault}.")
            return {**update, "messages": [answer, mend]}
        if not answer.tool_calls:
            return {**update, "answer": str(answer.text)}
        (call,) = answer.tool_calls
        if call["name"] not in TOOLS:
            said = f"{call['name']} is not a valid tool: there are {', '.join(TOOLS)}"
            unknown = ToolMessage(said, status="error", name=call["name"], tool_call_id=call["id"])
            return {**update, "messages": [answer, unknown]}
        return update


async def _asked(state: State, service: RunService, step: Step, by: str, key: str) -> Json:
    """Ask the model, and record its reply with what it cost, so that it is asked once. Raises what is passing."""
    run = step.run
    stop = Stop(stop_of(run.run_id).is_set, lambda: step.run.left(seconds=step.clock.seconds).seconds <= 0)
    with metered(lambda more: run.left(more).for_models) as meter:
        try:
            reply = await unless(stop, reply_of(service, by, state["messages"][state["since"] :], run))
        except MuralistError as error:
            run = run.took(Turn(by=by, planner=meter.spent, mistake=str(error)))
            stopped = stop_of(run.run_id).is_set()
            if isinstance(error, PASSING) and (stopped or not isinstance(error, Cancelled)):
                await _paused(step, run, error, key)
                raise
            end = isinstance(error, Cancelled | OutOfBudget)  # `verify` knows: late or spent
            if not end:
                step.events("mistake", as_json(error))
                run = run.changed(status="failed", reason=str(error))
            record = {"mistake": {**as_json(error), "final": not end}, "version": step.version + 1}
            await step.save(run, {f"outcome {key}": record}, snapshot=True)
            return record
    spent: Spending = meter.spent.model_copy(update={"calls": max(1, meter.spent.calls)})
    rung = str(reply.response_metadata.get("rung", ""))
    called = reply.tool_calls[0]["name"] if reply.tool_calls else None
    run = run.took(Turn(tool=called, by=by, rung=rung, planner=spent))
    if rung == "forced":
        run = run.changed(mode="pipeline")
    fault = "" if called else fault_in(reply)
    step.events("agent", {"text": "" if fault else str(reply.text), "tool": called, "by": by, "rung": rung})
    if fault:
        step.events("mistake", {"kind": "NoAnswer", "message": fault})
    record = {"reply": reply.model_dump(mode="json"), "by": by, "version": step.version + 1}
    await step.save(run, {f"outcome {key}": record}, snapshot=True)
    return record


def tool_node(name: str) -> Callable[[State, Runtime[Context]], Awaitable[Json]]:
    """The node that does the agent's call of one tool."""

    async def call(state: State, runtime: Runtime[Context]) -> Json:
        return await _called(name, state, runtime)

    call.__name__ = name
    call.__doc__ = TOOLS[name].description
    return call


async def _called(name: str, state: State, runtime: Runtime[Context]) -> Json:
    asking = next(each for each in reversed(state["messages"]) if isinstance(each, AIMessage))
    (call,) = asking.tool_calls
    key = str(call["id"])
    async with working(state, runtime, key, digest_of(name, call["args"])) as work:
        service, step = work.service, work.step
        if work.begins_anew:
            return anew(state, work)
        given = {"recaption": step.run.given.scene, "plan": step.run.given.layout}.get(name) is not None
        by = str(asking.response_metadata.get(BY, OFFLINE))
        person = decided(state)
        caller = CALLER if given or person else by
        outcome = await service.act_within(step, name, call["args"], key, caller, turn=True)
        error = outcome.stopped
        if isinstance(error, Cancelled) and step.run.passed:
            await step.save(step.run.changed(status="done", reason=PASSED), snapshot=True)
            error = None
        elif isinstance(error, PASSING):
            await _paused(step, step.run, error, key)
            raise error
        # What a caller gives is not the agent's to mend.
        unfit = given and not person and isinstance(error, BadScene | BadLayout)
        final = error is not None and (unfit or not _mendable(error, by))
        if final and step.run.status == "open":
            await step.save(step.run.changed(status="failed", reason=str(error)), snapshot=True)
        earlier = superseded(state["messages"]) if "findings" in outcome.data else []
        update = {
            **work.whereabouts,
            "messages": [*earlier, tool_message(outcome, name, key)],
            "error": None if error is None or isinstance(error, OutOfBudget) else as_json(error),
        }
        if error is None:
            update["idle"] = 0 if outcome.changed else state["idle"] + 1
            if name in {"recaption", "plan"}:
                update["approved"] = person or not step.run.options.approve
        return update


def _mendable(error: MuralistError, by: str) -> bool:
    """Whether the run goes on. What the backbone cannot draw is the prompt's fault, unless a model has put it so."""
    if isinstance(error, (OutOfBudget, *MENDABLE)):
        return True
    return isinstance(error, BadPrompt) and by != OFFLINE


async def _paused(step: Step, run: Run, error: MuralistError, key: str) -> None:
    """Keep the run so that it can go on where it is: at what `key` stands for."""
    status = "cancelled" if isinstance(error, Cancelled) else "failed"
    reason = str(error)
    step.events("finished", {"status": status, "reason": reason, "image_id": picture_of(run)})
    try:
        await step.save(run.changed(status=status, paused=True, reason=reason), {f"paused {key}": {}})
    except MuralistError as failure:
        raise mistake("saving the run", failure) from error


async def verify(state: State, runtime: Runtime[Context]) -> Json:
    """Code decides: everything verified, budget spent, nothing left to try; or else the agent goes on."""
    key = f"verdict {state.get('asked', 0)}"
    async with working(state, runtime, key) as work:
        step, run = work.step, work.step.run
        if work.begins_anew:
            return anew(state, work)
        if work.recorded is not None:
            return {**work.whereabouts, "faults": work.recorded["faults"], "ended": work.recorded["ended"]}
        if stop_of(run.run_id).is_set() and run.status == "open":
            if run.passed:
                run = run.changed(status="done", reason=PASSED)
            else:
                stopped = Cancelled(STOPPED)
                await _paused(step, run, stopped, key)
                raise stopped
        said = state["messages"][state["since"] + 1 :]
        fault = mistake_in(said[-1]) if said and not decided(state) else ""
        faults = state["faults"] + 1 if fault else 0
        if fault and run.turns and not run.turns[-1].mistake:
            run = run.turned(mistake=fault)
        end = ending(
            run, turns=state["turns"], idle=state["idle"], faults=faults, answer=state["answer"], mistake=fault
        )  # fmt: skip
        best = run.submitted
        step.events(
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
        record = {"faults": faults, "ended": end is not None, "version": step.version + 1}
        await step.save(run, {f"outcome {key}": record}, snapshot=True)
        return {**work.whereabouts, "faults": faults, "ended": end is not None}


async def finish(state: State, runtime: Runtime[Context]) -> Json:
    """Say how it went, and show the best picture."""
    if not state.get("run_id"):  # it could not be begun
        error = state.get("error") or {}
        return {"messages": [AIMessage(f"Failed: {error.get('message')}.")]}
    async with working(state, runtime, "finish") as work:
        step, run = work.step, work.step.run
        if work.recorded is None:
            if run.status == "open":  # a person did not want it
                run = run.changed(status="cancelled", reason=state.get("answer") or STOPPED)
            step.events("finished", {"status": run.status, "reason": run.reason, "image_id": picture_of(run)})
            await step.save(run, {"outcome finish": {"version": step.version + 1}}, snapshot=True)
        last = AIMessage(closing(run), id=f"{run.run_id}-closing")
        return {**work.whereabouts, "messages": [last], "picture": picture_of(run) or state.get("picture", "")}


def anew(state: State, work: Work) -> Json:
    """What the thread is told of a fork of which it says the wrong: its own beginning, in place of the parent's."""
    last = state["messages"][-1]
    calls = last.tool_calls if isinstance(last, AIMessage) else []
    said = "Not done: another scene, plan or budget was given."
    answers = [ToolMessage(said, name=call["name"], tool_call_id=call["id"]) for call in calls]
    run = work.step.run
    approved = not run.options.approve or run.layout is not None
    return {
        **FRESH, **work.whereabouts, "approved": approved, "since": len(state["messages"]) + len(answers),
        "messages": [*answers, *begun(run)],
    }  # fmt: skip


def after_opening(state: State) -> Literal["agent", "finish", "__end__"]:
    """To the agent; small talk is answered, and a run that could not be begun is told."""
    if state.get("error"):
        return "finish"
    return "__end__" if state.get("ended") else "agent"


def after_agent(
    state: State,
) -> Literal["recaption", "plan", "regional_diffuse", "inspect_and_edit", "approve", "verify"]:
    """To the tool that the agent has called, if it has; nothing is painted before the plan is agreed to."""
    last = state["messages"][-1]
    if not isinstance(last, AIMessage) or not last.tool_calls:
        return "verify"
    name: Any = last.tool_calls[0]["name"]
    if name in PAINTING and not state.get("approved", True):
        return "approve"
    return name  # type: ignore[no-any-return]


def after_plan(state: State) -> Literal["approve", "verify"]:
    """To a person, if one has to agree to the plan; what a person has planned badly is asked again."""
    if state.get("approved", True):
        return "verify"
    return "approve" if not state.get("error") or decided(state) else "verify"


def after_approval(
    state: State,
) -> Literal["plan", "regional_diffuse", "inspect_and_edit", "agent", "verify", "finish"]:
    """As the person has decided."""
    if state.get("ended"):
        return "finish"
    last = state["messages"][-1]
    if isinstance(last, AIMessage) and last.tool_calls:
        name: Any = last.tool_calls[0]["name"]
        return name  # type: ignore[no-any-return]
    return "agent" if isinstance(last, HumanMessage) else "verify"


def after_verdict(state: State) -> Literal["agent", "finish"]:
    """On, until the run has ended."""
    return "finish" if state.get("ended") else "agent"


def build(
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None, *, edits: bool = False
) -> CompiledStateGraph[State, Context, Any, State]:
    """Compile the graph, or with `edits` the one that starts from a picture.

    Runs end by their own bound, so the recursion limit only has to lie above it.
    """
    graph = StateGraph(State, context_schema=Context, input_schema=EditInput if edits else Input)
    opening: Any = open_edit if edits else open_run
    graph.add_node("open", opening)
    graph.add_node("agent", agent)
    for name in TOOLS:
        node: Any = tool_node(name)
        graph.add_node(name, node)
    graph.add_node("approve", approve)
    graph.add_node("verify", verify)
    graph.add_node("finish", finish)
    graph.add_edge(START, "open")
    graph.add_conditional_edges("open", after_opening)
    graph.add_conditional_edges("agent", after_agent)
    for name in TOOLS:
        if name != "plan":
            graph.add_edge(name, "verify")
    graph.add_conditional_edges("plan", after_plan)
    graph.add_conditional_edges("approve", after_approval)
    graph.add_conditional_edges("verify", after_verdict)
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer, name="edit" if edits else "rpg").with_config(
        recursion_limit=3 * MOST_FAULTS * most_turns(50)
    )


graph = build()
edit = build(edits=True)
