"""Working on the thread's run in a node: where it was left, or, of a thread that was rewound, on a fork of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langgraph.runtime import Runtime

from muralist.runs.events import OnEvent
from muralist.runs.parts import check_same
from muralist.runs.service import LOCAL, RunService, serving_now
from muralist.runs.step import Step
from muralist.tools.errors import BadSettings
from muralist.tools.run import Run

from .given import layout_from, scene_from
from .state import Context, Json, State

FORKABLE = frozenset({"seed", "rounds", "images"})
"""What a fork may change besides scene and layout."""


@dataclass
class Work:
    """A node's hold on its run; `recorded` is what the node did on it before, if it did."""

    service: RunService
    step: Step
    recorded: Json | None = None
    begins_anew: bool = False
    """Whether it is a fork with another scene, plan or budget than the thread tells of: the agent is told anew."""

    def __post_init__(self) -> None:
        self._version = self.step.version

    @property
    def whereabouts(self) -> Json:
        """What the thread remembers of the run after the node: the ledger's version as it was then."""
        known = self.recorded or {}
        unsaved = self.step.version == self._version
        return {
            "run_id": self.step.run.run_id,
            "version": known.get("version", self.step.version) if unsaved else self.step.version,
        }


@asynccontextmanager
async def working(state: State, runtime: Runtime[Context], key: str, args: str | None = None) -> AsyncIterator[Work]:
    """Hold the thread's run while inside.

    A ledger that is further on than the thread has `key` in its journal if the node broke off or was done (with the
    digest `args`, if there is one): then it goes on, or is told again. Else the thread was rewound, or its state or
    context were changed: a fork is minted from the ledger as it was, which may have another seed, rounds, images, scene
    and layout. Raises BadSettings for a context that says anything else than what the run was begun with.
    """
    service, owner = await serving_now(), state.get("owner", LOCAL)
    run, version = await service.store.load_run(state["run_id"], owner)
    changes = _changes(run, runtime.context or Context(), state.get("heard", {}))
    known = await service.store.recall(run.run_id, f"outcome {key}", f"begun {key}", f"paused {key}")
    recorded = known.get(f"outcome {key}")
    other_args = recorded is not None and args is not None and recorded.get("digest") != args
    rewound = version > state["version"] and (not known or _failed(run, recorded, version))
    replaced = not {"scene", "layout"}.isdisjoint(changes)
    if changes or other_args or rewound:
        if key == "finish":
            said = ", ".join(sorted(changes)) or "state"
            raise BadSettings(
                f"run {run.run_id} has ended at this step: to change its {said}, fork from an earlier one"
            )
        run = await service.fork(run.run_id, owner, version=state["version"], whole=not replaced, **changes)
        recorded, version = None, 1
    async with service.step(run.run_id, owner, listener(runtime), (run, version)) as step:
        if step.run.paused:
            step.run = step.run.changed(status="open", paused=False, reason="")
        yield Work(service, step, recorded, bool(changes) and set(changes) != {"seed"})


async def as_it_was(state: State) -> Run:
    """The thread's run as the thread knows it: of one that was rewound, the earlier ledger."""
    service = await serving_now()
    run, version = await service.store.load_run(state["run_id"], state.get("owner", LOCAL))
    return run if version == state["version"] else await service.store.snapshot(run.run_id, state["version"])


def listener(runtime: Runtime[Context]) -> OnEvent:
    """Whoever streams the graph hears of every event, as JSON."""
    return lambda event: runtime.stream_writer(event.model_dump(mode="json"))


def heard(context: Context) -> Json:
    """Seed, scene and layout of a context, in short: what is said again is not said anew."""
    said = {"seed": context.seed, "scene": context.scene, "plan": context.plan}
    return {name: _digest(value) for name, value in said.items() if value is not None}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _failed(run: Run, recorded: Json | None, version: int) -> bool:
    """Whether what was done here ended the run, and the thread was rewound to try again."""
    wrong = recorded is not None and (recorded.get("mistake") or recorded.get("error"))
    return (
        bool(wrong) and run.status == "failed" and not run.paused and version > (recorded or {}).get("version", 0) + 1
    )


def _changes(run: Run, context: Context, known: Json) -> Json:
    """What the context says anew, as a fork takes it. Raises BadSettings for what no fork may change."""
    said = context.said()
    check_same(run, {name: value for name, value in said.items() if name not in FORKABLE})
    has = {"rounds": run.budget.rounds, "images": run.budget.images}
    found: Json = {name: said[name] for name in has if name in said and said[name] != has[name]}
    new = {name for name, digest in heard(context).items() if known.get(name) != digest}
    if "seed" in new and context.seed != run.options.seed:
        found["seed"] = context.seed
    if "scene" in new and (scene := scene_from(context.scene, run.prompt)) != run.given.scene:
        found["scene"] = scene
    if "plan" in new and context.plan is not None:
        layout, given = layout_from(context.plan), run.given.layout
        hidden = {"regions": {"__all__": {"mask", "mask_id"}}}
        if given is None or layout.model_dump(exclude=hidden) != given.model_dump(exclude=hidden):
            found["layout"] = layout
    return found
