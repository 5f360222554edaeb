"""The ports: what the tools need from outside, as protocols. What can be swapped is all on this page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .checklist import Checklist
from .edits import Edit
from .layout import Layout
from .run import Run
from .scene import Scene
from .sight import Sight
from .verdict import Verdict

if TYPE_CHECKING:
    from PIL import Image

OnStep = Callable[[int, int], None]
"""Called after every denoising step, from the painter's thread, with (step, steps); step counts from 1."""


@dataclass(frozen=True)
class PaintSpec:
    """Everything a painter needs for one picture; equal specs give equal bytes.

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
    """Paints pictures. Implementations own one thread per process and backbone."""

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

    async def observe(self, image: Image.Image, nouns: Sequence[str]) -> Sight | None:
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

    async def wish(self, wish: str, sight: Sight | None) -> Scene:
        """What a given picture has to show once the wish is done: what it does not speak of is `kept`."""

    async def layout(self, scene: Scene, sight: Sight | None = None) -> Layout:
        """Place every instance of the scene's entities; of a given picture, what is there stays where it stands."""

    async def edits(self, run: Run) -> list[Edit]:
        """Propose edits on the best image; an empty list if it knows of none."""


@dataclass(frozen=True)
class Kept:
    """A picture in a store's list; `number` counts on with every picture that is kept, whoever owns it."""

    image_id: str
    number: int
    prompt: str
    metadata: Mapping[str, Any]


class Store(Protocol):
    """Keeps pictures, their verdicts and runs."""

    async def put_image(self, run_id: str, image: Image.Image, metadata: Mapping[str, Any]) -> str:
        """Keep a picture; its id is `run_id` plus an ordinal. Same run, metadata and bytes: same id."""

    async def get_image(self, image_id: str) -> Image.Image:
        """Raises NotFound."""

    async def metadata(self, image_id: str) -> dict[str, Any]:
        """What was given to `put_image`, with the blob's `sha256`. Raises NotFound."""

    async def images(self, owner: str, limit: int, before: int | None = None) -> list[Kept]:
        """The owner's pictures, newest first, `limit` at most; `before`: only those kept before that number."""

    async def append_verdicts(self, image_id: str, verdicts: Sequence[Verdict]) -> None:
        """Add verdicts beside a picture; nothing is ever overwritten."""

    async def load_run(self, run_id: str, owner: str) -> tuple[Run, int]:
        """A run and its version. Raises NotFound, also when the owner is another."""

    async def save_run(self, run: Run, version: int) -> int:
        """Compare-and-swap: write if the stored version is `version` (0: not yet there); returns the new one.

        Raises StoreError if someone else has written in between.
        """


@dataclass(frozen=True)
class Ports:
    """The four ports that every tool is given, with how to tell about progress, how to be stopped, and who calls."""

    painter: Painter
    inspector: Inspector
    drafter: Drafter
    store: Store
    on_event: Callable[[str, dict[str, Any]], None]
    cancel: threading.Event
    caller: str = "caller"
    """Whoever fills in the tools' arguments: a chat model's name, if it is one of ours."""
