"""The ports: what the tools need from outside, as protocols. What can be swapped is all on this page."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .checklist import Checklist
from .job import Job
from .layout import Layout
from .observation import Observation
from .run import Event, Run
from .scene import Scene
from .verdict import Verdict

if TYPE_CHECKING:
    from PIL import Image

OnStep = Callable[[int, int], None]
"""Called after every denoising step, from the painter's thread, with (step, steps); step counts from 1."""


@dataclass(frozen=True)
class PaintSpec:
    """Everything a painter needs for one picture; equal specs give equal bytes, where its abilities say no otherwise.

    Without `source` the whole canvas is painted. With it, only the layout's regions are repainted on the source
    (inpainting inside feathered boxes); pixels outside stay byte-identical. `strength` in (0, 1] is the share of the
    noise schedule that a repainting runs through; 1 forgets what was there. `absent` joins the negative prompt of those
    painters that take one; a `negative_prompt` is refused by the others. `regional=False` paints the base prompt
    alone, everywhere.
    """

    layout: Layout
    seed: int
    width: int = 128
    height: int = 128
    steps: int = 20
    guidance: float = 4.0
    negative_prompt: str = ""
    absent: tuple[str, ...] = ()
    regional: bool = True
    source: Image.Image | None = None
    strength: float = 1.0


@dataclass(frozen=True)
class Vocabulary:
    """The words of a painter that was taught few, and others that it understands as one of them."""

    nouns: tuple[str, ...]
    colours: tuple[str, ...]
    grounds: tuple[str, ...]
    synonyms: Mapping[str, str]


class Painter(Protocol):
    """Paints pictures. Implementations own one thread per process and backbone.

    One that cannot do all that the loop may ask for has `abilities`, an `Abilities`; one that paints best at a size and
    a number of steps of its own has a `profile`, a `Profile`.
    """

    @property
    def name(self) -> str: ...

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What it can draw; None if it was taught no list of words."""

    def admit(self, scene: Scene) -> Scene:
        """The scene in the painter's words, such as a cat for a kitten.

        Raises BadPrompt, naming all unknown words and the nearest known ones, if it asks for what cannot be drawn.
        """

    def check(self, spec: PaintSpec) -> None:
        """Raise BadSettings, BadLayout or BadPrompt if the spec cannot be painted; cheap, loads no weights."""

    async def paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        """One RGB picture of the spec's size. Raises Cancelled within one step after `cancel` is set."""


class Inspector(Protocol):
    """Answers the checklist's questions about a picture."""

    @property
    def name(self) -> str: ...

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """A verdict for every question it can judge, `source` being its name; `settle` does the dependencies."""


@runtime_checkable
class Observer(Protocol):
    """What an inspector may be besides: one that says what is on a picture before anything is asked about it."""

    async def observe(self, image: Image.Image, nouns: Sequence[str]) -> Observation | None:
        """All its things, those of `nouns` looked for by name; None if it cannot tell after all."""


@runtime_checkable
class Calibrated(Protocol):
    """What an inspector may be besides: one that knows how far to trust it."""

    @property
    def noise(self) -> float:
        """The share by which the scores of one picture differ, from one look to the next."""

    @property
    def sure(self) -> float:
        """A pass with a smaller p is worth another look; 0 if none is."""


@runtime_checkable
class Foreseeing(Protocol):
    """What an inspector may be besides: one that knows what it can never answer, whatever the picture shows."""

    def cannot_answer(self, checklist: Checklist) -> dict[str, str]:
        """Ids of those questions, and why."""


class Drafter(Protocol):
    """Fills in tool arguments that a caller left out."""

    @property
    def name(self) -> str: ...

    async def scene(self, prompt: str) -> Scene:
        """Recaption a prompt."""

    def names(self, wish: str) -> list[str]:
        """The nouns of a wish about a given picture, for an inspector to look for; those that can be read."""

    async def wish(self, wish: str, observation: Observation | None) -> Scene:
        """What a given picture has to show once the wish is done: what it does not speak of is `kept`."""

    async def layout(self, scene: Scene, observation: Observation | None = None) -> Layout:
        """Place every instance of the scene's entities; of a given picture, what is there stays where it stands."""


@dataclass(frozen=True)
class ImageRecord:
    """A stored picture in a list; `number` increases with every picture stored, whoever owns it."""

    image_id: str
    number: int
    prompt: str
    metadata: Mapping[str, Any]


@dataclass
class Lease:
    """The right to work on a run, until another holder has taken it over; `fence` grows with every holder."""

    run_id: str
    fence: int
    seq: int
    """Number of the run's next event."""
    renewed: float = 0.0
    """When its holder last said that it is alive, in seconds since the epoch."""


class Store(Protocol):
    """Keeps pictures and their verdicts, runs and their events, and who works on them.

    A write with a `lease` is refused with StoreError once another holder has taken the run over.
    """

    def close(self) -> None:
        """Let go of what is open, before the process ends."""

    async def put_image(
        self, run_id: str, image: Image.Image, metadata: Mapping[str, Any], lease: Lease | None = None
    ) -> str:
        """Keep a picture; its id is `run_id` plus an ordinal. Same run, metadata and bytes: same id."""

    async def find_image(self, run_id: str, metadata: Mapping[str, Any]) -> str | None:
        """The run's latest picture with exactly that metadata, if there is one."""

    async def get_image(self, image_id: str) -> Image.Image:
        """Raises NotFound."""

    async def metadata(self, image_id: str) -> dict[str, Any]:
        """What was given to `put_image`, with the blob's `sha256`. Raises NotFound."""

    async def images(self, owner: str, limit: int, before: int | None = None) -> list[ImageRecord]:
        """The owner's pictures, newest first, `limit` at most; `before`: only those kept before that number."""

    async def put_mask(self, data: bytes) -> str:
        """Keep a mask's bytes; gives its id. Same bytes: same id."""

    async def get_mask(self, mask_id: str) -> bytes:
        """Raises NotFound."""

    async def append_verdicts(self, image_id: str, verdicts: Sequence[Verdict]) -> None:
        """Add verdicts beside a picture; nothing is ever overwritten."""

    async def load_run(self, run_id: str, owner: str) -> tuple[Run, int]:
        """A run and its version. Raises NotFound, also when the owner is another."""

    async def owner_of(self, run_id: str) -> str:
        """Whose run it is. Raises NotFound."""

    async def changed_at(self, run_id: str) -> float:
        """When the run was last saved, in seconds since the epoch. Raises NotFound."""

    async def runs(self, owner: str, limit: int) -> list[Run]:
        """The owner's runs that can be read, the latest changed first."""

    async def run_ids(self, owner: str, limit: int, beginning: str = "") -> list[str]:
        """Ids of the owner's runs that begin so, readable or not: the id that is just that, then the latest changed."""

    async def save_run(
        self,
        run: Run,
        version: int,
        lease: Lease | None = None,
        *,
        journal: Mapping[str, Any] | None = None,
        events: Sequence[Event] = (),
        snapshot: bool = False,
    ) -> int:
        """Compare-and-swap: write if the stored version is `version` (0: not yet there); returns the new one.

        `journal` (JSON by key, None to forget) and `events` are written with it, or not at all; `snapshot` keeps this
        version. Raises StoreError if someone else has written in between.
        """

    async def snapshot(self, run_id: str, version: int) -> Run:
        """The run as it was. Raises NotFound if that version was not kept."""

    async def recall(self, run_id: str, *keys: str) -> dict[str, Any]:
        """What the run's journal has under those keys."""

    async def record(self, run_id: str, key: str, body: Any, lease: Lease) -> None:
        """Write into the run's journal."""

    async def events(self, run_id: str) -> list[Event]:
        """The run's events, in order."""

    async def remove_run(self, run_id: str, owner: str) -> None:
        """Delete a run with its pictures. Raises NotFound, and PreconditionFailed while it is being worked on."""

    async def copy_images(self, run_id: str, to: str) -> None:
        """Give another run the same pictures, at the same ordinals. Raises NotFound if the first is gone."""

    async def acquire(self, run_id: str) -> Lease:
        """Hold the run. Raises PreconditionFailed while a live holder has it; one that is dead or frozen loses it."""

    async def renew(self, lease: Lease) -> bool:
        """Say that the holder is alive; False if the run was taken over."""

    async def check_held(self, lease: Lease) -> None:
        """Raise TakenOver if another holder has the run; writes nothing."""

    async def release(self, lease: Lease) -> None:
        """Let go of the run."""

    async def held(self, run_id: str) -> bool:
        """Whether somebody alive works on the run."""

    def put_job(self, job: Job) -> bool:
        """Write a run's job as it is now; True if another process has been asked to cancel it meanwhile. Blocks."""

    def get_job(self, run_id: str, owner: str) -> Job:
        """The run's latest job; one whose process is gone has failed. Raises NotFound. Blocks."""

    def ask_to_cancel(self, run_id: str) -> None:
        """Leave word for the process that works on the job. Blocks."""

    def job_ids(self, owner: str, beginning: str, limit: int) -> list[str]:
        """Ids of the owner's jobs that begin so, newest first. Blocks."""


Json = dict[str, Any]


async def run_now(key: str, work: Callable[[], Awaitable[Any]]) -> Any:
    """For callers without a journal: `work` is simply done."""
    return await work()


async def discard(run: Run) -> None:
    """For callers that keep what a tool gives back, and nothing in between."""


@runtime_checkable
class InFiles(Protocol):
    """What a store may be besides: one that keeps every picture in a file of its own."""

    async def path_of(self, image_id: str) -> Path:
        """The absolute path of a picture's PNG file, to be read and never written. Raises NotFound."""


@dataclass(frozen=True)
class Ports:
    """What every tool is given: the parts, how to tell about progress and be stopped, and how effects happen once."""

    painter: Painter
    inspector: Inspector
    drafter: Drafter
    store: Store
    on_event: Callable[[str, dict[str, Any]], None]
    cancel: threading.Event
    caller: str = "caller"
    """Whoever fills in the tools' arguments: a chat model's name, if it is one of ours."""
    once: Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]] = run_now
    """What `work` gave the first time that this call did it under that key: JSON, remembered even across a crash."""
    keep: Callable[[Run], Awaitable[None]] = discard
    """Save the run as it stands in the middle of a call."""
    lease: Lease | None = None
    """By which the run is held."""
