"""The painter: checks a `PaintSpec`, and awaits its picture from the engine."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version

from PIL import Image

from muralist.tools.abilities import ALL, Abilities, Placement
from muralist.tools.errors import BadLayout, BadPrompt, BadSettings, MuralistError
from muralist.tools.layout import MAX_REGIONS, Layout, Region, every
from muralist.tools.limits import MAX_SIDE, MIN_SIDE
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.ports import OnStep, PaintSpec, Vocabulary
from muralist.tools.profile import Profile
from muralist.tools.scene import Scene

from .engine import Request, engine_of, threads
from .families import info_of
from .guidance import ASKED_TO_GUIDE
from .layout_prompts import FORMATS
from .location import PICTUREBOOK, cell_size, pipeline_of
from .native_size import LARGER
from .placement import Placing, placing
from .placement import check as check_placing
from .profiles import profile_of_backbone
from .sampling_parameters import check_sampling_parameters
from .solvers import check_solver

POLL = 0.05
"""Seconds between two looks at whether to stop while a picture waits for its turn."""


class DiffusionPainter:
    """A `Painter` for one backbone: `picturebook`, a folder in diffusers format, a safetensors file, or a hub id.

    Making one is cheap. The backbone is loaded at the first picture, once per process, however many painters and event
    loops use it, by the engine, on whose thread it lives; callers queue up for it. `profile` says at which size, and
    with how many steps, which guidance and which solver it paints best; `painting` says how it is loaded, and with what
    besides; `placement` how things get into their regions (`placement.py`). Equal specs give equal bytes under equal
    `conditions`, unless they say that pictures are painted together. `admits` says a scene in the words of the
    `vocabulary`, and raises BadPrompt for what the backbone cannot draw; `short_caption` shortens the base prompt of
    several regions for the backbone; `side` is that of the training pictures, in pixels: far larger ones are refused.
    """

    def __init__(
        self,
        backbone: str = PICTUREBOOK,
        admits: Callable[[Scene], Scene] = lambda scene: scene,
        short_caption: Callable[[str], str] = lambda base_prompt: base_prompt,
        vocabulary: Vocabulary | None = None,
        side: int | None = None,
        *,
        painting: PaintingSettings | None = None,
        placement: Placement = "auto",
    ) -> None:
        self.backbone = backbone
        self.placement = placement
        self.painting = painting or PaintingSettings()
        if self.painting.scheduler:
            check_solver(self.painting.scheduler)
        self.vocabulary = vocabulary
        self.side = side
        self.admits = admits
        self.short_caption = short_caption

    @property
    def name(self) -> str:
        """The backbone's name."""
        return self.backbone

    @property
    def profile(self) -> Profile:
        """Its own size, steps, guidance and so on, read from its files; of a hub id, a few small ones are fetched."""
        return profile_of_backbone(self.backbone, self.painting, ask_hub=True)

    @property
    def conditions(self) -> dict[str, str | int]:
        """What equal bytes depend on besides the spec and the machine; for the record of a run."""
        engine = engine_of(self.backbone, self.painting)
        known: dict[str, str | int] = {
            "backbone": self.backbone,
            "threads": threads(self.backbone) or "not measured yet",
            "torch": version("torch"),
            "diffusers": version("diffusers"),
        }
        if self.placement != "auto":
            known["placement"] = self.placement
        if engine.plan is not None and not engine.plan.plain:
            known["loaded_by"] = engine.plan.way
        if engine.settings.batch > 1:
            known["painted_together"] = engine.settings.batch
        if engine.relieved:
            known["for_want_of_memory"] = ", ".join(engine.relieved)
        return known

    def admit(self, scene: Scene) -> Scene:
        """The scene as `admits` gives it. Raises BadPrompt if that does: the backbone cannot draw what is asked for."""
        return self.admits(scene)

    def check(self, spec: PaintSpec) -> None:
        """Raise BadSettings, BadLayout or BadPrompt if the spec cannot be painted; loads nothing."""
        cell = cell_size(self.backbone, self.painting.revision)
        _check_settings(spec, cell)
        if (chosen := self._placing) is not None and spec.regional and spec.source is None:
            check_placing(spec.layout, chosen)
        self._check_negative_prompts(spec)
        self._check_area(spec)
        count = len(every(spec.layout.regions))
        if count > MAX_REGIONS:
            raise BadLayout(f"the layout has {count} regions with their parts: give 1 to {MAX_REGIONS}, so join some")
        check_prompts(spec.layout)
        for region in spec.layout.regions:
            _check_region(region, spec, cell)

    @property
    def _pipeline(self) -> str:
        """The class of its pipeline, or nothing where that is not known yet."""
        return pipeline_of(self.backbone, self.painting.revision)

    @property
    def _placing(self) -> Placing | None:
        """What the placement comes to; None as long as the backbone's pipeline is not known. Raises BadSettings."""
        pipeline = self._pipeline
        return placing(pipeline, info_of(pipeline), self.placement) if pipeline else None

    @property
    def abilities(self) -> Abilities:
        """Those of its pipeline; the defaults as long as that is not known.

        Raises BadSettings for a placement that the model cannot do.
        """
        chosen, info = self._placing, info_of(self._pipeline)
        if chosen is None or info is None:
            return ALL
        taught = FORMATS[info.layout] if info.layout else None
        return Abilities(
            places="attention" if chosen.attention or chosen.format is None else chosen.format.places,
            edits=info.repaints,
            negative_prompt=taught is None or taught.negative_prompt,
        )

    def _check_negative_prompts(self, spec: PaintSpec) -> None:
        """Raise BadSettings, or BadLayout for a region's, for those that would be silently ignored."""
        own = [region for region in every(spec.layout.regions) if region.negative_prompt] if spec.regional else []
        if not spec.negative_prompt and not own:
            return
        known = self.profile
        if spec.negative_prompt and not self.abilities.negative_prompt:
            raise BadSettings(f"{self.backbone} takes no negative prompt: leave it out, or use another backbone")
        if not known.guides_at(spec.guidance):
            more = "" if known.guides_above is None else f", or choose a guidance above {known.guides_above:g}"
            raise (BadSettings if spec.negative_prompt else BadLayout)(
                f"{self.backbone} ({known.kind}) heeds no negative prompt at guidance {spec.guidance:g}: leave it "
                f"out{more}"
            )
        if own and self._pipeline in ASKED_TO_GUIDE and not (spec.negative_prompt or spec.absent):
            raise BadLayout(
                f"region '{own[0].prompt[:60]}' has a negative prompt, which a {known.kind} heeds only beside one of "
                "the whole picture: give that, too"
            )

    def _check_area(self, spec: PaintSpec) -> None:
        """Raise BadSettings for what would take minutes and show everything several times over; an edit is smaller."""
        if spec.source is None and self.side is not None and spec.width * spec.height > LARGER * self.side**2:
            most = round(math.sqrt(LARGER) * self.side)
            raise BadSettings(
                f"{spec.width}x{spec.height} pixels are too many for {self.backbone}, which was trained on "
                f"{self.side}x{self.side}: choose {most}x{most} at most, or another backbone"
            )

    async def paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        """One RGB picture of the spec's size.

        Raises what `check` does, Busy if too many are waiting, BackboneError if the backbone cannot be loaded or gives
        no picture, Cancelled within one step after `cancel` is set, and OutOfTime within one after the deadline of
        MURALIST_PICTURE_SECONDS. If the awaiting task is cancelled, the engine stops as soon.
        """
        self.check(spec)
        if spec.regional and spec.source is None and len(spec.layout.regions) > 1:
            caption = self.short_caption(spec.layout.base_prompt)
            spec = replace(spec, layout=spec.layout.model_copy(update={"base_prompt": caption}))
        engine = engine_of(self.backbone, self.painting)
        abandoned = threading.Event()
        request = Request(
            spec, on_step, lambda: cancel.is_set() or abandoned.is_set(), engine.settings.picture_seconds,
            placement=self.placement,
        )  # fmt: skip
        waiting = asyncio.wrap_future(engine.submit(request))
        try:
            while not (await asyncio.wait([waiting], timeout=POLL))[0]:
                try:
                    request.check("before the picture was begun")
                except MuralistError:
                    if request.future.cancel():  # not one that has begun: that is the engine's to stop
                        raise
            return waiting.result()
        finally:
            abandoned.set()
            waiting.cancel()


def _check_settings(spec: PaintSpec, cell: int) -> None:
    for name, value in (("width", spec.width), ("height", spec.height)):
        if value % cell or not MIN_SIDE <= value <= MAX_SIDE:
            nearest = min(MAX_SIDE, max(MIN_SIDE, round(value / cell) * cell))
            raise BadSettings(
                f"{name} {value} cannot be painted: it has to be a multiple of {cell} from {MIN_SIDE} to {MAX_SIDE}, "
                f"such as {nearest}"
            )
    strength = None if spec.source is None else spec.strength
    check_sampling_parameters(steps=spec.steps, guidance=spec.guidance, seed=spec.seed, strength=strength)
    check_source(spec)


def check_source(spec: PaintSpec) -> None:
    """Raise BadSettings unless the picture to be edited, if there is one, has the spec's size."""
    if spec.source is not None and spec.source.size != (spec.width, spec.height):
        raise BadSettings(
            f"the picture to be edited has {spec.source.width}x{spec.source.height} pixels, not "
            f"{spec.width}x{spec.height}: resize it before"
        )


def check_prompts(layout: Layout) -> None:
    """Raise BadPrompt for an empty one."""
    for region in layout.regions:
        if not region.prompt.strip():
            raise BadPrompt(f"the prompt of the region at ({region.x0:g}, {region.y0:g}) is empty: say what it shows")
    if not layout.base_prompt.strip():
        raise BadPrompt("the base prompt is empty: say what the whole picture shows")


def _check_region(region: Region, spec: PaintSpec, cell: int) -> None:
    width, height = (region.x1 - region.x0) * spec.width, (region.y1 - region.y0) * spec.height
    if min(width, height) < cell - 1e-3:
        raise BadLayout(
            f"region '{region.prompt[:60]}' is {width:.0f}x{height:.0f} pixels: at least {cell}x{cell}, one latent "
            "cell, are needed; enlarge the region or the picture"
        )
