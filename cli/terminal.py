"""All that the command line prints goes through here: no words of a prompt, a model or a file command the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from muralist.tools.printable import UNSEEN, printable


class Terminal(Console):
    """A console whose texts are made printable; colours and the movements of a progress bar are its own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does it, with every text made printable."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


def say(line: object, *, err: bool = False) -> None:
    """One line on stdout, or on stderr."""
    typer.echo(printable(str(line)), err=err)


def say_json(data: Any) -> None:
    """One JSON object on stdout, in which JSON's own escapes stand for what is not printable."""
    text = json.dumps(data, ensure_ascii=False)
    typer.echo(UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
