"""The server's application layer, independent of protocol: the run service with owners, limits and a job queue."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from muralist.agent.settings import Settings
from muralist.runs.parts import new_run
from muralist.runs.plugs import NONE, Plugs
from muralist.runs.service import RunService
from muralist.runs.stopping import Stop
from muralist.tools.catalogue import TOOLS
from muralist.tools.errors import BadSettings, MuralistError, NotFound, StoreError
from muralist.tools.job import Job
from muralist.tools.layout import Layout
from muralist.tools.limits import SEEDS
from muralist.tools.outcome import Outcome
from muralist.tools.ports import ImageRecord
from muralist.tools.profile import Profile
from muralist.tools.run import Event, Run
from muralist.tools.scene import Scene
from muralist.tools.value import Value

from .jobs import Jobs, Tell
from .jobs.milestones import ANOTHER
from .readiness import check_ready
from .settings import ServerSettings

if TYPE_CHECKING:
    from PIL import Image

    from muralist import Result
    from muralist.view.view import RunView

LARGER = 16
"""So many times the pixels of the server's own size may be asked for: beyond, backbones take long for little."""
MEASURED = 30.0
"""Seconds for which the size of the home folder is taken as known."""
APART = 1000
"""Between the seeds of two pictures that are asked for at once: no run tries so many."""


class GenerationRequest(Value):
    """What to generate and how; a field that is None takes the server's setting."""

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


class Application:
    """The four tools and the whole loop, on runs that belong to owners. Imports nothing heavy before it is needed."""

    def __init__(self, settings: Settings, limits: ServerSettings, plugs: Plugs = NONE) -> None:
        self.settings = settings
        self.limits = limits
        self.home = Path(settings.home)
        self.service = RunService(settings, plugs)
        self.jobs = Jobs(self.service.store, limits.jobs_at_once, limits.jobs_waiting, limits.jobs_per_owner)
        self.link: Callable[[str, str], str | None] = lambda path, owner: None
        """Where a browser gets what is the owner's, `/images/ID.png` or `/runs/ID`, if anywhere."""
        self.shares_files = False
        """Whether the client reads this machine's files, as over stdio: results then name its pictures' paths."""
        self._measured = (-MEASURED, 0)

    async def recaption(self, fields: dict[str, Any], image_id: str | None, owner: str) -> Outcome:
        """Open a run with a scene; with `image_id`, one that starts from that picture. What fails leaves no run."""
        await self._check_room()
        await self._check_source(image_id, owner)
        run = await self.service.open("", owner=owner, source=image_id, unasked=True)
        try:
            return await self._act(run.run_id, owner, "recaption", fields)
        except MuralistError:
            await self.service.remove(run.run_id, owner)
            raise

    async def plan(self, fields: dict[str, Any], run_id: str, owner: str) -> Outcome:
        """Give a run its layout; not while it is being painted."""
        await self.jobs.check_free(run_id, owner)
        return await self._act(run_id, owner, "plan", fields)

    async def begin(self, name: str, fields: dict[str, Any], run_id: str, owner: str) -> Job:
        """Begin a job that calls a painting tool on a run."""
        await self._check_room()
        await self.service.load(run_id, owner)
        args = TOOLS[name].validated(fields)
        await self._check_limits(steps=getattr(args, "steps", None))

        async def work(tell: Tell, cancel: threading.Event) -> dict[str, Any]:
            limits: dict[str, Any] = {"stop": Stop(cancel.is_set), "seconds": self.settings.seconds}
            outcome = await self._act(run_id, owner, name, args, on_event=_telling(tell), **limits)
            return {"image_id": outcome.data["image_id"], "text": outcome.text}

        return await self.jobs.start(run_id, owner, name, work)

    async def generate(self, request: GenerationRequest, owner: str) -> Job:
        """Begin a job that runs the whole loop, once for each of `images`, at seeds that are far apart."""
        self.jobs.check_room(owner)
        await self._check_room()
        await self._check_limits(steps=request.steps, width=request.width, height=request.height)
        await self._check_source(request.image_id, owner)
        settings = self._settings(request)
        profile = await asyncio.to_thread(self.service.profile_for, settings)
        new_run(settings, profile, request.seed, owner)  # said before anything is kept

        async def opened(number: int) -> Run:
            return await self.service.open(
                request.prompt,
                settings,
                owner=owner,
                seed=(request.seed + APART * number) % SEEDS,
                scene=request.scene,
                layout=request.plan,
                source=request.image_id,
                negative_prompt=request.negative_prompt,
            )

        return await self._queued(await opened(0), owner, [partial(opened, each) for each in range(1, request.images)])

    async def resume(self, run_id: str, owner: str) -> Job:
        """Begin a job that goes on with a run, to its end. Raises NotFound, PreconditionFailed if it has ended."""
        await self.jobs.check_free(run_id, owner)
        self.jobs.check_room(owner)
        await self._check_room()
        run = await self.service.reopen(run_id, owner)
        return await self._queued(run, owner)

    async def _queued(self, first: Run, owner: str, more: Sequence[Callable[[], Awaitable[Run]]] = ()) -> Job:
        """Begin a job that paints a run, and then others, each of which is opened when its turn has come."""

        async def work(tell: Tell, cancel: threading.Event) -> dict[str, Any]:
            results = [await self._drawn(first, tell, cancel)]
            why = ""
            for open_next in more:
                if cancel.is_set():
                    break
                try:
                    run = await open_next()
                    tell(ANOTHER, {"run_id": run.run_id})
                    results.append(await self._drawn(run, tell, cancel))
                except MuralistError as error:
                    why = f" ({error})"
                    break
            if left := len(more) + 1 - len(results):
                seed = (first.options.seed + APART * len(results)) % SEEDS
                why = f"{left} of {len(more) + 1} pictures were not painted, from seed {seed} on{why}."
            best = max(results, key=lambda result: (result.passed, result.score))
            return {"image_id": best.image_id, "images": [result.image_id for result in results], "stopped": why}

        return await self.jobs.start(first.run_id, owner, "generate_image", work)

    async def import_picture(self, picture: Image.Image, owner: str) -> str:
        """Keep a picture that the caller has, as the source of a run without a scene; gives its image id."""
        await self._check_room()
        run = await self.service.open("", owner=owner, source=picture, unasked=True)
        return str(run.source)

    async def run(self, run_id: str, owner: str) -> Run:
        """Raises NotFound, also for another owner's."""
        return await self.service.load(run_id, owner)

    async def run_of(self, image_id: str, owner: str) -> Run:
        """The run that a picture belongs to. Raises NotFound, also for another owner's."""
        return await self.service.run_of(image_id, owner)

    async def picture(self, image_id: str, owner: str) -> Image.Image:
        """At full size. Raises NotFound, also for another owner's."""
        return await self.service.picture(image_id, owner)

    async def metadata(self, image_id: str, owner: str) -> dict[str, Any]:
        """Scene, layout, seed, backbone, parent, verdicts. Raises NotFound, also for another owner's."""
        run = await self.service.run_of(image_id, owner)
        kept = await self.service.store.metadata(image_id)
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
        from muralist.view.view import view_of

        run = await self.service.load(run_id, owner)
        progress = None
        with suppress(NotFound):
            job = await self.jobs.get(run_id, owner)
            progress = job.progress.message if job.live else None
        return view_of(run, address, progress=progress)

    async def pictures(self, owner: str, limit: int, before: int | None = None) -> list[ImageRecord]:
        """The owner's pictures, newest first."""
        return await self.service.store.images(owner, limit, before)

    async def check_ready(self) -> None:
        """Raise MuralistError if nothing could be painted now; without paths or values, for anybody to read."""
        await self._check_room()
        await asyncio.to_thread(check_ready, self.settings)

    def close(self) -> None:
        """Stop all jobs."""
        self.jobs.close()

    def end(self) -> None:
        """Stop all jobs, and let go of the home folder, before the process ends."""
        self.close()
        self.service.store.close()

    async def _act(self, run_id: str, owner: str, tool: str, fields: dict[str, Any] | Value, **how: Any) -> Outcome:
        """Call a tool; raises what went wrong, once what was finished is kept. Nobody can repeat the call."""
        outcome = await self.service.act(run_id, owner, tool, fields, secrets.token_hex(8), **how)
        if outcome.stopped is not None:
            raise outcome.stopped
        return outcome

    async def _drawn(self, run: Run, tell: Tell, cancel: threading.Event) -> Result:
        painted = await asyncio.to_thread(_painted)
        stop = Stop(cancel.is_set)
        return await painted(self.service, run, stop=stop, on_event=_telling(tell))

    def _settings(self, request: GenerationRequest) -> Settings:
        """The server's settings, with what a request says."""
        how = request.model_dump(include={"guidance", "height", "rounds", "steps", "width"}, exclude_none=True)
        return self.settings.model_copy(update=how)

    async def _check_limits(
        self, *, steps: int | None = None, width: int | None = None, height: int | None = None
    ) -> None:
        if steps is not None and steps > self.limits.max_steps:
            raise BadSettings(f"{steps} steps are more than the {self.limits.max_steps} that this server allows")
        if width is None and height is None:
            return  # the painter's own size is the server's choice
        usual, most = await self._most_pixels()
        pixels = (width or usual.width) * (height or usual.height)
        if pixels > most:
            raise BadSettings(f"{pixels} pixels are more than the {most} that this server allows: leave the size out")

    async def _check_source(self, image_id: str | None, owner: str) -> None:
        """Raise BadSettings if a picture to start from is larger than what may be asked for, and NotFound."""
        if image_id is None:
            return
        width, height = (await self.picture(image_id, owner)).size
        _, most = await self._most_pixels()
        if width * height > most:
            raise BadSettings(
                f"picture {image_id} has {width * height} pixels, more than the {most} that this server allows: import "
                "it smaller"
            )

    async def _most_pixels(self) -> tuple[Profile, int]:
        """How the server paints, and how many pixels a caller may have."""
        usual = await asyncio.to_thread(self.service.profile_for, self.settings)
        own = usual.width * usual.height
        return usual, max(own, min(self.limits.max_pixels, LARGER * own))

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


@cache
def _painted() -> Callable[..., Awaitable[Result]]:
    """The graph; what comes with it stays, and is not to be looked through at every garbage collection."""
    from muralist.painting import painted

    gc.collect()
    gc.freeze()
    return painted


def _telling(tell: Tell) -> Callable[[Event], None]:
    return lambda event: tell(event.kind, event.data)


def _size(home: Path) -> int:
    """Bytes of all files in it; those that are gone meanwhile, as a journal or half a picture is, count nothing."""
    total = 0
    for folder, _, names in os.walk(home):
        for name in names:
            with suppress(OSError):
                total += Path(folder, name).lstat().st_size
    return total
