"""A person's word on a plan: approve, edit, reject or respond, as an option or asked for on the terminal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muralist.signals import raising, wait_for_line
from muralist.tools.drawing import draw_layout
from muralist.tools.errors import BadSettings, Cancelled, MuralistError
from muralist.tools.layout import Layout
from muralist.tools.printable import printable
from muralist.tools.recaption import check_text
from muralist.tools.run import OFFLINE, Run

from .plan_file import read_plan
from .standing import SHORT

Decision = dict[str, Any]
FORMS = "approve, edit:FILE, reject or 'respond: WHAT TO DO BETTER'"
SIDE = 384
"""Longer side of the drawn layout, in pixels."""


def decision_of(text: str, run: Run) -> Decision:
    """What `--decide` says; a file is read as a plan for the run.

    Raises BadSettings, BadPrompt for what is no text, and BadLayout for a file.
    """
    check_text(text, "decision")
    kind, colon, rest = text.strip().partition(":")
    kind, rest = kind.strip().lower(), rest.strip()
    if kind == "approve" and not colon:
        return {"type": "approve"}
    if kind == "reject":
        return {"type": "reject", "message": rest}
    if kind == "respond" and rest:
        if run.parts.get("model") == OFFLINE:
            raise BadSettings("the offline rules heed no sentence: write edit:FILE, or draw with a --model that does")
        return {"type": "respond", "message": rest}
    if kind == "edit" and rest:
        layout = read_plan(Path(rest).expanduser(), run.prompt)
        plan = layout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        return {"type": "edit", "edited_action": {"name": "plan", "args": {"layout": plan}}}
    raise BadSettings(f"decision '{text.strip()}' is not understood: write {FORMS}")


def can_ask() -> bool:
    """Whether a person sits at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def asked(run: Run, console: Console, mistake: str, way_on: str) -> Decision | None:
    """Show the plan and ask until there is a decision; None at the end of the input. Raises Cancelled on a signal."""
    if run.layout is None:
        raise AssertionError("only a plan is decided about")
    drawing = _drawn(run, run.layout)
    try:
        _show(run, run.layout, drawing, console, mistake)
        with raising():
            return _answer(run, console)
    except KeyboardInterrupt:
        raise Cancelled(f"stopped; the plan waits for approval; go on with: {way_on}") from None
    finally:
        drawing.unlink(missing_ok=True)


def _drawn(run: Run, layout: Layout) -> Path:
    width, height = run.options.width, run.options.height
    scale = SIDE / max(width, height)
    with tempfile.NamedTemporaryFile(
        prefix=f"muralist-plan-{run.run_id[:SHORT]}-", suffix=".png", delete=False
    ) as file:
        draw_layout(layout, round(width * scale), round(height * scale)).save(file, "PNG")
    return Path(file.name)


def _show(run: Run, layout: Layout, drawing: Path, console: Console, mistake: str) -> None:
    if mistake:
        console.print(Text(f"that plan cannot be painted: {mistake}", style="yellow"), soft_wrap=True)
    table = Table("region", title=Text(f"the plan of run {run.run_id[:SHORT]}"), box=None, pad_edge=False)
    for side in ("left", "top", "right", "bottom"):
        table.add_column(side, justify="right")
    for region in layout.regions:
        box = region.box
        table.add_row(Text(printable(region.prompt)), *(f"{edge:.2f}" for edge in (box.x0, box.y0, box.x1, box.y1)))
    console.print(table)
    console.print(Text(f"drawn in {drawing}"), soft_wrap=True)


def _answer(run: Run, console: Console) -> Decision | None:
    while True:
        console.print(Text("approve, edit:FILE, reject or respond: WHAT TO DO BETTER > "), end="")
        wait_for_line(sys.stdin)
        text = sys.stdin.readline()
        if not text:
            console.print()
            return None
        try:
            return decision_of(text.rstrip("\n"), run)
        except MuralistError as error:
            console.print(Text(str(error), style="yellow"), soft_wrap=True)
