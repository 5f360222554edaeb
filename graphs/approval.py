"""A person's word on the plan, in the form that stock front ends render: approve, edit, reject or respond."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muralist.tools.catalogue import TOOLS, one_line
from muralist.tools.errors import BadLayout, MuralistError
from muralist.tools.matching import with_instances
from muralist.tools.plan import check_layout
from muralist.tools.run import Run

from .conversation import BY
from .replies import shown_plan
from .state import Context, Json, State
from .working import as_it_was

BY_PERSON = "person"


class EditedAction(BaseModel):
    """The plan as a person wants it."""

    name: Literal["plan"] = "plan"
    args: dict[str, Any]


class Approve(BaseModel):
    """Paint it."""

    type: Literal["approve"]


class Edit(BaseModel):
    """Paint another plan: `args` are those of `plan`, a layout or a grid."""

    type: Literal["edit"]
    edited_action: EditedAction


class Reject(BaseModel):
    """Paint nothing; the run ends."""

    type: Literal["reject"]
    message: str = ""


class Respond(BaseModel):
    """Tell the agent what to do better."""

    type: Literal["respond"]
    message: str = Field(min_length=1)


Decision = Approve | Edit | Reject | Respond


class Answer(BaseModel):
    """The answer to the request, of which there is one."""

    model_config = ConfigDict(extra="forbid")

    decisions: list[Annotated[Decision, Field(discriminator="type")]] = Field(min_length=1, max_length=1)


async def approve(state: State, runtime: Runtime[Context]) -> Json:
    """Wait for a person's decision; the node has no effect of its own, since it is run again when there is one.

    A decision that cannot be taken is told (`wrong` of the request), and asked for again.
    """
    run = await as_it_was(state)
    if run.layout is None:
        return {}
    wrong = str((state.get("error") or {}).get("message", ""))
    while True:
        answer = interrupt(_request(run, wrong), response_schema=Answer.model_json_schema())
        try:
            return _taken(_decision(answer, run), state)
        except ValidationError as error:
            wrong = one_line(error)
        except MuralistError as error:
            wrong = str(error)


def decided(state: State) -> bool:
    """Whether the latest call is a person's."""
    last = next((each for each in reversed(state["messages"]) if isinstance(each, AIMessage)), None)
    return last is not None and last.response_metadata.get(BY) == BY_PERSON


def _request(run: Run, wrong: str) -> Json:
    """What a person is asked: the plan as the arguments of `plan`."""
    layout = {} if run.layout is None else run.layout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    lines = [f"{region.prompt}: {region.box}" for region in run.layout.regions] if run.layout else []
    again = f"That decision cannot be taken: {wrong}. Decide again." if wrong else ""
    description = "\n".join(filter(None, [again, "Paint this plan?", *lines, shown_plan(run.run_id)]))
    return {
        "action_requests": [{"name": "plan", "args": {"layout": layout}, "description": description}],
        "review_configs": [
            {"action_name": "plan", "allowed_decisions": ["approve", "edit", "reject", "respond"]}
        ],
        "run_id": run.run_id,
        "wrong": wrong,
    }  # fmt: skip


def _decision(given: Any, run: Run) -> Decision:
    """The decision, alone or as the answer to one request. Raises ValidationError, BadSettings, BadLayout."""
    answer = Answer.model_validate({"decisions": [given]} if isinstance(given, dict) and "type" in given else given)
    decision = answer.decisions[0]
    if isinstance(decision, Edit):
        args = TOOLS["plan"].validated(decision.edited_action.args)
        layout = args.grid.layout() if args.grid else args.layout  # type: ignore[attr-defined]
        if layout is None or (args.grid and args.layout):  # type: ignore[attr-defined]
            raise BadLayout("an edited plan has either a layout or a grid: give one of them")
        if run.scene is not None:
            check_layout(with_instances(layout, run.scene), run.scene)
    return decision


def _taken(decision: Decision, state: State) -> Json:
    """What a decision does to the thread."""
    match decision:
        case Approve():
            return {"approved": True, "error": None}
        case Edit():
            number = f"decision-{state.get('asked', 0)}-{len(state['messages'])}"
            args = decision.edited_action.args
            call = {"name": "plan", "args": args, "type": "tool_call", "id": f"{state['run_id'][:8]}-{number}"}
            refusal = AIMessage("", tool_calls=[call], response_metadata={BY: BY_PERSON})
            return {"messages": [*_put_off(state), refusal], "approved": False, "error": None}
        case Respond():
            return {"messages": [*_put_off(state), HumanMessage(decision.message)], "error": None}
        case Reject():
            said = f": {' '.join(decision.message.split())}" if decision.message.strip() else ""
            return {"messages": _put_off(state), "answer": f"the plan was rejected{said}", "ended": True, "error": None}


def _put_off(state: State) -> list[AnyMessage]:
    """The answer to a call that waits for the decision, if there is one: every call has to have an answer."""
    last = state["messages"][-1]
    calls = last.tool_calls if isinstance(last, AIMessage) else []
    said = "Not done: a person has something to say about the plan first."
    return [ToolMessage(said, name=call["name"], tool_call_id=call["id"]) for call in calls]
