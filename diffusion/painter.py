"""The painter: turns a `PaintSpec` into a picture, on a thread of its own."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from PIL import Image

from muralist.tools.errors import BackboneError, BadLayout, BadPrompt, BadSettings, Cancelled
from muralist.tools.layout import Region
from muralist.tools.limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE, SEEDS
from muralist.tools.ports import OnStep, PaintSpec
from muralist.tools.scene import Scene

from .backbone import PICTUREBOOK, cell_size, load, locate
from .regional import regional

POLL = 0.05
"""Seconds between two looks at `cancel` while a picture waits for its turn."""


class DiffusionPainter:
    """A `Painter` for one backbone: `picturebook`, a folder in diffusers format, or a hub id.

    Making one is cheap. The backbone is loaded at the first picture, once per process, however many painters and event
    loops use it, and lives on one thread of its own; callers queue up for it. Solver: DPM++ 2M over the backbone's own
    noise schedule. Equal specs give equal bytes under equal `conditions`. `admits` raises BadPrompt for what the
    backbone cannot draw; `gist` turns the base prompt of several regions into what the backbone makes most of.
    """

    def __init__(
        self,
        backbone: str = PICTUREBOOK,
        admits: Callable[[Scene], None] = lambda scene: None,
        gist: Callable[[str], str] = lambda base_prompt: base_prompt,
    ) -> None:
        self.backbone = backbone
        self.admits = admits
        self.gist = gist

    @property
    def name(self) -> str:
        """The backbone's name."""
        return self.backbone

    @property
    def conditions(self) -> dict[str, str | int]:
        """What equal bytes depend on besides the spec and the machine; for the record of a run."""
        return {
            "backbone": self.backbone,
            "threads": threads(),
            "torch": version("torch"),
            "diffusers": version("diffusers"),
        }

    def admit(self, scene: Scene) -> None:
        """Raise BadPrompt if `admits` does: if the backbone cannot draw what the scene asks for."""
        self.admits(scene)

    def check(self, spec: PaintSpec) -> None:
        """Raise BadSettings, BadLayout or BadPrompt if the spec cannot be painted; loads nothing."""
        cell = cell_size(self.backbone)
        _check_settings(spec, cell)
        for region in spec.layout.regions:
            _check_region(region, spec, cell)
        if not spec.layout.base_prompt.strip():
            raise BadPrompt("the base prompt is empty: say what the whole picture shows")

    async def paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        """One RGB picture of the spec's size.

        Raises what `check` does, BackboneError if the backbone cannot be loaded or gives no picture, and Cancelled
        within one step after `cancel` is set. If the awaiting task is cancelled, the thread stops as soon.
        """
        self.check(spec)
        if spec.regional and spec.source is None and len(spec.layout.regions) > 1:
            told = spec.layout.model_copy(update={"base_prompt": self.gist(spec.layout.base_prompt)})
            spec = replace(spec, layout=told)
        worker = _worker(str(locate(self.backbone)), self.backbone)
        abandoned = threading.Event()
        job = worker.submit(spec, on_step, lambda: cancel.is_set() or abandoned.is_set())
        waiting = asyncio.wrap_future(job)
        try:
            while not waiting.done():
                await asyncio.wait([waiting], timeout=POLL)
                if cancel.is_set() and job.cancel():  # only a job that has not begun can be cancelled from here
                    raise Cancelled("stopped before the picture was begun")
            return waiting.result()
        finally:
            abandoned.set()
            waiting.cancel()


def threads() -> int:
    """CPU threads that paint: MURALIST_THREADS, else 1.

    One, because a picture's bytes depend on the number, which therefore must not depend on the machine; and because one
    thread is as fast as two for networks of picturebook's size.
    """
    text = os.environ.get("MURALIST_THREADS", "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise BadSettings(f"MURALIST_THREADS is '{text}': give a number of threads from 1 to 1024")
    return int(text)


def _check_settings(spec: PaintSpec, cell: int) -> None:
    for name, value in (("width", spec.width), ("height", spec.height)):
        if value % cell or not MIN_SIDE <= value <= MAX_SIDE:
            nearest = min(MAX_SIDE, max(MIN_SIDE, round(value / cell) * cell))
            raise BadSettings(
                f"{name} {value} cannot be painted: it has to be a multiple of {cell} from {MIN_SIDE} to {MAX_SIDE}, "
                f"such as {nearest}"
            )
    if not 1 <= spec.steps <= MAX_STEPS:
        raise BadSettings(f"{spec.steps} steps are out of range: choose 1 to {MAX_STEPS}")
    if not 0 <= spec.guidance <= MAX_GUIDANCE:
        raise BadSettings(f"guidance {spec.guidance:g} is out of range: choose 0 to {MAX_GUIDANCE:g}")
    if not 0 <= spec.seed < SEEDS:
        raise BadSettings(f"seed {spec.seed} is out of range: choose 0 to 2^63 - 1")
    if spec.source is None:
        return
    if spec.source.size != (spec.width, spec.height):
        raise BadSettings(
            f"the picture to be edited has {spec.source.width}x{spec.source.height} pixels, not "
            f"{spec.width}x{spec.height}: resize it before"
        )
    if not 0 < spec.strength <= 1 or math.floor(spec.steps * spec.strength) < 1:
        raise BadSettings(
            f"strength {spec.strength:g} with {spec.steps} steps leaves nothing to do: their product has to be "
            "at least 1, and strength at most 1"
        )


def _check_region(region: Region, spec: PaintSpec, cell: int) -> None:
    if not region.prompt.strip():
        raise BadPrompt(f"the prompt of the region at ({region.x0:g}, {region.y0:g}) is empty: say what it shows")
    width, height = (region.x1 - region.x0) * spec.width, (region.y1 - region.y0) * spec.height
    if min(width, height) < cell - 1e-3:
        raise BadLayout(
            f"region '{region.prompt[:60]}' is {width:.0f}x{height:.0f} pixels: at least {cell}x{cell}, one latent "
            "cell, are needed; enlarge the region or the picture"
        )


class _Worker:
    """One thread and the backbone that lives on it."""

    def __init__(self, backbone: str) -> None:
        self.backbone = backbone
        self.pipe: Any = None
        self.scheduler: Any = None
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=f"painter-{backbone}")

    def submit(self, spec: PaintSpec, on_step: OnStep, stopped: Callable[[], bool]) -> Future[Image.Image]:
        return self.thread.submit(self._paint, spec, on_step, stopped)

    def _paint(self, spec: PaintSpec, on_step: OnStep, stopped: Callable[[], bool]) -> Image.Image:
        import torch

        torch.set_num_threads(threads())
        if stopped():
            raise Cancelled("stopped before the picture was begun")
        if self.pipe is None:
            self.pipe = load(self.backbone)
            self.scheduler = self.pipe.scheduler
        try:
            return _paint(self.pipe, self.scheduler, spec, on_step, stopped)
        except torch.OutOfMemoryError:
            raise BackboneError(
                f"backbone '{self.backbone}' ran out of memory at {spec.width}x{spec.height}: choose a smaller size"
            ) from None


_workers: dict[str, _Worker] = {}
_workers_lock = threading.Lock()


def _worker(place: str, backbone: str) -> _Worker:
    """The process's worker for the backbone at that place."""
    with _workers_lock:
        if place not in _workers:
            _workers[place] = _Worker(backbone)
        return _workers[place]


def _paint(pipe: Any, schedule: Any, spec: PaintSpec, on_step: OnStep, stopped: Callable[[], bool]) -> Image.Image:
    """Paint on this thread. A fresh solver each time: solvers remember their last steps."""
    import torch
    from diffusers import DPMSolverMultistepScheduler

    from .retouch import retouch, to_image

    def watch(number: int, total: int) -> Callable[..., dict[str, Any]]:
        def after_step(running: Any, step: int, _: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
            done, steps = number * running.num_timesteps + step + 1, total * running.num_timesteps
            on_step(done, steps)
            if stopped():
                raise Cancelled(f"stopped at step {done} of {steps}")
            return kwargs

        return after_step

    pipe.scheduler = DPMSolverMultistepScheduler.from_config(
        schedule.config, algorithm_type="dpmsolver++", solver_order=2
    )
    layout = spec.layout
    options = {
        "guidance_scale": spec.guidance,
        "negative_prompt": spec.negative_prompt or None,
        "generator": torch.Generator("cpu").manual_seed(spec.seed),
    }
    if spec.source is not None:
        return retouch(
            pipe, spec.source.convert("RGB"), layout, steps=spec.steps, strength=spec.strength,
            by_region=spec.regional, watch=watch, **options,
        )  # fmt: skip
    with regional(pipe, layout.regions, layout.base_ratio) if spec.regional else nullcontext():
        pixels = pipe(
            prompt=layout.base_prompt, width=spec.width, height=spec.height, num_inference_steps=spec.steps,
            output_type="np", callback_on_step_end=watch(0, 1), **options,
        ).images[0]  # fmt: skip
    return to_image(pixels)
