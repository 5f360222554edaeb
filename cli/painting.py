"""Painting at the command line: shows how it goes, ends within a step when asked to, and says how to go on."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from muralist.agent.settings import Settings
from muralist.deciding import WaitsForDecision
from muralist.signals import Interruption, interruptible
from muralist.tools.errors import Cancelled, MuralistError

from .approval import Decision, asked, can_ask
from .display import Display
from .errors import Rejected
from .folders import check_writable
from .resuming import resuming
from .standing import SHORT, standing

if TYPE_CHECKING:
    from muralist import Event, Result
    from muralist.tools.run import Run

OUT = Path("out")
"""Where a painting goes if nothing else is said."""
Work = Callable[..., Coroutine[Any, Any, "Result"]]
"""What paints: takes out, on_event, decide, cancel and settings."""


@dataclass(frozen=True)
class Easel:
    """What every painting command is given besides its work."""

    settings: Settings
    console: Console
    out: Path = OUT

    def way_on(self, run_id: str) -> str:
        """The command that goes on with a run, into the same folder."""
        folder = "" if self.out == OUT else f" -o {shlex.quote(str(self.out))}"
        return f"muralist resume {run_id[:SHORT]}{folder}"


def paint(work: Work, easel: Easel, *, run_id: str = "", decision: Decision | None = None) -> Result:
    """Do the work, on the run of that id if there is one already; ask about a plan on a terminal if it waits for that.

    Raises MuralistError; Cancelled after a signal, once what was finished is kept; WaitsForDecision without a terminal.
    """
    check_writable(easel.settings.home, "home folder")
    while True:
        try:
            return _painted(work, easel, run_id, decision)
        except WaitsForDecision as waiting:
            decision = _decision(waiting, easel)
            run_id = waiting.run_id
            work = resuming(run_id)


def _painted(work: Work, easel: Easel, run_id: str, decision: Decision | None) -> Result:
    import_module("muralist.drawing")  # takes a while, and may still be stopped at once

    given = [] if decision is None else [decision]

    def decide(run: Run) -> Decision:
        if not given:  # it waits again
            raise WaitsForDecision
        return given.pop()

    with interruptible() as stop, Display(easel.console) as display:
        heard = _Heard(display, stop, easel)
        if run_id:
            heard.is_of(run_id)
        try:
            result = asyncio.run(
                work(
                    out=easel.out, on_event=heard.show, cancel=stop, settings=easel.settings,
                    decide=decide if given else None,
                )
            )  # fmt: skip
        except WaitsForDecision:
            raise
        except Cancelled as error:
            if not stop.is_set():
                raise Rejected(str(error)) from None
            raise _with_way_on(error, heard.run_id, easel) from None
        except MuralistError as error:
            raise _with_way_on(error, heard.run_id, easel) from None
        stopped = stop.is_set()
    return _handed_over(result, easel, stopped)


class _Heard:
    """Shows events, and remembers which run they are of: if it is to end at once, that is told, too."""

    def __init__(self, display: Display, stop: Interruption, easel: Easel) -> None:
        self.run_id = ""
        self._display, self._stop, self._easel = display, stop, easel

    def is_of(self, run_id: str) -> None:
        self.run_id = run_id
        self._stop.way_on = self._easel.way_on(run_id)

    def show(self, event: Event) -> None:
        self.is_of(event.run_id)
        self._display.show(event)


def _handed_over(result: Result, easel: Easel, stopped: bool) -> Result:
    """The result, unless the run was stopped; what is to be known besides is said."""
    out, console, run = easel.out, easel.console, result.run
    place = out if result.path is None else result.path.parent
    if run.paused:
        way_on = easel.way_on(run.run_id)
        if run.status == "cancelled":
            raise Cancelled(f"stopped; what was finished is in {place}; go on with: {way_on}")
        console.print(Text(f"{run.reason}; go on with: {way_on}", style="yellow"), soft_wrap=True)
    elif run.status == "cancelled":
        raise Rejected(run.reason)
    if stopped:
        raise Cancelled(f"stopped when all was done: it is in {place}")
    if place != out.expanduser().absolute():
        console.print(Text(f"{out} holds the given picture, which stays: the result is in {place}"), soft_wrap=True)
    return result


def _with_way_on(error: MuralistError, run_id: str, easel: Easel) -> MuralistError:
    """The error, and the command that leads on where it was a passing one."""
    from muralist.runs.service import LOCAL, RunService

    service = RunService(easel.settings)
    try:
        known = asyncio.run(_standing(service, run_id, LOCAL)) if run_id else None
    except MuralistError:  # the store is what failed
        known = None
    if known is None or not (known.resumable or known.lost or known.adrift):
        return error
    way_on = easel.way_on(run_id) if known.resumable else known.next[0]
    return type(error)(f"{error}; go on with: {way_on}")


async def _standing(service: Any, run_id: str, owner: str) -> Any:
    return await standing(service, await service.load(run_id, owner))


def _decision(waiting: WaitsForDecision, easel: Easel) -> Decision:
    """A person's, by the terminal. Raises WaitsForDecision where there is none, saying how to go on."""
    way_on = easel.way_on(waiting.run_id)
    if can_ask():
        from muralist.runs.service import LOCAL, RunService

        run = asyncio.run(RunService(easel.settings).load(waiting.run_id, LOCAL))
        decision = asked(run, easel.console, waiting.mistake, way_on)
        if decision is not None:
            return decision
    wrong = f"that plan cannot be painted: {waiting.mistake}; " if waiting.mistake else ""
    message = f"{wrong}the plan waits for approval; go on with: {way_on} --decide approve|reject|'respond: …'|edit:FILE"
    raise WaitsForDecision(message, waiting.run_id, waiting.mistake)
