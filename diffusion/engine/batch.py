"""Batching at step granularity: pictures of one size share each call of the denoiser, whatever step each is at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image

from muralist.diffusion.families import family_of
from muralist.diffusion.loading_ladder import plan_of
from muralist.diffusion.patching import patched
from muralist.diffusion.region_schedule import RegionPrompts, RowConditioning, Side, conditioning_at
from muralist.diffusion.regional import checked, encoded
from muralist.diffusion.solvers import STABLE_DIFFUSION
from muralist.diffusion.unet_attention import ConditioningState, attached
from muralist.tools.layout import Region

from .coroutine import ThreadCoroutine
from .memory import is_out_of_memory
from .picture import paint
from .request import Request

SIDES: tuple[Side, Side] = ("negative", "positive")
"""The order of the rows: all unconditional ones, then all conditional ones."""


def can_batch(pipe: Any) -> bool:
    """Whether the pipeline's denoiser takes rows at different timesteps, and nothing besides that is not by row."""
    return (
        plan_of(pipe).rung == "full"
        and type(pipe).__name__ in STABLE_DIFFUSION
        and pipe.unet.config.time_cond_proj_dim is None
        and pipe.unet.config.encoder_hid_dim_type is None
        and all(getattr(part, "_hf_hook", None) is None for part in (pipe.unet, pipe.vae))  # offloading moves them
    )


@dataclass(eq=False)
class RunningRequest:
    """A request in the running batch: a stock pipeline of its own, suspended where it calls the denoiser."""

    request: Request
    coroutine: ThreadCoroutine[DenoiserInput, Image.Image]
    regions: dict[Side, RegionPrompts] = field(default_factory=dict)
    """The region prompts of its rows, by guidance side."""
    call: DenoiserInput | None = None
    """The denoiser call that it waits for."""


@dataclass(frozen=True, eq=False)
class DenoiserInput:
    """Inputs of one denoiser call: one row, or two with guidance, the unconditional one first."""

    sample: torch.Tensor
    timestep: torch.Tensor
    text: torch.Tensor
    added: dict[str, torch.Tensor]

    def rows(self, side: Side) -> slice:
        """Its unconditional rows, of which there are none without guidance, or its conditional ones."""
        guided = len(self.sample) // 2
        return slice(0, guided) if side == "negative" else slice(guided, None)


@dataclass(frozen=True, eq=False)
class BatchedInputs:
    """Inputs that stay the same from step to step for the same set of requests: concatenated once."""

    texts: list[torch.Tensor]
    text: torch.Tensor
    """(B, T, C); attention knows by the very object that the keys and values of the step before still hold."""
    added: dict[str, torch.Tensor]
    rows: list[RowConditioning]


class Batch:
    """Requests that are painted together, each by the stock pipeline with its own solver, seed, layout and guidance.

    Within `open_batch`. A step is one call of the denoiser for all; a request is added before any step, and removed
    after its last one, or within one step after it was stopped. `forward` is the denoiser's own.
    """

    def __init__(self, pipe: Any, state: ConditioningState, forward: Callable[..., Any], solver: str = "") -> None:
        self.pipe = pipe
        self.solver = solver
        self.state = state
        self.running: list[RunningRequest] = []
        self.together = 1 << 30
        """Pictures per call of the denoiser; halved when memory runs out."""
        self._forward = forward
        self._inputs: dict[tuple[int, ...], BatchedInputs] = {}

    def add(self, request: Request) -> RunningRequest:
        """Run a request up to its first denoiser call; it may be finished already, with an error."""
        active: RunningRequest

        @contextmanager
        def attend(pipe: Any, regions: Sequence[Region], base_ratio: float) -> Iterator[None]:
            (layout,), schedule = checked(regions, base_ratio)
            active.regions = encoded(pipe, family_of(pipe), layout, schedule)
            try:
                yield
            finally:
                active.regions = {}

        def work() -> Image.Image:
            request.check("before the picture was begun")
            torch.set_num_threads(threads)  # each thread starts out with as many as there are cores
            return paint(
                self.pipe, request.spec, request.after_step, attend, solver=self.solver, placement=request.placement
            )

        threads = torch.get_num_threads()
        active = RunningRequest(request, ThreadCoroutine(work, f"painter-{request.spec.seed}"))
        self.running.append(active)
        active.call = active.coroutine.resume()
        return active

    def pop_finished(self) -> list[RunningRequest]:
        """Remove the finished requests and return them."""
        done = [active for active in self.running if active.coroutine.done]
        self.running = [active for active in self.running if not active.coroutine.done]
        return done

    def step(self) -> None:
        """One step of every request. Raises out-of-memory errors if one picture alone is too large."""
        waiting = list(self.running)
        answers: list[torch.Tensor] = []
        while len(answers) < len(waiting):
            try:
                answers += self._denoised(_of_one_size(waiting[len(answers) :])[: self.together])
            except Exception as error:
                size = min(self.together, len(waiting))
                if size == 1 or not is_out_of_memory(error):
                    raise
                self.together = size // 2
        for active, answer in zip(waiting, answers, strict=True):
            active.call = active.coroutine.resume(answer)

    def close(self, error: BaseException) -> None:
        """End what is left with `error`."""
        for active in self.running:
            active.coroutine.close(error)

    def pause(self, *args: Any, **kwargs: Any) -> Any:
        """In place of the denoiser's `forward`: in a request's coroutine, suspend it; elsewhere, call the denoiser."""
        active = next((active for active in self.running if active.coroutine.is_here()), None)
        if active is None:
            return self._forward(*args, **kwargs)
        sample, timestep = args[:2]
        added = kwargs.get("added_cond_kwargs") or {}
        timestep = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        return (active.coroutine.pause(DenoiserInput(sample, timestep, kwargs["encoder_hidden_states"], added)),)

    @torch.no_grad()
    def _denoised(self, running: list[RunningRequest]) -> list[torch.Tensor]:
        """The denoiser's prediction for each request."""
        calls = [active.call for active in running if active.call is not None]
        inputs = self._batched(running, calls)
        self.state.begin(*calls[0].sample.shape[2:])
        self.state.set_rows(inputs.rows)
        answer = self._forward(
            _joined(calls, lambda call: call.sample), _joined(calls, lambda call: call.timestep),
            encoder_hidden_states=inputs.text, added_cond_kwargs=inputs.added or None, return_dict=False,
        )[0]  # fmt: skip
        pieces = answer.split([len(call.sample[call.rows(side)]) for side in SIDES for call in calls])
        return [torch.cat(both) for both in zip(pieces[: len(calls)], pieces[len(calls) :], strict=True)]

    def _batched(self, running: list[RunningRequest], calls: list[DenoiserInput]) -> BatchedInputs:
        """The inputs of the step before if the batch and its prompts are unchanged."""
        key = tuple(id(active) for active in running)
        known, texts = self._inputs.get(key), [call.text for call in calls]
        if known is not None and all(a is b for a, b in zip(known.texts, texts, strict=True)):
            return known
        rows: list[RowConditioning] = []
        for side in SIDES:
            for active, call in zip(running, calls, strict=True):
                rows += [conditioning_at(active.regions.get(side))] * len(call.sample[call.rows(side)])
        added = {name: _joined(calls, lambda call, name=name: call.added[name]) for name in calls[0].added}  # type: ignore[misc]
        here = {id(active) for active in self.running}
        self._inputs = {ids: inputs for ids, inputs in self._inputs.items() if here.issuperset(ids)}
        self._inputs[key] = BatchedInputs(texts, _joined(calls, lambda call: call.text), added, rows)
        return self._inputs[key]


def _of_one_size(waiting: list[RunningRequest]) -> list[RunningRequest]:
    """The first ones whose latents are alike; an edit of a large picture has smaller ones."""
    sizes = [None if active.call is None else active.call.sample.shape[2:] for active in waiting]
    return waiting[: next((n for n, size in enumerate(sizes) if size != sizes[0]), len(waiting))]


def _joined(calls: list[DenoiserInput], of: Callable[[DenoiserInput], torch.Tensor]) -> torch.Tensor:
    """One tensor of all calls' rows, in the order of `SIDES`."""
    return torch.cat([of(call)[call.rows(side)] for side in SIDES for call in calls])


@contextmanager
def open_batch(pipe: Any, solver: str = "") -> Iterator[Batch]:
    """Take over the denoiser's `forward` and its cross-attention; give both back at the end, also after an error."""
    with attached(pipe.unet) as state:
        batch = Batch(pipe, state, pipe.unet.forward, solver)
        with patched(pipe.unet, "forward", batch.pause):
            try:
                yield batch
            finally:
                batch.close(RuntimeError("the batch has ended"))
