"""One training session of a part: until it is stopped, or with a cooldown to a learning rate of zero."""

from __future__ import annotations

import argparse
import signal
import time
from dataclasses import replace

import torch

from muralist.picturebook.backbone import WEIGHTS

from . import background
from .background import Status, TrainingFiles
from .parts import PARTS
from .schedule import Schedule
from .trainer import REPORTED, Trainer, alone

HOUR = 3600.0
"""CPU seconds from one evaluation to the next."""
SAVED = 300.0
"""Seconds from one checkpoint to the next."""


def train(files: TrainingFiles, options: argparse.Namespace) -> None:
    """Train in this process until it is stopped, the minutes are over or the rate is down at zero."""
    torch.set_num_threads(options.threads)
    if options.cooldown:
        cooled(files, options)
        return
    with alone(files.checkpoint):
        known = replace(files.read(), pid=background.supervisor(), seen=0)
        files.write(known)
        trainer = prepare(files, options)
        trainer.choose_precision(_say)
        TrainingSession(files, trainer, replace(known, precision=str(trainer.precision)), options.minutes).run()
        if options.ship:
            trainer.ship(WEIGHTS)
            _say(f"shipped to {WEIGHTS} after {trainer.samples} samples")


def prepare(files: TrainingFiles, options: argparse.Namespace) -> Trainer:
    """A part's trainer, as far as it has come."""
    part = PARTS[options.part]
    trainer = part.trainer(Schedule(options.batch or part.batch, options.rate or part.rate), options.seed, options.runs)
    trainer.begin()
    if options.fresh and files.checkpoint.exists():
        files.checkpoint.replace(files.former)
        _say(f"what was trained before is kept as {files.former}")
    if files.checkpoint.exists():
        trainer.resume(files.checkpoint)
        _say(f"going on from {files.checkpoint}: {trainer.samples} samples seen")
    elif not options.fresh and trainer.start_from_shipped():
        _say("going on from the shipped weights, with a fresh optimiser")
    else:
        _say("beginning from nothing")
    return trainer


class TrainingSession:
    """One process's training from a checkpoint: saves every few minutes, evaluates every hour, keeps the best."""

    def __init__(self, files: TrainingFiles, trainer: Trainer, status: Status, minutes: float) -> None:
        self.files, self.trainer, self.status = files, trainer, status
        self.until = time.monotonic() + minutes * 60
        self.saved = time.monotonic()
        self.stopping = False

    def run(self) -> None:
        """Train; SIGTERM and SIGINT end it after the current iteration."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: setattr(self, "stopping", True))
        before, counted = self.status.unexamined, 0.0
        for progress in self.trainer.steps():
            first = progress.seen == REPORTED * self.trainer.schedule.batch
            over = self.stopping or time.monotonic() > self.until
            if over or progress.iteration % REPORTED == 0:
                _say(str(progress))
                self.status = replace(
                    self.status, iteration=progress.iteration, samples=progress.samples, loss=progress.loss,
                    rate=progress.rate, seen=progress.seen, unexamined=before + progress.seconds - counted,
                )  # fmt: skip
                self.files.write(self.status)
            if self.status.unexamined > HOUR:
                self.evaluate()
                before, counted = 0.0, progress.seconds
            if over or first or time.monotonic() > self.saved + SAVED:
                self.trainer.save(self.files.checkpoint)
                self.saved = time.monotonic()
            if over:
                return
            background.wait_while_paused(self.files, lambda: self.stopping)

    def evaluate(self) -> None:
        """Evaluate the averaged weights, and keep them if they are the best so far."""
        self.trainer.save(self.files.checkpoint)
        figure, lines = self.trainer.evaluate(self.files.sheet(self.trainer.samples))
        marks = [f"{self.trainer.samples} samples: {line}" for line in lines]
        for line in marks:
            _say(line)
        if figure > self.status.best:
            self.trainer.ship(self.files.best)
        self.status = replace(self.status, marks=marks, best=max(figure, self.status.best), unexamined=0.0)
        self.files.write(self.status)


def cooled(files: TrainingFiles, options: argparse.Namespace) -> None:
    """Bring the rate down to zero from the checkpoint on, which stays as it is, and mark what comes of it."""
    trainer = prepare(files, options)
    trainer.choose_precision(_say)
    trainer.cool_down(options.cooldown)
    for progress in trainer.steps():
        if progress.iteration % REPORTED == 0:
            _say(str(progress))
    for line in trainer.evaluate(files.sheet(trainer.samples))[1]:
        _say(f"cooled down after {trainer.samples} samples: {line}")
    chosen = WEIGHTS if options.ship else files.cooled
    trainer.ship(chosen)
    _say(f"written to {chosen}")


def _say(line: str) -> None:
    print(line, flush=True)
