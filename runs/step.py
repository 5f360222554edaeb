"""One piece of work on a run: the ledger, and how it is saved while the work goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from muralist.tools.ports import Lease, Ports, Store
from muralist.tools.run import Run

from .clock import Stopwatch
from .events import Events


class Step:
    """A run that is held: every save is by compare-and-swap, with the events and the seconds of work since the last.

    A tool's call is *replayed* if it broke off: from the ledger that it began with, its inspections remembered, its
    pictures looked up. So nothing is done, counted or charged twice. What was saved in its middle is not saved again: a
    run that is killed at every second save gets on, too.
    """

    def __init__(self, store: Store, run: Run, version: int, lease: Lease, events: Events) -> None:
        self.store = store
        self.run = run
        self.version = version
        self.lease = lease
        self.events = events
        self.clock = Stopwatch()
        self.worked = 0.0
        """Seconds in this step that are saved."""
        self._call_id = ""
        self._start = run
        self._kept = self._kept_before = 0
        self._effects: list[str] = []

    async def recall(self, *keys: str) -> dict[str, Any]:
        """What the run's journal has under those keys."""
        return await self.store.recall(self.run.run_id, *keys)

    async def save(self, run: Run, journal: Mapping[str, Any] | None = None, *, snapshot: bool = False) -> Run:
        """Save the run as it is now; gives it with the seconds of work. Raises StoreError."""
        seconds = self.clock.read_off()
        known = self.run.usage.seconds
        run = run.changed(usage=run.usage.model_copy(update={"seconds": known + seconds}))
        events = self.events.unsaved()
        self.version = await self.store.save_run(
            run, self.version, self.lease, journal=journal, events=events, snapshot=snapshot
        )
        self.events.saved(events)
        self.run, self.worked = run, self.worked + seconds
        return run

    def begin(self, call_id: str, broken_off: Mapping[str, Any] | None = None) -> None:
        """From here on, saves in the middle are those of this call.

        `broken_off`: what the journal has of an earlier try. Then it begins again with that ledger; the seconds of work
        since then count.
        """
        if broken_off is not None:
            start = Run.model_validate(broken_off["run"])
            self.run = start.changed(usage=start.usage.model_copy(update={"seconds": self.run.usage.seconds}))
        self._call_id, self._start, self._effects = call_id, self.run, []
        self._kept, self._kept_before = 0, 0 if broken_off is None else broken_off["saves"]

    def within(self, ports: Ports, caller: str) -> Ports:
        """The ports for the call that was begun."""
        return replace(ports, caller=caller, once=self._once, keep=self._keep, lease=self.lease)

    async def end(self, run: Run, journal: Mapping[str, Any]) -> Run:
        """Save the call's outcome, and forget what was only to be remembered until then."""
        forgotten = dict.fromkeys([f"begun {self._call_id}", *self._effects])
        return await self.save(run, {**forgotten, **journal}, snapshot=True)

    async def pause(self, run: Run) -> Run:
        """Save what a call has come to that goes on later.

        If nothing was kept in its middle it begins again from here, with what it has cost: that is not looked up then.
        """
        anew = not (self._kept or self._kept_before)
        return await self.save(run, dict.fromkeys(self._effects) if anew else None)

    async def _keep(self, run: Run) -> None:
        self._kept += 1
        if self._kept <= self._kept_before:
            self.run = run
        else:
            begun = {"run": self._start.model_dump(mode="json"), "saves": self._kept}
            await self.save(run, {f"begun {self._call_id}": begun})

    async def _once(self, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        name = f"{self._call_id} {key}"
        self._effects.append(name)
        known = await self.recall(name)
        if name in known:
            return known[name]
        done = await work()
        await self.store.record(self.run.run_id, name, done, self.lease)
        return done
