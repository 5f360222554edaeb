"""What is said of a run: the answers about its best picture, for people and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muralist.tools.answers import answered
from muralist.tools.printable import printable
from muralist.tools.recaption import in_other_words
from muralist.tools.run import Attempt, Run

if TYPE_CHECKING:
    from muralist import Result

MARKS = {"pass": ("yes", "green"), "fail": ("no", "red"), "unsure": ("unsure", "yellow"), "skipped": ("-", "dim")}
PARTS = ("backbone", "model", "inspector")


def print_summary(result: Result, console: Console) -> None:
    """Passed or not, the answer to every question, words not understood, and where the files are."""
    print_findings(result.run, result.attempt, console)
    for path in files(result).values():
        console.print(Text(str(path)), soft_wrap=True)


def print_findings(run: Run, attempt: Attempt, console: Console) -> None:
    """What one of the run's pictures shows of what was asked for, and what was not understood."""
    answers = answered(run, attempt)
    table = Table("question", "answer", "why", box=None, pad_edge=False)
    for answer in answers:
        mark, colour = MARKS[answer.status]
        # Made printable before the columns are measured, or they would be too narrow.
        text, why = printable(answer.text), printable(answer.why)
        table.add_row(Text(text), Text(mark, style=colour), Text(why, style="dim"))
    if answers:
        console.print(table)
    right = sum(answer.status == "pass" for answer in answers)
    verdict = ("passed", "bold green") if run.passed else ("not passed", "bold yellow")
    score = f"score {attempt.score or 0.0:.2f}"
    counts = "; ".join(filter(None, [f"{right} of {len(answers)} questions, {score}", run.reason]))
    console.print(Text.assemble(verdict, f": {counts}"), soft_wrap=True)
    if run.scene is not None and (reworded := in_other_words(run.scene)):
        console.print(Text(f"understood: {', '.join(reworded)}"), soft_wrap=True)
    if run.not_understood:
        words = ", ".join(run.not_understood)
        console.print(Text(f"not understood, kept in the caption only: {words}"), soft_wrap=True)
    if run.filled_in:
        steps = ", ".join(run.filled_in)
        console.print(Text(f"the offline rules filled in for the model: {steps}"), soft_wrap=True)


def as_json(run: Run, attempt: Attempt | None, written: dict[str, Path]) -> dict[str, Any]:
    """The same as one JSON object; `attempt` is the picture that it is about, if there is one."""
    layout = run.layout if attempt is None else run.layout_of(attempt)
    answers = [] if attempt is None else answered(run, attempt)
    return {
        "run_id": run.run_id,
        "prompt": run.prompt,
        "passed": run.passed,
        "score": attempt.score or 0.0 if attempt else 0.0,
        "share_passed": attempt.share_passed or 0.0 if attempt else 0.0,
        "reason": run.reason,
        "attempts": len(run.attempts),
        "image_id": attempt and attempt.image_id,
        "drafted_by": run.drafted_by,
        "layout_by": run.layout_by,
        "filled_in": run.filled_in,
        "mode": run.mode,
        "usage": run.usage.model_dump(mode="json"),
        "understood": [] if run.scene is None else in_other_words(run.scene),
        "not_understood": run.not_understood,
        "questions": [answer.model_dump(mode="json") for answer in answers],
        "scene": run.scene and run.scene.model_dump(mode="json"),
        "layout": layout and layout.model_dump(mode="json", exclude_none=True),
        "files": {name: str(path) for name, path in written.items()},
    }


def files(result: Result) -> dict[str, Path]:
    """The files of the run's folder that a reader looks for first."""
    return {} if result.path is None else {"final": result.path, "report": result.path.with_name("report.html")}
