"""draw, adraw and stream: a prompt in, a checked picture out; resume and fork go on with an earlier run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any, TypeVar

import anyio

from muralist.agent import Settings
from muralist.runs import wiring
from muralist.runs.events import ignore_event
from muralist.runs.parts import FROZEN, check_same
from muralist.runs.plugs import Plugs
from muralist.runs.service import LOCAL, RunService
from muralist.runs.stopping import Stop
from muralist.tools.errors import BadSettings, Cancelled
from muralist.tools.layout import Grid, Layout
from muralist.tools.run import Event, Run
from muralist.tools.scene import Scene

from .deciding import Decide
from .painting import begun_and_painted
from .result import Result

T = TypeVar("T")
OnEvent = Callable[[Event], None]
PLUGS = ("painter", "inspector", "chat_model", "drafter", "store")


async def adraw(
    prompt: str,
    *,
    seed: int = 0,
    scene: Scene | None = None,
    layout: Layout | Grid | None = None,
    out: Path | str | None = None,
    on_event: OnEvent | None = None,
    decide: Decide | None = None,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **overrides: Any,
) -> Result:
    """Paint what the prompt asks for, check it, and mend it until it holds or the budget is spent.

    `seed`: the first picture's; the same prompt, seed and settings give the same bytes. `scene` and `layout`: take the
    place of the agent's recaption and plan; regions may leave out their instances. `out`: a folder for final.png,
    layout.png, picture-*.png, run.json and report.html; files there that no run wrote are left alone. `on_event` is
    called on the event loop for every step. `decide` is asked about the plan if the settings say `approve`. Setting
    `cancel`, or cancelling the task, stops within one denoising step; what was finished is written, and `aresume` goes
    on. `overrides`: settings by name, such as images, steps, width, backbone or model; and parts as objects: painter,
    inspector, chat_model, drafter, store.

    Raises the MuralistError that ended the run if there is no finished picture to hand over.
    """
    service = service_of(settings, overrides)

    async def begin(stop: Stop) -> Run:
        plan = layout.layout() if isinstance(layout, Grid) else layout
        if stop.is_set():
            raise Cancelled("stopped before anything was begun")
        return await service.open(prompt, seed=seed, scene=scene, layout=plan, on_event=on_event)

    return await begun_and_painted(service, begin, cancel=cancel, out=out, on_event=on_event, decide=decide)


async def aresume(
    run_id: str,
    *,
    out: Path | str | None = None,
    on_event: OnEvent | None = None,
    decide: Decide | None = None,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **overrides: Any,
) -> Result:
    """Go on with a run that was stopped, killed or failed for a passing reason: to the bytes that it would have had.

    Backbone, model, inspector, options and budget are those that it was begun with. A run that has ended gives its
    result again. Raises NotFound, PreconditionFailed while another process works on it, BadSettings for other settings,
    and what `adraw` raises.
    """
    service = service_of(settings, overrides)

    async def begin(stop: Stop) -> Run:
        run = await service.find(run_id, LOCAL)
        check_same(run, _frozen(service, overrides), "leave it out to go on, or draw anew")
        return run

    return await begun_and_painted(service, begin, cancel=cancel, out=out, on_event=on_event, decide=decide)


async def afork(
    run_id: str,
    *,
    at: str | None = None,
    seed: int | None = None,
    rounds: int | None = None,
    images: int | None = None,
    scene: Scene | None = None,
    layout: Layout | Grid | None = None,
    out: Path | str | None = None,
    on_event: OnEvent | None = None,
    decide: Decide | None = None,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **overrides: Any,
) -> Result:
    """Paint a run of its own that begins with what another had after the step `at`.

    `at`: start, recaption, plan or regional_diffuse; left out, as much is kept as the changes allow. Raises
    PreconditionFailed for a step that was never reached, BadSettings for settings other than those that the run was
    begun with, and what `adraw` raises.
    """
    service = service_of(settings, overrides)

    async def begin(stop: Stop) -> Run:
        known = await service.find(run_id, LOCAL)
        check_same(known, _frozen(service, overrides), "leave it out to fork, or draw anew")
        plan = layout.layout() if isinstance(layout, Grid) else layout
        changes = {"seed": seed, "rounds": rounds, "images": images, "scene": scene, "layout": plan}
        run = await service.fork(known.run_id, LOCAL, at, **changes)  # type: ignore[arg-type]
        for event in await service.store.events(run.run_id):
            (on_event or ignore_event)(event)
        return run

    return await begun_and_painted(service, begin, cancel=cancel, out=out, on_event=on_event, decide=decide)


def resume(run_id: str, *, cancel: threading.Event | None = None, **options: Any) -> Result:
    """`aresume` for callers without an event loop, and inside one; takes its arguments."""
    return waited_for(aresume, run_id, cancel=cancel, **options)


def fork(run_id: str, *, cancel: threading.Event | None = None, **options: Any) -> Result:
    """`afork` for callers without an event loop, and inside one; takes its arguments."""
    return waited_for(afork, run_id, cancel=cancel, **options)


def list_runs(limit: int = 20, settings: Settings | None = None) -> list[Run]:
    """The latest runs of the home folder, the newest first."""
    service = RunService(settings_from(settings, {}))
    return _on_a_loop_of_its_own(lambda: service.list(LOCAL, limit)).result()


def draw(prompt: str, *, cancel: threading.Event | None = None, **options: Any) -> Result:
    """`adraw` for callers without an event loop, and inside one (notebooks): it has a thread and a loop of its own.

    Takes the arguments of `adraw`. Ctrl-C stops within one denoising step and writes what was finished.
    """
    return waited_for(adraw, prompt, cancel=cancel, **options)


def waited_for(
    work: Callable[..., Coroutine[Any, Any, T]], *args: Any, cancel: threading.Event | None, **options: Any
) -> T:
    """What `work(*args, cancel=..., **options)` gives, on a thread and a loop of its own."""
    flag = cancel or threading.Event()
    answer = _on_a_loop_of_its_own(lambda: work(*args, cancel=flag, **options))
    try:
        # Not Thread.join: once interrupted, it takes the thread for finished.
        return answer.result()
    except KeyboardInterrupt:
        flag.set()
        wait([answer])
        raise


def _on_a_loop_of_its_own(work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    """What `work` gives, on a thread and an event loop of its own."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(asyncio.run(work()))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="muralist").start()
    return answer


async def stream(prompt: str, *, cancel: threading.Event | None = None, **options: Any) -> AsyncIterator[Event]:
    """The events of `adraw` as they come; the last one has kind `result` and the result's summary as data.

    Takes the arguments of `adraw`. Leaving the loop early stops the run.
    """
    queue: asyncio.Queue[Event | None] = asyncio.Queue()
    on_event: OnEvent | None = options.pop("on_event", None)

    def put_event(event: Event) -> None:
        queue.put_nowait(event)
        if on_event is not None:
            on_event(event)

    drawing = asyncio.ensure_future(adraw(prompt, cancel=cancel, on_event=put_event, **options))
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


def service_of(given: Settings | None, overrides: dict[str, Any]) -> RunService:
    """The service of the settings with the overrides on top, parts given as objects among them. Raises BadSettings."""
    plugs = {name: part for name, part in overrides.items() if name in PLUGS and not isinstance(part, str)}
    names = {name: value for name, value in overrides.items() if name not in plugs}
    if misnamed := sorted(set(names) & (set(PLUGS) - set(Settings.model_fields))):
        raise BadSettings(f"{misnamed[0]} is given as an object: a name goes with backbone, inspector or model")
    return RunService(settings_from(given, names), Plugs(**plugs))


def _frozen(service: RunService, overrides: dict[str, Any]) -> dict[str, Any]:
    """Those of the overrides that a run keeps as it was begun, as its ledger has them."""
    given = {name for name, value in overrides.items() if value is not None}
    return service.plugs.named(service.settings).model_dump(mode="json", include=given & FROZEN)


def settings_from(given: Settings | None, overrides: dict[str, Any]) -> Settings:
    """The given settings, or the environment's, with the overrides on top. Raises BadSettings."""
    changes = {name: value for name, value in overrides.items() if value is not None}
    if given is not None and not changes:
        return given
    return wiring.settings(**({} if given is None else given.model_dump()) | changes)
