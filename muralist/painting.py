"""Running the graph on a run that is open, from wherever it stands, and handing over what came of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command, StateSnapshot

from muralist.graphs.rpg import graph as plain
from muralist.graphs.state import Context
from muralist.runs.checkpoints import NAME, prepared
from muralist.runs.leases import holding
from muralist.runs.service import RunService, serving
from muralist.runs.stopping import Stop, finished, stoppable
from muralist.storage import trouble
from muralist.tools import errors
from muralist.tools.colour_modes import put_back
from muralist.tools.errors import MuralistError, StoreError, TakenOver
from muralist.tools.ports import Lease, Store
from muralist.tools.run import Event, Run

from . import folder
from .deciding import Decide, WaitsForDecision
from .result import Result

if TYPE_CHECKING:
    from PIL import Image

WRONG_DECISIONS = 10
"""So many in a row, and nobody is asked any more: a program may give the same one for ever."""


Begin = Callable[[Stop], Awaitable[Run]]
"""Opens, finds or forks the run that is to be painted; given what stops it."""


async def begun_and_painted(
    service: RunService,
    begin: Begin,
    *,
    cancel: threading.Event | None,
    out: Path | str | None,
    on_event: Callable[[Event], None] | None,
    decide: Decide | None,
) -> Result:
    """What every caller in Python does: begin, and paint until it ends, or `cancel` is set, or the task cancelled."""
    stop = Stop() if cancel is None else Stop(cancel.is_set)  # the caller's own event may be for other runs, too

    async def work() -> Result:
        return await painted(service, await begin(stop), out=out, on_event=on_event, decide=decide, stop=stop)

    return await finished(work(), stop)


async def painted(
    service: RunService,
    run: Run,
    *,
    stop: Stop,
    out: Path | str | None = None,
    on_event: Callable[[Event], None] | None = None,
    decide: Decide | None = None,
) -> Result:
    """Run the graph to its end, and write what came of it to `out`. Raises the error of a run without a picture."""
    heard: list[Event] = []

    def on_each(event: Event) -> None:
        heard.append(event)
        if on_event is not None:
            on_event(event)

    place = None if out is None else folder.placed(out)
    with nullcontext() if place is None else folder.drafted(place) as draft:
        error = await _run(service, run, stop, on_each, decide)
        result = await _result(service, run, heard, error)
        if place is not None and draft is not None:
            result = replace(result, path=place / "final.png")
            await asyncio.to_thread(folder.write, result, draft, place)
    return result


async def waits(service: RunService, run: Run) -> bool:
    """Whether a person has to decide about the run's plan before it goes on."""
    async with _checkpoints(service.home) as saver:
        known = await plain.copy({"checkpointer": saver}).aget_state(_thread(run))
    return any(task.interrupts for task in known.tasks)


async def _run(
    service: RunService, run: Run, stop: Stop, on_each: Callable[[Event], None], decide: Decide | None
) -> MuralistError | None:
    """The error that stopped it, if one did."""
    config = _thread(run)
    try:
        async with (
            _checkpoints(service.home) as saver,
            holding(service.store, run.run_id, stop.set) as lease,
        ):
            saver.held = service.store, lease
            with serving(service, run.owner), stoppable(run.run_id, stop):
                graph = plain.copy({"checkpointer": saver})
                known = await graph.aget_state(config)
                if not known.values:
                    _check_begun_here(run)
                given: Any = None if known.values else {"run_id": run.run_id}
                if known.values and not known.tasks:  # `next` leaves out those that are done but for their checkpoint
                    return _told(known.values)
                if any(task.interrupts for task in known.tasks):
                    given = await _decided(service, run, known, decide)
                wrong = 0
                while True:
                    try:
                        async for chunk in graph.astream(
                            given, config, context=Context(), stream_mode="custom", durability="sync"
                        ):
                            on_each(Event.model_validate(chunk))
                    except MuralistError:
                        await saver.check()  # whoever has lost the run hears of that, and of nothing else
                        raise
                    known = await graph.aget_state(config)
                    if not known.tasks:
                        return _told(known.values)
                    wrong = wrong + 1 if _wrong(known) else 0
                    given = await _decided(service, run, known, decide if wrong < WRONG_DECISIONS else None)
    except MuralistError as error:
        error.__notes__ = []  # of the graph's nodes: they say nothing to whoever reads it
        return error


def _thread(run: Run) -> Any:
    return {"configurable": {"thread_id": run.run_id}}


def _check_begun_here(run: Run) -> None:
    """Raise StoreError if the agent was at work on a run whose checkpoints are gone."""
    if run.turns:
        raise StoreError(f"run {run.run_id} has lost its checkpoints: fork it to go on with what it has come to")


def _wrong(state: StateSnapshot) -> str:
    """What was wrong with the decision before, if it is asked for again."""
    asked: Any = next((each.value for task in state.tasks for each in task.interrupts), {})
    return str(asked.get("wrong", "")) if isinstance(asked, dict) else ""


async def _decided(service: RunService, run: Run, state: StateSnapshot, decide: Decide | None) -> Command[Any]:
    """A person's decision about the plan, in the form that the graph takes. Raises WaitsForDecision without one."""
    mistake = _wrong(state)
    waiting = WaitsForDecision(
        f"run {run.run_id} waits for a decision about its plan: resume it with one", run.run_id, mistake
    )
    if decide is None:
        raise waiting
    try:
        decision = decide(await service.load(run.run_id, run.owner))
    except WaitsForDecision:
        raise waiting from None
    return Command(resume={"decisions": [await decision if isinstance(decision, Awaitable) else decision]})


class _Checkpoints(AsyncSqliteSaver):
    """Checkpoints that a process writes only as long as it holds the run.

    What a node writes is kept with the checkpoint that follows it: a node that is done and whose checkpoint is not yet
    written is gone through again, and finds what it has done in the run's journal.
    """

    held: tuple[Store, Lease] | None = None

    async def check(self) -> None:
        """Raise TakenOver if another process holds the run."""
        if self.held is not None:
            store, lease = self.held
            await store.check_held(lease)

    async def aget_tuple(self, config: Any) -> Any:
        with trouble(NAME):
            return await super().aget_tuple(config)

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        await self.check()
        with trouble(NAME):
            return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(self, config: Any, writes: Sequence[Any], task_id: str, task_path: str = "") -> None:
        if any(channel in {INTERRUPT, ERROR, RESUME} for channel, _ in writes):
            await self.check()
            with trouble(NAME):
                await super().aput_writes(config, writes, task_id, task_path)


@asynccontextmanager
async def _checkpoints(home: Path) -> AsyncIterator[_Checkpoints]:
    path = await asyncio.to_thread(prepared, home)
    async with AsyncExitStack() as opened:
        with trouble(NAME):  # and no further: what a caller's own function raises is not of this file
            saver = await opened.enter_async_context(_Checkpoints.from_conn_string(str(path)))
            # After a power cut a thread may be some nodes behind its ledger, never ahead: it goes through them again.
            await saver.conn.execute("PRAGMA synchronous=NORMAL")
        yield cast("_Checkpoints", saver)


def _told(state: dict[str, Any]) -> MuralistError | None:
    """The error that the graph has ended with, if it did."""
    known = state.get("error") or {}
    kind = getattr(errors, known.get("kind", ""), MuralistError)
    return kind(known["message"]) if known else None


async def _result(service: RunService, run: Run, heard: list[Event], error: MuralistError | None) -> Result:
    """The result of a run. Raises its error if it has no picture, or could not be gone on with."""
    if isinstance(error, TakenOver):
        raise error
    run = await service.load(run.run_id, run.owner)
    best = run.submitted
    unresumed = run.status == "open" or (run.paused and run.reason != str(error))
    if best is None or (error is not None and unresumed):
        ended = errors.Cancelled if run.status == "cancelled" else MuralistError
        raise error or ended(run.reason)
    pictures = {attempt.image_id: await service.store.get_image(attempt.image_id) for attempt in run.attempts}
    before = await service.store.events(run.run_id)
    first = heard[0].seq if heard else len(before)
    result = Result(
        image=pictures[best.image_id],
        image_id=best.image_id,
        run=run,
        pictures=pictures,
        events=[*(event for event in before if event.seq < first), *heard],
        conditions=_conditions(service, run),
    )
    original = await service.original(run)
    return result if original is None else replace(result, image=await _in_its_mode(service, result, original))


async def _in_its_mode(service: RunService, result: Result, original: Image.Image) -> Image.Image:
    """What was painted, put back into the picture that was given."""
    width, height = original.size
    parts = [
        (int(box.x0 * width), int(box.y0 * height), ceil(box.x1 * width), ceil(box.y1 * height))
        for box in result.repainted
    ]
    seen = await service.store.get_image(str(result.run.source))
    return await asyncio.to_thread(put_back, original, seen, result.image, parts)


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("muralist", "torch", "diffusers")}


def _conditions(service: RunService, run: Run) -> dict[str, Any]:
    """What equal bytes depend on besides the run: versions and what the painter says of itself."""
    painter = service.ports(run, lambda kind, data: None, Stop()).painter
    settings = service.settings_of(run)
    return {
        **_versions(),
        "backbone": settings.backbone,
        "model": settings.model,
        "inspector": settings.inspector,
        "inspector_model": settings.inspector_model,
        "seed": run.options.seed,
        **({"from_picture": True} if run.source else {}),
        **getattr(painter, "conditions", {}),
    }
