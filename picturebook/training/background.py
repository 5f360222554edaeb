"""A trainer that runs for hours beside other work: started, looked at, paused and stopped from the shell."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from muralist.tools.errors import BadSettings

SUPERVISOR = "MURALIST_TRAINING_SUPERVISOR"
"""Environment variable by which a trainer knows who starts it again after a kill."""
NICENESS = 15
AGAIN = 5.0
"""Seconds before a killed trainer is started again."""
PATIENCE = 120.0
"""Seconds that a trainer may take to save and end."""


@dataclass(frozen=True)
class Status:
    """What a trainer says of itself every fifty iterations; `unexamined` are CPU seconds since it marked itself."""

    pid: int = 0
    iteration: int = 0
    samples: int = 0
    loss: float = 0.0
    rate: float = 0.0
    seen: int = 0
    unexamined: float = 0.0
    precision: str = ""
    marks: list[str] = field(default_factory=list)
    best: float = 0.0
    updated: float = 0.0


@dataclass(frozen=True)
class TrainingFiles:
    """The files of a part's training: checkpoint, log, status, best weights."""

    folder: Path
    part: str

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.part}.pt"

    @property
    def former(self) -> Path:
        """The checkpoint that --fresh put aside."""
        return self.folder / f"{self.part}-former.pt"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.part}.log"

    @property
    def best(self) -> Path:
        """The averaged weights with the best marks so far, as they are shipped."""
        return self.folder / f"{self.part}-best"

    @property
    def cooled(self) -> Path:
        """What came of the last cooldown, as it is shipped."""
        return self.folder / f"{self.part}-cooled"

    def sheet(self, samples: int) -> Path:
        """Where what a trainer paints after so many samples is looked at."""
        return self.folder / "sheets" / f"{self.part}-{samples:08d}.png"

    @property
    def _status(self) -> Path:
        return self.folder / f"{self.part}.json"

    @property
    def _paused(self) -> Path:
        return self.folder / f"{self.part}.paused"

    def read(self) -> Status:
        """The last that a trainer said; zeros if none ever did."""
        try:
            return Status(**json.loads(self._status.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return Status()

    def write(self, status: Status) -> None:
        """Say it, whole or not at all."""
        partial = self._status.with_suffix(".new")
        partial.write_text(json.dumps(asdict(replace(status, updated=time.time()))), encoding="utf-8")
        partial.replace(self._status)

    @property
    def runs(self) -> bool:
        """True if a trainer holds the checkpoint."""
        try:
            with FileLock(self.checkpoint.with_suffix(".lock"), timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    @property
    def paused(self) -> bool:
        return self._paused.exists()

    def pause(self) -> None:
        """The trainer waits from its next iteration on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._paused.touch()

    def go(self) -> None:
        """The trainer goes on."""
        self._paused.unlink(missing_ok=True)

    def summary(self) -> str:
        """A few lines: whether it runs, samples, rate, loss, and the last held-out evaluation."""
        status = self.read()
        if not status.updated:
            return f"{self.part}: never trained in {self.folder}"
        state = ("paused" if self.paused else f"training, process {status.pid}") if self.runs else "not running"
        ago = max(0.0, time.time() - status.updated)
        lines = [
            f"{self.part}: {state}; {status.samples} samples, {status.seen} of them since it was started, "
            f"{status.rate:.1f} a CPU second in {status.precision}; iteration {status.iteration}, "
            f"loss {status.loss:.4f}; said {ago:.0f} s ago"
        ]
        return "\n".join([*lines, *(f"  held out: {line}" for line in status.marks)])


def start(files: TrainingFiles, arguments: Sequence[str]) -> int:
    """Start a supervised trainer in the background; gives its process id. Raises BadSettings if one runs."""
    if files.runs:
        raise BadSettings(
            f"a trainer already works on {files.checkpoint}: look at it with --status, end it with --stop"
        )
    files.folder.mkdir(parents=True, exist_ok=True)
    files.go()
    with files.log.open("a", encoding="utf-8") as log:
        command = [sys.executable, "-m", __name__, *arguments]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        ).pid


def stop(files: TrainingFiles) -> None:
    """Let the trainer finish its iteration, save and end. Raises BadSettings if none runs or it does not end."""
    if not files.runs:
        raise BadSettings(f"no trainer works on {files.checkpoint}: start one with --background")
    files.go()
    os.kill(files.read().pid, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while files.runs:
        if time.monotonic() > until:
            raise BadSettings(
                f"process {files.read().pid} did not end within {PATIENCE:.0f} seconds: look at {files.log}"
            )
        time.sleep(0.2)


def supervisor() -> int:
    """The process that answers for this trainer: whoever would start it again, or itself."""
    return int(os.environ.get(SUPERVISOR, os.getpid()))


def wait_while_paused(files: TrainingFiles, stopping: Callable[[], bool]) -> None:
    """Return once nobody pauses the trainer, or it has to end."""
    while files.paused and not stopping():
        time.sleep(0.5)


def _be_nice() -> None:
    """Let everyone else go first; where Linux shares the processor out by sessions, this one, too."""
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def main(arguments: Sequence[str]) -> int:
    """Run the trainer, and again whenever a signal ended it that was not meant for it; niced."""
    _be_nice()
    worker: subprocess.Popen[bytes] | None = None
    stopping = False

    def on_stop(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        if worker is not None:
            worker.terminate()

    signal.signal(signal.SIGTERM, on_stop)
    environment: dict[str, Any] = {**os.environ, SUPERVISOR: str(os.getpid())}
    while True:
        worker = subprocess.Popen([sys.executable, "-m", "muralist.picturebook.train", *arguments], env=environment)
        ended = worker.wait()
        if stopping or ended >= 0:
            return abs(ended)
        print(f"the trainer was ended by signal {-ended}: it goes on from its checkpoint", flush=True)
        arguments = [word for word in arguments if word != "--fresh"]
        time.sleep(AGAIN)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
