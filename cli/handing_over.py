"""What a painting command ends with on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muralist import Result


def show(result: Result, as_json: bool) -> None:
    """What came of it: for people, or as JSON."""
    from . import summary
    from .terminal import Terminal, say_json

    if as_json:
        say_json(summary.as_json(result.run, result.attempt, summary.files(result)))
    else:
        summary.print_summary(result, Terminal())
