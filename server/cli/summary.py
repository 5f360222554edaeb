"""What `muralist draw` says at the end, for people and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muralist.server.answers import answered
from muralist.tools.recaption import in_other_words

if TYPE_CHECKING:
    from muralist import Result

MARKS = {"pass": ("yes", "green"), "fail": ("no", "red"), "unsure": ("unsure", "yellow"), "skipped": ("-", "dim")}


def print_summary(result: Result, console: Console) -> None:
    """Passed or not, the answer to every question, words not understood, and where the files are."""
    answers = answered(result.run, result.attempt)
    table = Table("question", "answer", "why", box=None, pad_edge=False)
    for answer in answers:
        mark, colour = MARKS[answer.status]
        table.add_row(Text(answer.text), Text(mark, style=colour), Text(answer.why, style="dim"))
    if answers:
        console.print(table)
    right = sum(answer.status == "pass" for answer in answers)
    verdict = ("passed", "bold green") if result.passed else ("not passed", "bold yellow")
    console.print(
        Text.assemble(verdict, f": {right} of {len(answers)} questions, score {result.score:.2f}; {result.reason}"),
        soft_wrap=True,
    )
    if reworded := in_other_words(result.scene):
        console.print(Text(f"understood: {', '.join(reworded)}"), soft_wrap=True)
    if result.scene.unparsed:
        words = ", ".join(result.scene.unparsed)
        console.print(Text(f"not understood, kept in the caption only: {words}"), soft_wrap=True)
    if result.run.filled_in:
        steps = ", ".join(result.run.filled_in)
        console.print(Text(f"the offline rules filled in for the model: {steps}"), soft_wrap=True)
    for path in files(result).values():
        console.print(Text(str(path)), soft_wrap=True)


def as_json(result: Result) -> dict[str, Any]:
    """The same as one JSON object."""
    run = result.run
    return {
        "run_id": result.run_id,
        "prompt": result.scene.prompt,
        "passed": result.passed,
        "score": result.score,
        "share_passed": result.share_passed,
        "reason": result.reason,
        "attempts": len(result.attempts),
        "image_id": result.image_id,
        "drafted_by": run.drafted_by,
        "layout_by": run.layout_by,
        "filled_in": run.filled_in,
        "mode": run.mode,
        "usage": run.usage.model_dump(mode="json"),
        "understood": in_other_words(result.scene),
        "not_understood": result.scene.unparsed,
        "questions": [answer.model_dump(mode="json") for answer in answered(run, result.attempt)],
        "scene": result.scene.model_dump(mode="json"),
        "layout": result.layout.model_dump(mode="json", exclude_none=True),
        "files": {name: str(path) for name, path in files(result).items()},
    }


def files(result: Result) -> dict[str, Path]:
    """The files of the run's folder that a reader looks for first."""
    return {} if result.path is None else {"final": result.path, "report": result.path.with_name("report.html")}
