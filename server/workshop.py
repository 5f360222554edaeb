"""What the server does, whatever protocol asks: runs opened, painted as jobs, and looked up, for their owners."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from muralist.agent.settings import Settings
from muralist.graphs.running import new_run
from muralist.graphs.stopping import Stop
from muralist.tools.catalogue import TOOLS
from muralist.tools.errors import BadSettings, Cancelled, MuralistError, NotFound, StoreError
from muralist.tools.layout import Layout
from muralist.tools.limits import SEEDS
from muralist.tools.outcome import Outcome
from muralist.tools.ports import Kept, Ports, Store
from muralist.tools.run import Run
from muralist.tools.scene import Scene, Value

from .jobs import Job, Jobs, Shelf, Tell
from .settings import ServerSettings

if TYPE_CHECKING:
    from PIL import Image

    from muralist import Result

    from .view.view import RunView

LARGER = 16
"""So many times the pixels of the server's own size may be asked for: beyond, backbones take long for little."""
MEASURED = 30.0
"""Seconds for which the size of the home folder is taken as known."""


class Order(Value):
    """What a picture is to show, and how it is to be painted; what is None is as the settings say."""

    prompt: str
    scene: Scene | None = None
    plan: Layout | None = None
    image_id: str | None = Field(default=None, description="A picture to start from.")
    seed: int = 0
    images: int = 1
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    rounds: int | None = None


class Workshop:
    """The tools and the whole loop, on runs that belong to owners. Nothing heavy is imported before it is needed."""

    def __init__(self, settings: Settings, limits: ServerSettings) -> None:
        self.settings = settings
        self.limits = limits
        self.home = Path(settings.home)
        self.jobs = Jobs(Shelf(self.home), limits.jobs_at_once, limits.jobs_waiting)
        self.link: Callable[[str, str], str | None] = lambda path, owner: None
        """Where a browser gets what is the owner's, `/images/ID.png` or `/runs/ID`, if anywhere."""
        self._measured = (-MEASURED, 0)

    async def recaption(self, fields: dict[str, Any], image_id: str | None, owner: str) -> Outcome:
        """Open a run with a scene; with `image_id`, one that starts from that picture."""
        await self._check_room()
        ports = await self._ports()
        run = await self._opened(Order(prompt="", image_id=image_id), owner, ports.store)
        outcome = await TOOLS["recaption"].call(fields, run, ports)
        await ports.store.save_run(outcome.run, 0)
        return outcome

    async def plan(self, fields: dict[str, Any], run_id: str, owner: str) -> Outcome:
        """Give a run its layout; not while it is being painted, or what is painted could not be kept."""
        await self.jobs.check_free(run_id, owner)
        return await self._done("plan", fields, run_id, owner, await self._ports())

    async def begin(self, name: str, fields: dict[str, Any], run_id: str, owner: str) -> Job:
        """Begin a job that calls a painting tool on a run."""
        await self._check_room()
        await self.run(run_id, owner)
        args = TOOLS[name].validated(fields)
        self._check_limits(steps=getattr(args, "steps", None))

        async def work(tell: Tell, cancel: threading.Event) -> dict[str, Any]:
            end = time.monotonic() + self.settings.seconds
            stop = Stop(cancel.is_set, lambda: time.monotonic() >= end)
            try:
                outcome = await self._done(name, args, run_id, owner, await self._ports(tell, stop))
            except Cancelled:
                if cancel.is_set():
                    raise
                raise Cancelled(
                    f"the {self.settings.seconds:g} seconds of a call are used up: ask for fewer steps or candidates"
                ) from None
            return {"image_id": outcome.data["image_id"], "text": outcome.text}

        return await self.jobs.start(run_id, owner, name, work)

    async def generate(self, order: Order, owner: str) -> Job:
        """Begin a job that runs the whole loop, once for each of `images`, at seeds that follow each other."""
        self.jobs.check_room()
        await self._check_room()
        self._check_limits(steps=order.steps, width=order.width, height=order.height)
        store = await self._store()
        orders = [
            order.model_copy(update={"seed": (order.seed + number) % SEEDS, "images": 1})
            for number in range(order.images)
        ]
        runs = [await self._opened(each, owner, store) for each in orders]
        for run in runs:
            await store.save_run(run, 0)

        async def work(tell: Tell, cancel: threading.Event) -> dict[str, Any]:
            results: list[Result] = []
            stopped = ""
            for run in runs:
                try:
                    result = await self._drawn(order, run, tell, cancel)
                    await self._kept(result, owner, store)
                    results.append(result)
                except MuralistError as error:
                    if not results:
                        raise
                    stopped = f"No more were painted from seed {run.options.seed} on: {error}."
                    break
            best = max(results, key=lambda result: (result.passed, result.score))
            return {
                "image_id": best.image_id, "images": [result.image_id for result in results], "stopped": stopped,
            }  # fmt: skip

        return await self.jobs.start(runs[0].run_id, owner, "generate_image", work)

    async def import_picture(self, picture: Image.Image, owner: str) -> str:
        """Keep a picture that the caller has, as the source of a run without a scene; gives its image id."""
        await self._check_room()
        store = await self._store()
        run = await self._with_source(new_run(self.settings, owner=owner), picture, {}, store)
        await store.save_run(run, 0)
        return str(run.source)

    async def run(self, run_id: str, owner: str) -> Run:
        """Raises NotFound, also for another owner's."""
        return (await (await self._store()).load_run(run_id, owner))[0]

    async def run_of(self, image_id: str, owner: str) -> Run:
        """The run that a picture belongs to. Raises NotFound, also for another owner's."""
        try:
            return await self.run(image_id.rpartition("-")[0], owner)
        except NotFound:
            raise NotFound(f"there is no picture {image_id[:80]}") from None

    async def picture(self, image_id: str, owner: str) -> Image.Image:
        """At full size. Raises NotFound, also for another owner's."""
        await self.run_of(image_id, owner)
        return await (await self._store()).get_image(image_id)

    async def metadata(self, image_id: str, owner: str) -> dict[str, Any]:
        """Scene, layout, seed, backbone, parent, verdicts. Raises NotFound, also for another owner's."""
        run = await self.run_of(image_id, owner)
        kept = await (await self._store()).metadata(image_id)
        attempt = next((each for each in run.attempts if each.image_id == image_id), None)
        known = {
            "image_id": image_id,
            "run_id": run.run_id,
            **kept,
            "scene": run.scene and run.scene.model_dump(mode="json", exclude_defaults=True),
            "options": run.options.model_dump(mode="json"),
        }
        return known if attempt is None else {**known, **attempt.model_dump(mode="json", exclude_none=True)}

    async def view(self, run_id: str, owner: str, address: Callable[[str], str]) -> RunView:
        """The run as its page shows it, with the addresses of its pictures. Raises NotFound."""
        from .view.view import view_of

        run = await self.run(run_id, owner)
        progress = None
        with suppress(NotFound):
            job = await self.jobs.get(run_id, owner)
            progress = job.progress.message if job.live else None
        return view_of(run, address, progress=progress)

    async def pictures(self, owner: str, limit: int, before: int | None = None) -> list[Kept]:
        """The owner's pictures, newest first."""
        return await (await self._store()).images(owner, limit, before)

    def close(self) -> None:
        """Stop all jobs."""
        self.jobs.close()

    async def _drawn(self, order: Order, run: Run, tell: Tell, cancel: threading.Event) -> Result:
        size = {"width": run.options.width, "height": run.options.height}
        adraw = await asyncio.to_thread(_adraw)
        return await adraw(
            order.prompt,
            seed=run.options.seed,
            scene=order.scene,
            layout=order.plan,
            run=run,
            on_event=lambda event: tell(event.kind, event.data),
            cancel=cancel,
            settings=self._settings(order).model_copy(update=size),
        )

    def _settings(self, order: Order) -> Settings:
        """The server's settings, with what an order says."""
        how = order.model_dump(include={"guidance", "height", "rounds", "steps", "width"}, exclude_none=True)
        return self.settings.model_copy(update=how)

    async def _kept(self, result: Result, owner: str, store: Store) -> None:
        """Save what the graph could not save, or raise StoreError: a picture that no run knows cannot be shown."""
        run, version = await store.load_run(result.run_id, owner)
        if all(attempt.image_id != result.image_id for attempt in run.attempts):
            await store.save_run(result.run, version)

    async def _opened(self, order: Order, owner: str, store: Store) -> Run:
        """A run with the order's options, and with its picture to start from."""
        run = new_run(self._settings(order), order.seed, owner)
        if order.negative_prompt:
            options = run.options.model_copy(update={"negative_prompt": order.negative_prompt})
            run = run.changed(options=options)
        if order.image_id is None:
            return run
        picture = await self.picture(order.image_id, owner)
        return await self._with_source(run, picture, {"parent": order.image_id}, store)

    async def _with_source(self, run: Run, picture: Image.Image, metadata: dict[str, Any], store: Store) -> Run:
        """The run, starting from that picture, at its size."""
        options = run.options.model_copy(update={"width": picture.width, "height": picture.height})
        source = await store.put_image(run.run_id, picture, {"action": "given", **metadata})
        return run.changed(options=options, source=source)

    async def _done(self, name: str, fields: dict[str, Any] | Value, run_id: str, owner: str, ports: Ports) -> Outcome:
        """Load the run, act, and save it if nobody else did meanwhile."""
        run, version = await ports.store.load_run(run_id, owner)
        try:
            outcome = await TOOLS[name].call(fields, run, ports)
        except MuralistError as error:
            if error.run is not None:  # a picture was finished before it went wrong
                await ports.store.save_run(error.run, version)
            raise
        await ports.store.save_run(outcome.run, version)
        return outcome

    def _check_limits(self, *, steps: int | None = None, width: int | None = None, height: int | None = None) -> None:
        if steps is not None and steps > self.limits.max_steps:
            raise BadSettings(f"{steps} steps are more than the {self.limits.max_steps} that this server allows")
        pixels = (width or self.settings.width) * (height or self.settings.height)
        most = min(self.limits.max_pixels, LARGER * self.settings.width * self.settings.height)
        if pixels > most:
            raise BadSettings(f"{pixels} pixels are more than the {most} that this server allows: leave the size out")

    async def _check_room(self) -> None:
        """Raise StoreError if the home folder is full."""
        when, size = self._measured
        if time.monotonic() - when > MEASURED:
            size = await asyncio.to_thread(_size, self.home)
            self._measured = (time.monotonic(), size)
        if size > self.limits.disk_mb << 20:
            raise StoreError(
                f"the server's {self.limits.disk_mb} MB for pictures are used up: its owner has to make room, or to "
                "raise MURALIST_DISK_MB"
            )

    async def _ports(self, tell: Tell | None = None, cancel: threading.Event | None = None) -> Ports:
        """What a tool is given; made in a thread, since it may import much."""

        def made() -> Ports:
            from muralist.graphs.wiring import ports

            return ports(self.settings, tell or _ignore, cancel or threading.Event())

        return await asyncio.to_thread(made)

    async def _store(self) -> Store:
        """The store alone, which imports far less than all ports do."""

        def made() -> Store:
            from muralist.graphs.wiring import store

            return store(self.settings)

        return await asyncio.to_thread(made)


@cache
def _adraw() -> Callable[..., Awaitable[Result]]:
    """`muralist.adraw`; what comes with it stays, and is not to be looked through at every garbage collection."""
    from muralist import adraw

    gc.collect()
    gc.freeze()
    return adraw


def _ignore(kind: str, data: dict[str, Any]) -> None:
    """Nobody listens."""


def _size(home: Path) -> int:
    """Bytes of all files in it; those that are gone meanwhile, as a journal or half a picture is, count nothing."""
    total = 0
    for folder, _, names in os.walk(home):
        for name in names:
            with suppress(OSError):
                total += Path(folder, name).lstat().st_size
    return total
