"""What all trainers of this room share: schedule, EMA, checkpoints that resume, progress."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up to `rate`, then a cosine down to a twentieth of it at `iterations`."""

    iterations: int
    batch: int
    rate: float
    warmup: int = 200

    def at(self, iteration: int) -> float:
        """The learning rate at an iteration."""
        if iteration < self.warmup:
            return self.rate * (iteration + 1) / self.warmup
        progress = min(1.0, (iteration - self.warmup) / max(1, self.iterations - self.warmup))
        return self.rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))


class Ema:
    """An exponential moving average of a module's parameters, warmed up as (1 + n) / (10 + n)."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
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


class Trainer(ABC):
    """A resumable training run over endless fresh data.

    A checkpoint holds weights, EMA, optimiser, random state and the number of samples seen; it is
    replaced atomically, so an interrupted run goes on from the last whole one.
    """

    def __init__(self, module: nn.Module, schedule: Schedule, seed: int) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.module = module.to(self.device)
        self.schedule = schedule
        self.ema = Ema(module)
        self.optimiser = torch.optim.AdamW(module.parameters(), lr=schedule.rate, weight_decay=0.01, betas=(0.9, 0.99))
        self.iteration = 0
        self.samples = 0

    @abstractmethod
    def loss(self, batch: int) -> Tensor:
        """The loss over `batch` fresh samples."""

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
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
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint written by `save`."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.module.load_state_dict(state["module"])
        self.ema.shadow = state["ema"]
        self.ema.updates = state["ema_updates"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration, self.samples = state["iteration"], state["samples"]
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"].cpu())
        if self.device.type == "cuda" and state["cuda_rng"]:
            torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda_rng"]])

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Begin at given weights, with a fresh optimiser and its warm-up."""
        self.module.load_state_dict(weights)
        self.ema = Ema(self.module)

    def run(
        self, checkpoint: Path, every: int = 250, minutes: float = math.inf, on_save: Callable[[], None] = lambda: None
    ) -> None:
        """Train to the schedule's end or for `minutes`, printing progress and saving `every` iterations."""
        started, seen, running = time.monotonic(), self.samples, 0.0
        self.module.train()
        while self.iteration < self.schedule.iterations and time.monotonic() - started < minutes * 60:
            for group in self.optimiser.param_groups:
                group["lr"] = self.schedule.at(self.iteration)
            loss = self.loss(self.schedule.batch)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimiser.step()
            self.ema.update(self.module)
            self.iteration += 1
            self.samples += self.schedule.batch
            running = loss.item() if running == 0 else 0.98 * running + 0.02 * loss.item()
            if self.iteration % 50 == 0:
                rate = (self.samples - seen) / (time.monotonic() - started)
                print(f"{self.iteration:>7} of {self.schedule.iterations}  loss {running:.4f}  "
                      f"{self.samples} samples, {rate:.1f} a second", flush=True)  # fmt: skip
            if self.iteration % every == 0:
                self.save(checkpoint)
                on_save()
        self.save(checkpoint)
        on_save()
