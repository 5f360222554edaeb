"""What the trainers of all parts share: the loop, averaged weights, checkpoints that resume."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from muralist.tools.errors import BadSettings, StoreError

from .optimiser import MuonAdamW
from .precision import Precision, fastest
from .schedule import Schedule

REPORTED = 50
"""Iterations from one report to the next."""


class Ema:
    """An exponential moving average of a module's parameters, warmed up as (1 + n) / (10 + n)."""

    def __init__(self, module: nn.Module, decay: float = 0.9995) -> None:
        self.decay = decay
        self.updates = 0
        self.shadow = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average one step towards the module's present values."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                self.shadow[name].lerp_(value, 1 - decay)
            else:
                self.shadow[name].copy_(value)


@dataclass(frozen=True)
class Progress:
    """Where a run is: `loss` is averaged over some fifty iterations, `seconds` are CPU seconds of this process."""

    iteration: int
    samples: int
    loss: float
    seconds: float
    seen: int
    """Samples since the process began."""

    @property
    def rate(self) -> float:
        """Samples per CPU second."""
        return self.seen / max(self.seconds, 1e-9)

    def __str__(self) -> str:
        return f"{self.iteration:>7}  loss {self.loss:.4f}  {self.samples} samples, {self.rate:.1f} a CPU second"


class Trainer(ABC):
    """A resumable training run over endless fresh data.

    A checkpoint holds weights, averaged weights, optimiser, random state and the number of samples seen; it is replaced
    atomically, so an interrupted run goes on from the last whole one.
    """

    def __init__(self, module: nn.Module, schedule: Schedule, seed: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.module = module.to(self.device)
        self.schedule = schedule
        self.precision = Precision(half=self.device.type == "cuda")
        self.ema = Ema(module)
        self.optimiser = MuonAdamW(module)
        self.iteration = 0
        self.samples = 0

    def begin(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Prepare what the loss needs, where that takes long."""

    @abstractmethod
    def loss(self, batch: int) -> Tensor:
        """The loss over `batch` fresh samples."""

    @abstractmethod
    def shipped(self) -> dict[str, Tensor] | None:
        """The module's state as it is shipped; None if nothing is."""

    @abstractmethod
    def evaluate(self, sheet: Path) -> tuple[float, list[str]]:
        """Mark the averaged weights on what was held out: a figure that is better the higher, and lines that tell it.

        Where there is something to look at, it is saved as the PNG file `sheet`.
        """

    @abstractmethod
    def ship(self, weights: Path) -> None:
        """Write the averaged weights as a folder like the package's holds them."""

    def choose_precision(self, report: Callable[[str], None]) -> None:
        """Measure which arithmetic is fastest here, and train in it; weights and random state stay as they are."""
        kept, rng = torch.get_rng_state(), self.rng.bit_generator.state

        def loss(batch: int, precision: Precision) -> Tensor:
            self.precision = precision
            return self.loss(batch)

        buffers = {name: value.clone() for name, value in self.module.named_buffers()}
        self.precision = fastest(loss, report)
        self.module.zero_grad(set_to_none=True)
        for name, value in self.module.named_buffers():
            value.copy_(buffers[name])
        torch.set_rng_state(kept)
        self.rng.bit_generator.state = rng

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all. Raises StoreError if it cannot be written."""
        state = {
            "module": self.module.state_dict(),
            "ema": self.ema.shadow,
            "ema_updates": self.ema.updates,
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "samples": self.samples,
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all(),
        }
        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, partial)
            partial.replace(path)
        except (OSError, RuntimeError) as error:  # torch tells of a full disk by RuntimeError
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            reason = error.strerror if isinstance(error, OSError) else "the disk may be full"
            raise StoreError(
                f"cannot write {path}: {reason}; make room or choose another folder with --runs; the last whole "
                "checkpoint is still there"
            ) from error

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint written by `save`. Raises BadSettings if it is damaged or of another shape."""
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            self.module.load_state_dict(state["module"])
            self.optimiser.load_state_dict(state["optimiser"])
        except Exception as error:
            raise BadSettings(
                f"{path} is damaged or of another shape than what is trained now ({type(error).__name__}): move it "
                "away, or begin anew with --fresh"
            ) from error
        self.ema.shadow = state["ema"]
        self.ema.updates = state["ema_updates"]
        self.iteration, self.samples = state["iteration"], state["samples"]
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"].cpu())
        if self.device.type == "cuda" and state["cuda_rng"]:
            torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda_rng"]])

    def start_from_shipped(self) -> bool:
        """Begin at the shipped weights, with a fresh optimiser; False if there are none of this shape."""
        weights, own = self.shipped(), self.module.state_dict()
        if weights is None or {n: v.shape for n, v in weights.items()} != {n: v.shape for n, v in own.items()}:
            return False
        self.module.load_state_dict(weights)
        self.ema = Ema(self.module, self.ema.decay)
        return True

    def cool_down(self, iterations: int) -> None:
        """From now on, bring the rate down to zero within so many iterations, and end there."""
        self.schedule = replace(self.schedule, cooldown=(self.iteration, iterations))

    def steps(self) -> Iterator[Progress]:
        """Train, an iteration at a time, until the schedule ends."""
        started, seen, averaged = time.process_time(), self.samples, 0.0
        self.module.train()
        while self.iteration < self.schedule.end:
            loss = self.loss(self.schedule.batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimiser.step(self.schedule.at(self.iteration), self.precision.half)
            self.ema.update(self.module)
            self.iteration += 1
            self.samples += self.schedule.batch
            averaged = loss.item() if averaged == 0 else 0.98 * averaged + 0.02 * loss.item()
            yield Progress(
                self.iteration, self.samples, averaged, time.process_time() - started, self.samples - seen
            )  # fmt: skip


@contextmanager
def alone(checkpoint: Path) -> Iterator[None]:
    """Hold a checkpoint for this trainer. Raises BadSettings if another one trains on it."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(checkpoint.with_suffix(".lock"), timeout=0):
            yield
    except Timeout:
        raise BadSettings(
            f"another trainer works on {checkpoint}: look at it with --status, end it with --stop, or choose another "
            "folder with --runs"
        ) from None
