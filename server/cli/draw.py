"""`muralist draw`: run the loop, show how it goes, and stop within a step when asked to."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from muralist.agent.settings import Settings
from muralist.tools.errors import Cancelled
from muralist.tools.layout import Layout

from .folders import check_writable

if TYPE_CHECKING:
    from muralist import Event, Result


def draw(
    prompt: str, *, out: Path, seed: int, settings: Settings, console: Console, layout: Layout | None = None,
    image: Path | None = None,
) -> Result:  # fmt: skip
    """Paint into the folder `out`, or have `image` show what the prompt says; progress goes to `console`.

    Raises MuralistError; Cancelled after Ctrl-C, once what was finished is kept.
    """
    check_writable(settings.home, "home folder")
    with interruptible() as cancel, Display(console) as display:
        from muralist import adraw, aedit

        how: dict[str, Any] = {
            "seed": seed, "out": out, "on_event": display.show, "cancel": cancel, "settings": settings,
        }  # fmt: skip
        painting = adraw(prompt, layout=layout, **how) if image is None else aedit(image, prompt, **how)
        result: Result = asyncio.run(painting)
    place = out if result.path is None else result.path.parent
    if result.run.status == "cancelled":
        raise Cancelled(f"stopped; what was finished is in {place}")
    if place != out.expanduser().absolute():
        console.print(Text(f"{out} holds the given picture, which stays: the result is in {place}"), soft_wrap=True)
    return result


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; a second Ctrl-C interrupts at once."""
    cancel = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if cancel.is_set():
            raise KeyboardInterrupt
        cancel.set()

    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield cancel
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


class Display:
    """A line per verdict, and how the painting goes: on a terminal a bar of denoising steps, elsewhere lines.

    Events may come from any thread. `pause`: seconds between two lines of one picture.
    """

    def __init__(self, console: Console, pause: float = 10.0) -> None:
        self.console = console
        self.pause = pause
        self.spoke = 0.0
        self.bar = TaskID(0)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Display:
        self.progress.start()
        self._only("reading the prompt")
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, event: Event) -> None:
        """Take in one event of the run."""
        data: dict[str, Any] = event.data
        match event.kind:
            case "painting":
                name = f"picture {data['number']} ({data['action']}, seed {data['seed']})"
                self._only(name)
                self._line(f"{name}: {data['steps']} steps")
            case "step":
                self.progress.update(self.bar, completed=data["step"], total=data["steps"])
                if time.monotonic() - self.spoke >= self.pause:
                    self._line(f"picture {data['number']}: step {data['step']} of {data['steps']}")
            case "judged":
                self._judged(data)
            case "filled_in" | "beyond":
                self.console.print(Text(data["text"], style="yellow"), soft_wrap=True)

    def _only(self, name: str) -> None:
        """Show one bar of this name; it pulses until the number of steps is known, while the backbone is loaded."""
        for bar in self.progress.task_ids:
            self.progress.remove_task(bar)
        self.bar = self.progress.add_task(name, total=None)

    def _line(self, text: str) -> None:
        """Say it where there is no bar."""
        if not self.console.is_terminal:
            self.spoke = time.monotonic()
            self.console.print(Text(text, style="dim"), soft_wrap=True)

    def _judged(self, data: dict[str, Any]) -> None:
        verdict = {True: ("kept", "green"), False: ("thrown away", "yellow"), None: ("awaits verdicts", "yellow")}
        score = "" if data["score"] is None else f" (score {data['score']:.2f})"
        self.console.print(
            Text.assemble(f"picture {data['number']}{score} ", verdict[data["accepted"]], f": {data['reason']}"),
            soft_wrap=True,
        )
