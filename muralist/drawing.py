"""draw, adraw and stream: a prompt in, a checked picture out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio

from muralist.agent import Settings
from muralist.graphs import wiring
from muralist.graphs.ending import submitted
from muralist.graphs.rpg import graph
from muralist.graphs.running import new_run
from muralist.graphs.state import Context
from muralist.graphs.stopping import Stop, finished, stoppable
from muralist.tools import errors
from muralist.tools.errors import MuralistError
from muralist.tools.layout import Grid, Layout
from muralist.tools.run import Event, Run
from muralist.tools.scene import Scene

from . import folder
from .result import Result

OnEvent = Callable[[Event], None]


async def adraw(
    prompt: str,
    *,
    seed: int = 0,
    scene: Scene | None = None,
    layout: Layout | Grid | None = None,
    run: Run | None = None,
    out: Path | str | None = None,
    on_event: OnEvent | None = None,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **overrides: Any,
) -> Result:
    """Paint what the prompt asks for, check it, and mend it until it holds or the budget is spent.

    `seed`: the first picture's; the same prompt, seed and settings give the same bytes. `scene` and `layout`: take the
    place of the agent's recaption and plan; regions may leave out their instances. `run`: one that was opened before,
    with its id, owner, options and budget. `out`: a folder for final.png, layout.png, picture-*.png, run.json and
    report.html; files there that no run wrote are left alone. `on_event` is called on the event loop for every step.
    Setting `cancel`, or cancelling the task, stops within one denoising step; what was finished is written.
    `overrides`: settings by name, such as images, steps, width, backbone or model.

    Raises the MuralistError that ended the run if there is no finished picture to hand over.
    """
    chosen = settings_from(settings, overrides)
    stop = Stop() if cancel is None else Stop(cancel.is_set)  # the caller's own event may be for other runs, too
    return await finished(
        _drawn(
            prompt, run or new_run(chosen, seed), scene, layout,
            settings=chosen, place=_place(out), stop=stop, on_event=on_event,
        ),
        stop,
    )  # fmt: skip


def draw(prompt: str, *, cancel: threading.Event | None = None, **options: Any) -> Result:
    """`adraw` for callers without an event loop, and inside one (notebooks): it has a thread and a loop of its own.

    Takes the arguments of `adraw`. Ctrl-C stops within one denoising step and writes what was finished.
    """
    return waited_for(adraw, prompt, cancel=cancel, **options)


def waited_for(
    work: Callable[..., Coroutine[Any, Any, Result]], *args: Any, cancel: threading.Event | None, **options: Any
) -> Result:
    """What `work(*args, cancel=..., **options)` gives, on a thread and a loop of its own."""
    flag = cancel or threading.Event()
    answer: Future[Result] = Future()

    def run() -> None:
        try:
            answer.set_result(asyncio.run(work(*args, cancel=flag, **options)))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="muralist-draw").start()
    try:
        # Not Thread.join: once interrupted, it takes the thread for finished.
        return answer.result()
    except KeyboardInterrupt:
        flag.set()
        wait([answer])
        raise


async def stream(prompt: str, *, cancel: threading.Event | None = None, **options: Any) -> AsyncIterator[Event]:
    """The events of `adraw` as they come; the last one has kind `result` and the result's summary as data.

    Takes the arguments of `adraw`. Leaving the loop early stops the run.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    on_event: OnEvent | None = options.pop("on_event", None)

    def told(event: Event) -> None:
        queue.put_nowait(event)
        if on_event is not None:
            on_event(event)

    drawing = asyncio.ensure_future(adraw(prompt, cancel=cancel, on_event=told, **options))
    drawing.add_done_callback(lambda _: queue.put_nowait(None))
    seq = 0
    try:
        while (event := await queue.get()) is not None:
            seq = event.seq + 1
            yield event
        result = await drawing
        yield Event(run_id=result.run_id, seq=seq, kind="result", data=result.summary())
    finally:
        drawing.cancel()  # nothing happens to one that is done
        with anyio.CancelScope(shield=True):
            await asyncio.gather(drawing, return_exceptions=True)


def _place(out: Path | str | None) -> Path | None:
    return None if out is None else Path(out).expanduser().absolute()


def settings_from(given: Settings | None, overrides: dict[str, Any]) -> Settings:
    """The given settings, or the environment's, with the overrides on top. Raises BadSettings."""
    changes = {name: value for name, value in overrides.items() if value is not None}
    if given is not None and not changes:
        return given
    return wiring.settings(**({} if given is None else given.model_dump()) | changes)


async def _drawn(
    prompt: str,
    run: Run,
    scene: Scene | None,
    layout: Layout | Grid | None,
    *,
    settings: Settings,
    place: Path | None,
    stop: Stop,
    on_event: OnEvent | None,
) -> Result:
    """Run the graph, and write what came of it to `place`."""
    events: list[Event] = []

    def told(event: Event) -> None:
        events.append(event)
        if on_event is not None:
            on_event(event)

    with nullcontext() if place is None else folder.drafted(place) as draft:
        state = await _run(prompt, run, scene, layout, settings=settings, stop=stop, told=told)
        result = await _result(state, settings, events)
        if place is not None and draft is not None:
            result = replace(result, path=place / "final.png")
            await asyncio.to_thread(folder.write, result, draft, place)
    return result


async def _run(
    prompt: str,
    run: Run,
    scene: Scene | None,
    layout: Layout | Grid | None,
    *,
    settings: Settings,
    stop: Stop,
    told: OnEvent,
) -> dict[str, Any]:
    """The graph's last state."""
    given = {
        name: value.model_dump(mode="json", exclude_none=True)
        for name, value in (("scene", scene), ("plan", layout))
        if value is not None
    }
    start: Any = {"prompt": prompt, "run": run.model_dump(mode="json")}
    state: dict[str, Any] = {}
    with stoppable(run.run_id, stop):
        context = Context.of(settings, run.options.seed, **given)
        chunk: Any
        async for mode, chunk in graph.astream(start, context=context, stream_mode=["custom", "values"]):
            if mode == "values":
                state = chunk
            else:
                told(Event.model_validate(chunk))
    return state


async def _result(state: dict[str, Any], settings: Settings, events: list[Event]) -> Result:
    """The result of a run that has ended. Raises its error if it has no picture."""
    run = Run.model_validate(state["run"])
    best = submitted(run)
    if best is None:
        raise _error(state, run)
    store = wiring.store(settings)
    pictures = {attempt.image_id: await store.get_image(attempt.image_id) for attempt in run.attempts}
    return Result(
        image=pictures[best.image_id],
        image_id=best.image_id,
        run=run,
        pictures=pictures,
        events=events,
        conditions=_conditions(settings, run),
    )


def _error(state: dict[str, Any], run: Run) -> MuralistError:
    """The error that a run without a picture ended with."""
    known = state.get("error") or {}
    kind = errors.Cancelled if run.status == "cancelled" else getattr(errors, known.get("kind", ""), MuralistError)
    error = kind(known.get("message") or run.reason)
    return error if isinstance(error, MuralistError) else MuralistError(run.reason)


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("muralist", "torch", "diffusers")}


def _conditions(settings: Settings, run: Run) -> dict[str, Any]:
    """What equal bytes depend on besides the run: versions and what the painter says of itself."""
    painter = wiring.painter(settings)
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
