"""A part's training in one process: until it is stopped, or down to a rate of zero."""

from __future__ import annotations

import argparse
import signal
import time
from dataclasses import replace

import torch

from muralist.picturebook.backbone import WEIGHTS

from . import background
from .background import Desk, Status
from .parts import PARTS
from .schedule import Schedule
from .trainer import REPORTED, Trainer, alone

HOUR = 3600.0
"""CPU seconds after which a trainer marks itself."""
SAVED = 300.0
"""Seconds from one checkpoint to the next."""


def train(desk: Desk, options: argparse.Namespace) -> None:
    """Train in this process until it is stopped, the minutes are over or the rate is down at zero."""
    torch.set_num_threads(options.threads)
    if options.cooldown:
        cooled(desk, options)
        return
    with alone(desk.checkpoint):
        known = replace(desk.read(), pid=background.supervisor(), seen=0)
        desk.write(known)
        trainer = prepare(desk, options)
        trainer.choose_precision(_say)
        Sitting(desk, trainer, replace(known, precision=str(trainer.precision)), options.minutes).run()
        if options.ship:
            trainer.ship(WEIGHTS)
            _say(f"shipped to {WEIGHTS} after {trainer.samples} samples")


def prepare(desk: Desk, options: argparse.Namespace) -> Trainer:
    """A part's trainer, as far as it has come."""
    part = PARTS[options.part]
    trainer = part.trainer(Schedule(options.batch or part.batch, options.rate or part.rate), options.seed, options.runs)
    trainer.begin()
    if options.fresh and desk.checkpoint.exists():
        desk.checkpoint.replace(desk.former)
        _say(f"what was trained before is kept as {desk.former}")
    if desk.checkpoint.exists():
        trainer.resume(desk.checkpoint)
        _say(f"going on from {desk.checkpoint}: {trainer.samples} samples seen")
    elif not options.fresh and trainer.start_from_shipped():
        _say("going on from the shipped weights, with a fresh optimiser")
    else:
        _say("beginning from nothing")
    return trainer


class Sitting:
    """One process's work on a checkpoint: it saves every few minutes, marks itself every hour and keeps the best."""

    def __init__(self, desk: Desk, trainer: Trainer, status: Status, minutes: float) -> None:
        self.desk, self.trainer, self.status = desk, trainer, status
        self.until = time.monotonic() + minutes * 60
        self.saved = time.monotonic()
        self.stopping = False

    def run(self) -> None:
        """Train; SIGTERM and SIGINT end it after the current iteration."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: setattr(self, "stopping", True))
        before, told = self.status.unexamined, 0.0
        for progress in self.trainer.steps():
            first = progress.seen == REPORTED * self.trainer.schedule.batch
            over = self.stopping or time.monotonic() > self.until
            if over or progress.iteration % REPORTED == 0:
                _say(str(progress))
                self.status = replace(
                    self.status, iteration=progress.iteration, samples=progress.samples, loss=progress.loss,
                    rate=progress.rate, seen=progress.seen, unexamined=before + progress.seconds - told,
                )  # fmt: skip
                self.desk.write(self.status)
            if self.status.unexamined > HOUR:
                self.examine()
                before, told = 0.0, progress.seconds
            if over or first or time.monotonic() > self.saved + SAVED:
                self.trainer.save(self.desk.checkpoint)
                self.saved = time.monotonic()
            if over:
                return
            background.wait_while_paused(self.desk, lambda: self.stopping)

    def examine(self) -> None:
        """Mark the averaged weights, and keep them if they are the best so far."""
        self.trainer.save(self.desk.checkpoint)
        figure, lines = self.trainer.examine(self.desk.sheet(self.trainer.samples))
        marks = [f"{self.trainer.samples} samples: {line}" for line in lines]
        for line in marks:
            _say(line)
        if figure > self.status.best:
            self.trainer.ship(self.desk.best)
        self.status = replace(self.status, marks=marks, best=max(figure, self.status.best), unexamined=0.0)
        self.desk.write(self.status)


def cooled(desk: Desk, options: argparse.Namespace) -> None:
    """Bring the rate down to zero from the checkpoint on, which stays as it is, and mark what comes of it."""
    trainer = prepare(desk, options)
    trainer.choose_precision(_say)
    trainer.cool_down(options.cooldown)
    for progress in trainer.steps():
        if progress.iteration % REPORTED == 0:
            _say(str(progress))
    for line in trainer.examine(desk.sheet(trainer.samples))[1]:
        _say(f"cooled down after {trainer.samples} samples: {line}")
    chosen = WEIGHTS if options.ship else desk.cooled
    trainer.ship(chosen)
    _say(f"written to {chosen}")


def _say(line: str) -> None:
    print(line, flush=True)
