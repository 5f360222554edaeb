"""The beginning of a run: what is asked for, and how it is to be painted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime

from muralist.agent.settings import Settings
from muralist.runs import wiring
from muralist.runs.forking import At
from muralist.runs.mistakes import as_json, mistake
from muralist.runs.parts import check_same
from muralist.runs.service import RunService, owner_now, serving_now
from muralist.tools.errors import BadImage, NotFound
from muralist.tools.limits import SEEDS
from muralist.tools.outcome import findings
from muralist.tools.run import Run

from .asking import Asked, asked, latest
from .conversation import BY
from .given import layout_from, scene_from
from .pictures import image_from
from .replies import shown_picture
from .state import Context, Json, State
from .working import FORKABLE, heard, listener

if TYPE_CHECKING:
    from PIL import Image

WELCOME = (
    "I paint pictures and check that they show what was asked for. Say what to paint, such as 'a red apple to the left "
    "of a blue cup'; once there is a picture, say what to change."
)
FRESH: Json = {
    "turns": 0, "idle": 0, "faults": 0, "asked": 0, "answer": None, "error": None, "ended": False, "image": None,
    "wish": "",
}  # fmt: skip
NO_PICTURE = "there is no picture to edit yet: give `image`, as base64, a data: URL or the id of a picture"


async def open_run(state: State, runtime: Runtime[Context]) -> Json:
    """Understand what is asked for, check the settings, and open the run if the caller has not."""
    return await _open(state, runtime, edits=False)


async def open_edit(state: State, runtime: Runtime[Context]) -> Json:
    """The same where a picture has to be there before anything can be asked for."""
    return await _open(state, runtime, edits=True)


async def _open(state: State, runtime: Runtime[Context], *, edits: bool) -> Json:
    messages, context = state.get("messages", []), runtime.context or Context()
    owner = owner_now()
    added: list[AnyMessage] = []
    try:
        service = await serving_now()
        given = await _given(service, state, owner)
        known = given or await _painted(service, state, owner)
        message = latest(messages)
        if given is None and message is None:
            message = HumanMessage(state.get("wish") or state.get("prompt", ""))
            added = [message]
        if given is not None or message is None:
            run = await service.load(state["run_id"], owner)
            added = begun(run)
        else:
            understood = await asyncio.to_thread(_understood, message, state, known, edits=edits)
            if understood.kind == "talk":
                return {**FRESH, "ended": True, "messages": [*added, AIMessage(WELCOME)]}
            run = await _opened(service, runtime, understood, known, state)
            added = [*(added or _without_picture(message, run)), *_had(run)]
        _, version = await service.store.load_run(run.run_id, owner)
    except Exception as caught:
        error = mistake("the start of the run", caught)
        last = latest(messages)
        if last is not None and not isinstance(last.content, str):
            added = [last.model_copy(update={"content": str(last.text)})]
        return {**FRESH, "error": as_json(error), "messages": added, "run_id": "", "version": 0}
    new = {each.id for each in messages}
    kept = len(messages) if message is None or message.id not in new else len(messages) - 1
    return {
        **FRESH,
        "messages": added,
        "since": kept,
        "prompt": run.prompt,
        "run_id": run.run_id,
        "owner": owner,
        "version": version,
        "heard": {} if given is not None else heard(context),
        "approved": not run.options.approve or run.layout is not None,
    }


def begun(run: Run) -> list[AnyMessage]:
    """The conversation of a run that is new to its thread: the prompt, and what it has come to already."""
    return [HumanMessage(run.prompt), *_had(run)]


def _without_picture(message: HumanMessage, run: Run) -> list[AnyMessage]:
    """The message with a sight of the kept picture in place of its bytes, which no checkpoint has to hold."""
    if isinstance(message.content, str) or run.source is None:
        return []
    text = "\n\n".join(filter(None, [run.prompt, shown_picture(run.source, run)]))
    return [message.model_copy(update={"content": text})]


async def _given(service: RunService, state: State, owner: str) -> Run | None:
    """A run that the caller has opened or forked, and that this thread does not know. Raises NotFound."""
    if not state.get("run_id") or "since" in state:
        return None
    return await service.load(state["run_id"], owner)


async def _painted(service: RunService, state: State, owner: str) -> Run | None:
    """The run of the thread's latest picture; None if there is none, or it was removed."""
    if not state.get("picture"):
        return None
    try:
        return await service.run_of(state["picture"], owner)
    except NotFound:
        return None


def _understood(message: HumanMessage, state: State, known: Run | None, *, edits: bool) -> Asked:
    """Raises BadImage."""
    if image := state.get("image"):
        return Asked("edit", str(message.text), image_from(image))
    understood = asked(message, picture=known is not None)
    if not edits or understood.kind in {"talk", "again"} or understood.image is not None:
        return understood
    if known is None:
        raise BadImage(NO_PICTURE)
    return Asked("edit", understood.text)


async def _opened(
    service: RunService, runtime: Runtime[Context], understood: Asked, known: Run | None, state: State
) -> Run:
    context, owner = runtime.context or Context(), owner_now()
    used = state.get("heard", {}) if known is not None else {}
    new = [name for name, digest in heard(context).items() if used.get(name) != digest]
    scene = scene_from(context.scene, understood.text) if "scene" in new else None
    layout = layout_from(context.plan) if "plan" in new and context.plan is not None else None
    if understood.kind == "again" and known is not None:
        check_same(known, {name: value for name, value in context.said().items() if name not in FORKABLE})
        seed = understood.seed
        if seed is None:
            seed = (max(attempt.seed for attempt in known.attempts) + 1) % SEEDS
        at: At = "plan" if layout is None and known.layout is not None else "recaption"
        return await service.fork(known.run_id, owner, at, seed=seed, layout=layout)
    edit = understood.kind == "edit"
    source: Image.Image | str | None = understood.image
    if edit and source is None and known is not None and (picture := known.submitted) is not None:
        source = picture.image_id
    return await service.open(
        understood.text,
        await _settings(service, context, known if edit else None),
        owner=owner,
        seed=context.seed or 0,
        scene=scene,
        layout=layout,
        source=source,
        on_event=listener(runtime),
    )


async def _settings(service: RunService, context: Context, known: Run | None) -> Settings:
    """What the context says, over the earlier run's settings or the environment's. Raises BadSettings."""
    base = service.settings if known is None else service.settings_of(known)
    said = context.said()
    return wiring.settings(**{**base.model_dump(), **said}) if said else base


def _had(run: Run) -> list[AnyMessage]:
    """What a run has come to already, as the conversation of its agent would tell it."""
    steps: list[tuple[str, Mapping[str, Any]]] = []
    if run.scene is not None:
        steps.append(("recaption", {"scene": run.scene.model_dump(mode="json", exclude_defaults=True)}))
    if run.layout is not None and run.scene is not None:
        steps.append(("plan", {"layout": run.layout.model_dump(mode="json", exclude_defaults=True)}))
    best = run.submitted
    if best is not None and run.current:
        found = findings(run, run.attempt(best.image_id)).model_dump(mode="json", exclude_defaults=True)
        steps.append(("inspect_and_edit", {"findings": found}))
    return [message for name, data in steps for message in _kept(name, data, run)]


def _kept(name: str, data: Mapping[str, Any], run: Run) -> Sequence[AnyMessage]:
    said = f"Kept from run {run.parent}." if run.parent else "Done before."
    id = f"{run.run_id[:8]}-kept-{name}"
    call = {"name": name, "args": {}, "id": id, "type": "tool_call"}
    answer = ToolMessage(said, name=name, tool_call_id=id, artifact=dict(data))
    return AIMessage("", tool_calls=[call], response_metadata={BY: "kept"}), answer
