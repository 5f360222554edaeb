"""Batching at step granularity: pictures of one size share each call of the denoiser, whatever step each is at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image

from muralist.diffusion.backbone import STABLE_DIFFUSION
from muralist.diffusion.control import RegionTexts, Row, Side, following
from muralist.diffusion.cross_attention import Denoising, attached
from muralist.diffusion.families import family_of
from muralist.diffusion.overlay import overlaid
from muralist.diffusion.regional import checked, encoded
from muralist.tools.layout import Region

from .memory import is_out_of_memory
from .picture import paint
from .request import Request
from .strand import Strand

SIDES: tuple[Side, Side] = ("negative", "positive")
"""The order of the rows: all unconditional ones, then all conditional ones."""


def can_batch(pipe: Any) -> bool:
    """Whether the pipeline's denoiser takes rows at different timesteps, and nothing besides that is not by row."""
    return (
        type(pipe).__name__ in STABLE_DIFFUSION
        and pipe.unet.config.time_cond_proj_dim is None
        and pipe.unet.config.encoder_hid_dim_type is None
        and all(getattr(part, "_hf_hook", None) is None for part in (pipe.unet, pipe.vae))  # offloading moves them
    )


@dataclass(eq=False)
class Seat:
    """A request in the batch: a stock pipeline of its own, stopped where it calls the denoiser."""

    request: Request
    strand: Strand[Call, Image.Image]
    regions: dict[Side, RegionTexts] = field(default_factory=dict)
    """What its rows follow besides their prompts."""
    call: Call | None = None
    """What it waits for."""


@dataclass(frozen=True, eq=False)
class Call:
    """A call of the denoiser: one row, or two with guidance, the unconditional one first."""

    sample: torch.Tensor
    timestep: torch.Tensor
    text: torch.Tensor
    added: dict[str, torch.Tensor]

    def rows(self, side: Side) -> slice:
        """Its unconditional rows, of which there are none without guidance, or its conditional ones."""
        guided = len(self.sample) // 2
        return slice(0, guided) if side == "negative" else slice(guided, None)


@dataclass(frozen=True, eq=False)
class Company:
    """Calls that are made as one, step after step: what does not change meanwhile is put together once."""

    texts: list[torch.Tensor]
    text: torch.Tensor
    """(B, T, C); attention knows by the very object that the keys and values of the step before still hold."""
    added: dict[str, torch.Tensor]
    rows: list[Row]


class Batch:
    """Requests that are painted together, each by the stock pipeline with its own solver, seed, layout and guidance.

    Within `open_batch`. A step is one call of the denoiser for all; a request joins before any step, and leaves after
    its last one, or within one step after it was stopped. `forward` is the denoiser's own.
    """

    def __init__(self, pipe: Any, denoising: Denoising, forward: Callable[..., Any]) -> None:
        self.pipe = pipe
        self.denoising = denoising
        self.seats: list[Seat] = []
        self.together = 1 << 30
        """Pictures per call of the denoiser; halved when memory runs out."""
        self._forward = forward
        self._companies: dict[tuple[int, ...], Company] = {}

    def join(self, request: Request) -> Seat:
        """Prepare a request up to its first step; it may be done already, with an error."""
        seat: Seat

        @contextmanager
        def attend(pipe: Any, regions: Sequence[Region], base_ratio: float) -> Iterator[None]:
            (layout,), control = checked(regions, base_ratio, until=1, feather=0)
            seat.regions = encoded(pipe, family_of(pipe), layout, control)
            try:
                yield
            finally:
                seat.regions = {}

        def work() -> Image.Image:
            request.check("before the picture was begun")
            torch.set_num_threads(threads)  # each thread starts out with as many as there are cores
            return paint(self.pipe, request.spec, request.after_step, attend)

        threads = torch.get_num_threads()
        seat = Seat(request, Strand(work, f"painter-{request.spec.seed}"))
        self.seats.append(seat)
        seat.call = seat.strand.resume()
        return seat

    def leave(self) -> list[Seat]:
        """Take out those who are done."""
        done = [seat for seat in self.seats if seat.strand.done]
        self.seats = [seat for seat in self.seats if not seat.strand.done]
        return done

    def step(self) -> None:
        """One step of every request. Raises out-of-memory errors if one picture alone is too large."""
        waiting = list(self.seats)
        answers: list[torch.Tensor] = []
        while len(answers) < len(waiting):
            try:
                answers += self._denoised(waiting[len(answers) : len(answers) + self.together])
            except Exception as error:
                size = min(self.together, len(waiting))
                if size == 1 or not is_out_of_memory(error):
                    raise
                self.together = size // 2
        for seat, answer in zip(waiting, answers, strict=True):
            seat.call = seat.strand.resume(answer)

    def close(self, error: BaseException) -> None:
        """End what is left with `error`."""
        for seat in self.seats:
            seat.strand.close(error)

    def pause(self, *args: Any, **kwargs: Any) -> Any:
        """In place of the denoiser's `forward`: on a strand, wait for the others; elsewhere, call it."""
        seat = next((seat for seat in self.seats if seat.strand.is_here()), None)
        if seat is None:
            return self._forward(*args, **kwargs)
        sample, timestep = args[:2]
        added = kwargs.get("added_cond_kwargs") or {}
        timestep = torch.as_tensor(timestep, device=sample.device).expand(len(sample))
        return (seat.strand.pause(Call(sample, timestep, kwargs["encoder_hidden_states"], added)),)

    @torch.no_grad()
    def _denoised(self, seats: list[Seat]) -> list[torch.Tensor]:
        """The denoiser's answer to each."""
        calls = [seat.call for seat in seats if seat.call is not None]
        company = self._company(seats, calls)
        self.denoising.begin(*calls[0].sample.shape[2:])
        self.denoising.follow(company.rows)
        answer = self._forward(
            _joined(calls, lambda call: call.sample), _joined(calls, lambda call: call.timestep),
            encoder_hidden_states=company.text, added_cond_kwargs=company.added or None, return_dict=False,
        )[0]  # fmt: skip
        pieces = answer.split([len(call.sample[call.rows(side)]) for side in SIDES for call in calls])
        return [torch.cat(both) for both in zip(pieces[: len(calls)], pieces[len(calls) :], strict=True)]

    def _company(self, seats: list[Seat], calls: list[Call]) -> Company:
        """The same object as at the step before if the same pictures with the same prompts are together."""
        key = tuple(id(seat) for seat in seats)
        known, texts = self._companies.get(key), [call.text for call in calls]
        if known is not None and all(a is b for a, b in zip(known.texts, texts, strict=True)):
            return known
        rows: list[Row] = []
        for side in SIDES:
            for seat, call in zip(seats, calls, strict=True):
                rows += [following(seat.regions.get(side))] * len(call.sample[call.rows(side)])
        added = {name: _joined(calls, lambda call, name=name: call.added[name]) for name in calls[0].added}  # type: ignore[misc]
        here = {id(seat) for seat in self.seats}
        self._companies = {ids: company for ids, company in self._companies.items() if here.issuperset(ids)}
        self._companies[key] = Company(texts, _joined(calls, lambda call: call.text), added, rows)
        return self._companies[key]


def _joined(calls: list[Call], of: Callable[[Call], torch.Tensor]) -> torch.Tensor:
    """One tensor of all calls' rows, in the order of `SIDES`."""
    return torch.cat([of(call)[call.rows(side)] for side in SIDES for call in calls])


@contextmanager
def open_batch(pipe: Any) -> Iterator[Batch]:
    """Take over the denoiser's `forward` and its cross-attention; give both back at the end, also after an error."""
    with attached(pipe.unet) as denoising:
        batch = Batch(pipe, denoising, pipe.unet.forward)
        with overlaid(pipe.unet, "forward", batch.pause):
            try:
                yield batch
            finally:
                batch.close(RuntimeError("the batch has ended"))
