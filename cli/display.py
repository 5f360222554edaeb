"""How a painting goes: lines of what was found, and on a terminal a bar of denoising steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from muralist import Event


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
            case "opened":
                self.console.print(Text(f"run {event.run_id}"), soft_wrap=True)
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
