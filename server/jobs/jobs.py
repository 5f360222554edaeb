"""The jobs of one server: a bounded queue, and a thread of their own on which they are worked at."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from muralist.tools.errors import Busy, Cancelled, MuralistError, NotFound, PreconditionFailed, StoreError
from muralist.tools.job import INTERRUPTED, Job
from muralist.tools.ports import Store

from .milestones import after
from .queue import Queue

Tell = Callable[[str, dict[str, Any]], None]
"""Takes an event's kind and data, from any thread."""
Work = Callable[[Tell, threading.Event], Awaitable[dict[str, Any]]]
"""What a job does; it gives back ids and text, and stops within one denoising step once the event is set."""

Report = Callable[[Job], Awaitable[None]]

HEARTBEAT = 5.0
"""Seconds after which whoever waits hears of a job even if nothing has changed."""
KEPT = 1.0
"""Seconds between two writes of a job's progress."""
LOOK = 0.5
"""Seconds between two looks at a job of another server."""
REMEMBERED = 256
"""Finished jobs that are kept in memory, too."""

log = logging.getLogger(__name__)


class Live:
    """A job of this server that is not finished, or was finished lately."""

    def __init__(self, job: Job, work: Work) -> None:
        self.job = job
        self.work = work
        self.stop = threading.Event()
        self.interrupted = False
        self._listeners: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Take in one event of the run."""
        with self._lock:
            self.job = after(self.job, kind, data)
        self._notify()

    def change(self, **fields: Any) -> None:
        """Give the job other fields."""
        with self._lock:
            self.job = self.job.changed(**fields)
        self._notify()

    def _notify(self) -> None:
        for listener in list(self._listeners):
            with suppress(RuntimeError):  # that loop is closed: nobody waits on it any more
                listener()

    @contextmanager
    def changes(self) -> Iterator[asyncio.Event]:
        """An event of the caller's own event loop that is set by every change."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def listener() -> None:
            loop.call_soon_threadsafe(changed.set)

        self._listeners.add(listener)
        try:
            yield changed
        finally:
            self._listeners.discard(listener)


class Jobs:
    """`at_once` jobs are worked at at a time, and `waiting` may wait, each owner's in turn; `per_owner` of one owner.

    They run on an event loop and thread of their own: no call, connection or client's timeout ends them, and what they
    compute does not keep the protocol waiting.
    """

    def __init__(self, store: Store, at_once: int, waiting: int, per_owner: int = 10_000) -> None:
        self.store = store
        self.at_once = at_once
        self.waiting = waiting
        self.per_owner = per_owner
        self._known: OrderedDict[str, Live] = OrderedDict()
        self._queue: Queue[Live] = Queue()
        self._working: dict[asyncio.Task[None], Live] = {}
        self._seconds: deque[float] = deque(maxlen=20)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, job_id: str, owner: str, tool: str, work: Work) -> Job:
        """Queue up work on a run, and write it down.

        Raises PreconditionFailed if the run is being worked on, Busy if as many are waiting as may, StoreError.
        """
        await self.check_free(job_id, owner)
        live = Live(Job(job_id=job_id, owner=owner, tool=tool, created=time.time()), work)
        with self._lock:
            known = self._known.get(job_id)
            if known is not None and known.job.live:
                raise _occupied(known.job)
            self.check_room(owner)
            self._known[job_id] = live
            self._known.move_to_end(job_id)
        # A caller that gives up by now has begun the job all the same: else it would hold its place for ever.
        return await asyncio.shield(self._begun(live))

    async def check_free(self, job_id: str, owner: str) -> None:
        """Raise PreconditionFailed if the run is being worked on, by this server or another one."""
        for live in list(self._known.values()):
            if live.job.live and job_id in live.job.others and live.job.owner == owner:
                raise _occupied(live.job)
        with suppress(NotFound):
            job = await self.get(job_id, owner)
            if job.live:
                raise _occupied(job)

    def check_room(self, owner: str) -> None:
        """Raise Busy if as many are waiting as may, of this owner or of all."""
        live = [each.job for each in list(self._known.values()) if each.job.live]
        own = sum(job.owner == owner for job in live)
        if own >= self.per_owner:
            raise Busy(f"{own} of your jobs are not finished, and no more may be: wait for one with get_job")
        unfinished = len(live)
        if unfinished >= self.at_once + self.waiting:
            raise Busy(
                f"the server is busy: {unfinished} jobs are not finished, and no more may wait; try again in "
                f"{self._about(unfinished / self.at_once)}"
            )

    async def get(self, job_id: str, owner: str) -> Job:
        """The job as it is now. Raises NotFound, also for another owner's."""
        live = self._mine(job_id, owner)
        return live.job if live else await asyncio.to_thread(self.store.get_job, job_id, owner)

    async def wait(self, job_id: str, owner: str, seconds: float, report: Report) -> Job:
        """The job once it has ended, or as it is after `seconds`.

        Meanwhile `report` is awaited after changes, and every few seconds. To stop waiting leaves the job alone. Raises
        NotFound.
        """
        end = time.monotonic() + seconds
        live = self._mine(job_id, owner)
        with live.changes() if live else nullcontext(asyncio.Event()) as changed:
            while (job := await self.get(job_id, owner)).live and (left := end - time.monotonic()) > 0:
                await report(job)
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, HEARTBEAT if live else LOOK)):
                        await changed.wait()
                changed.clear()
        return job

    async def ids(self, owner: str, beginning: str, limit: int) -> list[str]:
        """Ids of the owner's jobs that begin so, newest first."""
        return await asyncio.to_thread(self.store.job_ids, owner, beginning, limit)

    async def latest(self, owner: str) -> str:
        """Id of the owner's latest job. Raises NotFound if there is none."""
        found = await self.ids(owner, "", 1)
        if not found:
            raise NotFound("there is no job yet")
        return found[0]

    async def cancel(self, job_id: str, owner: str) -> Job:
        """Stop it: at once if it waits, else within one denoising step; one that is finished stays as it is."""
        job = await self.get(job_id, owner)
        if not job.live:
            return job
        live = self._mine(job_id, owner)
        if live is None:
            await asyncio.to_thread(self.store.ask_to_cancel, job_id)
            return job
        live.stop.set()
        self._on_loop(self._drop_cancelled)
        return live.job

    def wait_for(self, job: Job) -> str:
        """What a queued job waits for, in words."""
        with self._lock:
            working = sum(each.job.status == "working" for each in self._known.values())
        place = self._queue.place(lambda live: live.job.job_id == job.job_id)
        ahead = working + (place or 0)
        if not ahead:
            return "about to begin"
        return f"waiting behind {ahead} jobs, {self._about(ahead / self.at_once)}"

    def close(self, patience: float = 15.0) -> None:
        """Stop everything, as interrupted; returns once it has stopped, after `patience` seconds at the latest."""
        loop = self._loop
        if loop is not None:
            with self._lock:
                unfinished = [each for each in self._known.values() if each.job.live]
            for live in unfinished:
                live.interrupted = True
                live.stop.set()
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._ended(), loop).result(patience)
            loop.call_soon_threadsafe(loop.stop)
            self._loop = None

    def _mine(self, job_id: str, owner: str) -> Live | None:
        """The job if it is this server's and the owner's own."""
        live = self._known.get(job_id)
        return live if live is not None and live.job.owner == owner else None

    def _about(self, rounds: float) -> str:
        """How long so many jobs one after the other take, in words."""
        if not self._seconds:
            return "some minutes"
        return f"about {max(1, round(rounds * sum(self._seconds) / len(self._seconds)))} seconds"

    def _on_loop(self, act: Callable[..., object], *args: Any) -> None:
        """Have the jobs' own thread do it; the first time, begin that thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="jobs", daemon=True).start()
        self._loop.call_soon_threadsafe(act, *args)

    async def _begun(self, live: Live) -> Job:
        """Written down, so that it survives a restart, and only then queued."""
        try:
            await asyncio.to_thread(self.store.put_job, live.job)
        except BaseException:
            with self._lock:
                del self._known[live.job.job_id]
            raise
        self._on_loop(self._enqueue, live)
        return live.job

    def _enqueue(self, live: Live) -> None:
        self._queue.append(live.job.owner, live)
        self._advance()

    def _advance(self) -> None:
        """Begin what can be begun."""
        while self._queue and len(self._working) < self.at_once:
            live = self._queue.pop()
            task = asyncio.get_running_loop().create_task(self._worked(live))
            self._working[task] = live
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self._advance()

    def _drop_cancelled(self) -> None:
        """Those that wait and are to stop end without a place of their own."""
        for live in [each for each in self._queue.all() if each.stop.is_set()]:
            self._queue.remove(live.job.owner, live)
            task = asyncio.get_running_loop().create_task(self._ended_as(live, _stopped(live)))
            self._working[task] = live
            task.add_done_callback(self._over)

    async def _ended(self) -> None:
        self._drop_cancelled()
        while self._working or self._queue:
            await asyncio.wait(list(self._working))

    async def _worked(self, live: Live) -> None:
        """Do the work, and write down how it goes."""
        began = time.monotonic()
        if live.stop.is_set():
            await self._ended_as(live, _stopped(live))
            return
        live.change(status="working")
        over = asyncio.Event()
        keeping = asyncio.ensure_future(self._keep(live, over))
        try:
            result = await live.work(live.tell, live.stop)
            end = {**(_stopped(live) if live.stop.is_set() else {"status": "done"}), "result": result}
        except Cancelled as error:
            end = _stopped(live) if live.stop.is_set() else {"status": "failed", "error": str(error)}
        except MuralistError as error:
            end = {"status": "failed", "error": str(error)}
        except Exception:
            log.exception("job %s (%s) failed", live.job.job_id, live.job.tool)
            end = {
                "status": "failed",
                "error": "it failed for a reason that is not your fault; the server's log has it",
            }
        over.set()
        await keeping  # not cancelled: a write that is under way could come after that of the end
        if end["status"] == "done":
            self._seconds.append(time.monotonic() - began)
        await self._ended_as(live, end)

    async def _keep(self, live: Live, over: asyncio.Event) -> None:
        """Write its progress down now and then, and look whether another server was asked to cancel it."""
        while not over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(KEPT):
                    await over.wait()
                    return
            try:
                if await asyncio.to_thread(self.store.put_job, live.job):
                    live.stop.set()
            except StoreError as error:
                log.warning("job %s: %s", live.job.job_id, error)

    async def _ended_as(self, live: Live, end: dict[str, Any]) -> None:
        """Written down first, then told: whoever hears of it can read it."""
        end = {**end, "finished": time.time()}
        try:
            await asyncio.to_thread(self.store.put_job, live.job.changed(**end))
        except StoreError as error:
            log.warning("job %s: %s", live.job.job_id, error)
        live.change(**end)
        with self._lock:
            finished = [job_id for job_id, each in self._known.items() if not each.job.live]
            for job_id in finished[:-REMEMBERED]:
                del self._known[job_id]


def _occupied(job: Job) -> PreconditionFailed:
    return PreconditionFailed(
        f"run {job.job_id} is being worked on by {job.tool}: call get_job with job_id {job.job_id} until it is "
        "finished, or cancel_job"
    )


def _stopped(live: Live) -> dict[str, Any]:
    if live.interrupted:
        return {"status": "failed", "error": INTERRUPTED}
    return {"status": "cancelled", "error": "cancelled; what was finished is kept"}
