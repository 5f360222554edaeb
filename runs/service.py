"""The run service: what every door calls to open, act on, resume, fork, list and remove runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muralist.tools import errors
from muralist.tools.abilities import check_edits
from muralist.tools.catalogue import TOOLS, offered
from muralist.tools.drawing import draw_layout
from muralist.tools.errors import (
    Busy,
    Cancelled,
    MuralistError,
    NotFound,
    Outage,
    PreconditionFailed,
    StoreError,
)
from muralist.tools.layout import Layout
from muralist.tools.masks import packed
from muralist.tools.outcome import Outcome
from muralist.tools.plan import check_spec
from muralist.tools.ports import PaintSpec, Ports, Store
from muralist.tools.profile import Profile
from muralist.tools.recaption import check_prompt, check_text
from muralist.tools.run import Given, Run
from muralist.tools.scene import Scene
from muralist.tools.usage import spent_by_tool
from muralist.tools.value import Value
from muralist.tools.verdict import CALLER

from . import wiring
from .events import Events, OnEvent, ignore_event
from .forking import At, forked, reached
from .leases import holding, is_held
from .mistakes import as_json, mistake
from .parts import new_run, profile_for, settings_of
from .plugs import NONE, Plugs
from .step import Step
from .stopping import Stop, stop_of

if TYPE_CHECKING:
    from PIL import Image

    from muralist.agent import Settings
    from muralist.tools.ports import Lease

PASSING = (Cancelled, Outage, StoreError, Busy)
"""What stops a run that can go on later, where it was; all other errors are final."""
ORIGINAL = {"action": "given", "original": True}
"""The metadata of a picture as it was given, of which painters see less."""
LOCAL = "local"
"""The owner of what is begun without a server."""


class RunService:
    """Runs in one home folder. Nothing heavy is imported before it is needed.

    `settings` are those of this environment; every run has its own frozen into its ledger. `plugs` are parts that are
    given as objects.
    """

    def __init__(self, settings: Settings, plugs: Plugs = NONE) -> None:
        self.settings = settings
        self.plugs = plugs
        self.home = Path(settings.home)

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self.plugs.store or wiring.store(self.settings)

    def settings_of(self, run: Run) -> Settings:
        """The settings that a run was begun with. Raises BadSettings."""
        return settings_of(run, self.settings)

    def profile_for(self, settings: Settings) -> Profile:
        """How a picture is painted by these settings: what they leave out is the painter's own. Raises BadSettings.

        May read small files, and fetch them if the painter is on the hub.
        """
        return profile_for(settings, self.plugs.painter or wiring.painter(settings))

    def ports(self, run: Run, events: Callable[[str, dict[str, Any]], None], cancel: Stop) -> Ports:
        """The parts that a run was begun with. Raises BadSettings; loads no weights, but may import much."""
        self.plugs.check(run)
        return wiring.ports(self.settings_of(run), self.store, events, cancel, self.plugs)

    async def open(
        self,
        prompt: str,
        settings: Settings | None = None,
        *,
        owner: str = LOCAL,
        seed: int = 0,
        scene: Scene | None = None,
        layout: Layout | None = None,
        source: Image.Image | str | None = None,
        negative_prompt: str = "",
        unasked: bool = False,
        on_event: OnEvent | None = None,
    ) -> Run:
        """Open a run, and freeze into its ledger how it is painted; nothing is asked of a model yet.

        `source`: a picture to start from, or the id of one of the owner's; what an upright picture of another mode than
        RGB has besides is kept, for `original`. `unasked`: without a prompt, which
        `recaption` brings. Raises what is wrong with any of it; then there is no run.
        """
        chosen = settings or self.settings
        if not unasked:
            check_prompt(prompt)
        check_text(negative_prompt, "negative prompt")
        parent = source if isinstance(source, str) else None
        picture = await self._stored(source, owner) if isinstance(source, str) else source
        if picture is not None:
            chosen = chosen.model_copy(update={"width": picture.width, "height": picture.height})
        profile = await asyncio.to_thread(self.profile_for, chosen)
        run = new_run(self.plugs.named(chosen), profile, seed, owner, prompt=prompt)
        if negative_prompt:
            run = run.changed(options=run.options.model_copy(update={"negative_prompt": negative_prompt}))
        run = run.changed(given=Given(scene=scene, layout=layout))
        if not unasked:
            await asyncio.to_thread(self._check_parts, run, picture is not None)
        async with holding(self.store, run.run_id, lambda: None) as lease:
            if picture is not None:
                run = run.changed(source=await self._keep(run.run_id, picture, parent, lease))
            events = Events(lease, on_event or ignore_event)
            events("opened", {"prompt": prompt, **_settings_data(run)})
            run = await self._packed(run)
            await self.store.save_run(run, 0, lease, events=events.unsaved(), snapshot=True)
        return run

    async def _packed(self, run: Run) -> Run:
        """The run with the masks of its caller's layout in the store; just before it is saved, or they may go again."""
        layout = run.given.layout
        if layout is None:
            return run
        return run.changed(given=run.given.model_copy(update={"layout": await packed(layout, self.store)}))

    async def _keep(self, run_id: str, picture: Image.Image, parent: str | None, lease: Lease) -> str:
        """Store the picture that a run starts from, as painters see it; and as it was, if that is more."""
        seen = await asyncio.to_thread(_seen, picture)
        metadata = {"action": "given", **({"parent": parent} if parent else {})}
        source = await self.store.put_image(run_id, seen, metadata, lease)
        if seen is not picture:
            await self.store.put_image(run_id, picture, ORIGINAL, lease)
        return source

    async def original(self, run: Run) -> Image.Image | None:
        """The picture that a run started from, as it was given; None if a painter sees all of it."""
        kept = await self.store.find_image(run.run_id, ORIGINAL)
        return None if kept is None else await self.store.get_image(kept)

    def _check_parts(self, run: Run, from_picture: bool = False) -> None:
        ports = self.ports(run, lambda kind, data: None, Stop())
        self.plugs.chat_model or wiring.chat_model(self.settings_of(run))
        check_spec(_blank(run), ports.painter)
        if from_picture:
            check_edits(ports.painter)

    @asynccontextmanager
    async def step(
        self, run_id: str, owner: str, on_event: OnEvent = ignore_event, known: tuple[Run, int] | None = None
    ) -> AsyncIterator[Step]:
        """Work on a run: hold it, load it, and have its events numbered. Raises NotFound, PreconditionFailed.

        `known`: the run as it was loaded just now, with its version; it is still so if the run was held then, too.
        """
        stop, was_held = stop_of(run_id), is_held(run_id)
        if not was_held and known is None:
            await self.store.load_run(run_id, owner)  # before anything is written about it
        async with holding(self.store, run_id, stop.set) as lease:
            run, version = known if known and was_held else await self.store.load_run(run_id, owner)
            yield Step(self.store, run, version, lease, Events(lease, on_event))

    async def act(
        self,
        run_id: str,
        owner: str,
        tool: str,
        arguments: dict[str, Any] | Value,
        call_id: str,
        *,
        caller: str = CALLER,
        on_event: OnEvent = ignore_event,
        stop: Stop | None = None,
        seconds: float | None = None,
    ) -> Outcome:
        """Call a tool on a run, once: a repeated `call_id` gives the recorded outcome, one that broke off goes on.

        What goes wrong is told in the outcome, whose run has whatever was finished. `seconds`: of work that this call
        may take besides. Raises NotFound and PreconditionFailed for a run that cannot be worked on, and StoreError.
        """
        async with self.step(run_id, owner, on_event) as step:
            return await self.act_within(step, tool, arguments, call_id, caller, stop=stop, seconds=seconds)

    async def act_within(
        self,
        step: Step,
        tool: str,
        arguments: dict[str, Any] | Value,
        call_id: str,
        caller: str,
        *,
        stop: Stop | None = None,
        seconds: float | None = None,
        turn: bool = False,
    ) -> Outcome:
        """`act` for who holds the run already; `turn`: it belongs to the agent's latest turn, whose cost it is."""
        digest = digest_of(tool, arguments)
        known = await step.recall(f"outcome {call_id}", f"begun {call_id}")
        if (recorded := known.get(f"outcome {call_id}")) is not None:
            return await self._recorded(step.run, tool, recorded, digest, call_id)
        step.begin(call_id, known.get(f"begun {call_id}"))
        flag = stop or Stop(stop_of(step.run.run_id).is_set)

        def late() -> bool:
            return not step.run.left(seconds=step.clock.seconds).seconds > 0 or (
                seconds is not None and step.worked + step.clock.seconds >= seconds
            )

        start, changed = step.run, False
        try:
            ports = await asyncio.to_thread(self.ports, start, step.events, Stop(flag.is_set, late))
            outcome = await TOOLS[tool].call(arguments, start, step.within(ports, caller))
            changed = outcome.run.changed(usage=start.usage) != start
            if turn and outcome.stopped is None and not changed and not start.attempts:
                raise PreconditionFailed(f"{tool} changed nothing: {offered(start)[-1]} comes next")
        except Exception as caught:
            error = mistake(f"tool {tool}", caught)
            outcome = Outcome(step.run, str(error), stopped=error)
        stopped: MuralistError | None = outcome.stopped
        if isinstance(stopped, Cancelled) and not flag.is_set() and late():
            limit = step.run.left(seconds=step.clock.seconds).for_work
            stopped = errors.OutOfBudget(limit or f"the {seconds:g} seconds of a call are used up: ask for fewer steps")
        run = outcome.run
        if stopped is None:
            step.events("tool", {"tool": tool, "text": outcome.text})
        else:
            step.events("mistake", {"tool": tool, **as_json(stopped)})
        if turn:
            cost = spent_by_tool(start.usage, run.usage)
            run = run.turned(drafted_by=outcome.data.get("drafted_by", ""), **cost)
        if isinstance(stopped, PASSING):
            await step.pause(run)
            return Outcome(step.run, outcome.text, outcome.data, outcome.picture, stopped)
        record = {
            "digest": digest,
            "text": outcome.text,
            "data": outcome.data,
            "error": None if stopped is None else as_json(stopped),
            "changed": changed,
            "version": step.version + 1,
        }
        await step.end(run, {f"outcome {call_id}": record})
        return Outcome(step.run, outcome.text, outcome.data, outcome.picture, stopped, changed)

    async def _recorded(self, run: Run, tool: str, record: Mapping[str, Any], digest: str, call_id: str) -> Outcome:
        if record["digest"] != digest:
            raise PreconditionFailed(f"call {call_id} was made with other arguments: give it another call_id")
        known = record["error"]
        error = None if known is None else getattr(errors, known["kind"], MuralistError)(known["message"])
        picture = None
        if run.layout is not None and tool == "plan":
            picture = draw_layout(run.layout, 256, 256)
        elif shown := run.best_id or record["data"].get("image_id"):
            picture = await self.store.get_image(shown)
        return Outcome(run, record["text"], record["data"], picture, error, record["changed"])

    async def fork(
        self,
        run_id: str,
        owner: str,
        at: At | None = None,
        *,
        version: int | None = None,
        whole: bool = False,
        **changes: Any,
    ) -> Run:
        """Mint a run that begins with what another one had come to; changes are those of `forking.forked`.

        `version`: of the run as it was then, not as it is now; `whole`: keep all that it had come to.
        """
        run, _ = await self.store.load_run(run_id, owner)
        if version is not None:
            run = await self.store.snapshot(run_id, version)
        if whole:
            at = reached(run)[-1]
        child = forked(run, Run.open().run_id, at, **changes)
        await asyncio.to_thread(self._check_parts, child)
        async with holding(self.store, child.run_id, lambda: None) as lease:
            await self.store.copy_images(run_id, child.run_id)
            events = Events(lease, ignore_event)
            events("opened", {"prompt": child.prompt, "parent": run_id, **_settings_data(child)})
            child = await self._packed(child)
            await self.store.save_run(child, 0, lease, events=events.unsaved(), snapshot=True)
        return child

    async def reopen(self, run_id: str, owner: str) -> Run:
        """Have a run that was stopped or failed go on. Raises PreconditionFailed if it has ended for good."""
        async with self.step(run_id, owner) as step:
            if step.run.status == "open":
                return step.run
            if not step.run.paused:
                raise PreconditionFailed(f"run {run_id} has ended ({step.run.reason}): fork it to try something else")
            await step.save(step.run.changed(status="open", paused=False, reason=""))
            return step.run

    async def load(self, run_id: str, owner: str) -> Run:
        """The run as it is now. Raises NotFound, also for another owner's."""
        return (await self.store.load_run(run_id, owner))[0]

    async def find(self, beginning: str, owner: str) -> Run:
        """The one run whose id begins so. Raises NotFound if there is none, or more than one."""
        return await self.load(await self.id_of(beginning, owner), owner)

    async def id_of(self, beginning: str, owner: str) -> str:
        """The one id that begins so, also of a run of another version. Raises NotFound as `find` does."""
        found = await self.store.run_ids(owner, 2, beginning) if beginning and beginning.isascii() else []
        if not found:
            raise NotFound(f"there is no run {beginning[:80]}")
        if len(found) > 1 and found[0] != beginning:
            raise NotFound(f"several runs begin with {beginning}: give more of the id")
        return found[0]

    async def list(self, owner: str, limit: int = 20) -> list[Run]:
        """The owner's runs, the latest first."""
        return await self.store.runs(owner, limit)

    async def remove(self, run_id: str, owner: str) -> None:
        """Delete a run with its pictures. Raises NotFound, and PreconditionFailed while it is being worked on."""
        from .checkpoints import forget

        await self.store.remove_run(run_id, owner)
        try:
            await forget(self.home, run_id)
        except StoreError as error:
            raise StoreError(f"run {run_id} is removed, but what its checkpoints have of it is not: {error}") from error

    async def picture(self, image_id: str, owner: str) -> Image.Image:
        """At full size, in RGB. Raises NotFound, also for another owner's."""
        return await asyncio.to_thread(_seen, await self._stored(image_id, owner))

    async def _stored(self, image_id: str, owner: str) -> Image.Image:
        await self.run_of(image_id, owner)
        return await self.store.get_image(image_id)

    async def run_of(self, image_id: str, owner: str) -> Run:
        """The run that a picture belongs to. Raises NotFound, also for another owner's."""
        try:
            return await self.load(image_id.rpartition("-")[0], owner)
        except NotFound:
            raise NotFound(f"there is no picture {image_id[:80]}") from None


def _seen(picture: Image.Image) -> Image.Image:
    """The picture as painters see it: itself, if that is all of it."""
    from muralist.tools.colour_modes import is_plain, shown

    return picture if is_plain(picture) else shown(picture)


_serving: ContextVar[RunService | None] = ContextVar("serving", default=None)
_owner: ContextVar[str] = ContextVar("owner", default=LOCAL)


@contextmanager
def serving(service: RunService, owner: str = LOCAL) -> Iterator[None]:
    """While inside, the graph's nodes work with this service, on runs of that owner."""
    token, whose = _serving.set(service), _owner.set(owner)
    try:
        yield
    finally:
        _serving.reset(token)
        _owner.reset(whose)


def owner_now() -> str:
    """Whose run the graph opens: the door knows, and no client can say otherwise."""
    return _owner.get()


async def serving_now() -> RunService:
    """The service that the graph works with: the door's, else one by the environment. Raises BadSettings."""
    known = _serving.get()
    return known if known is not None else await asyncio.to_thread(_by_environment)


def _by_environment() -> RunService:
    return RunService(wiring.settings())


def _settings_data(run: Run) -> dict[str, Any]:
    return {**run.parts, **run.options.model_dump(mode="json"), **run.budget.model_dump(mode="json")}


def digest_of(tool: str, arguments: dict[str, Any] | Value) -> str:
    """What tells a call of a tool from the same with other arguments."""
    plain = arguments.model_dump(mode="json") if isinstance(arguments, Value) else arguments
    return hashlib.sha256(json.dumps([tool, plain], sort_keys=True, default=str).encode()).hexdigest()


def _blank(run: Run) -> PaintSpec:
    """A picture of the run's size and steps, to have them checked before anything is asked of a model."""
    options = run.options
    layout = Layout.model_validate(
        {"regions": [{"prompt": "anything", "x0": 0, "y0": 0, "x1": 1, "y1": 1}], "base_prompt": "anything"}
    )
    return PaintSpec(
        layout, options.seed, options.width, options.height, options.steps, options.guidance, options.negative_prompt
    )
