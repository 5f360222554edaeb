"""What the page shows of a run, and the page itself.

The page is `view.html` with its style and scripts put in: one document without any external resource. Shown by a host
of MCP Apps (io.modelcontextprotocol/ui, revision 2026-01-26) it asks that host for `view://{run_id}`, a `RunView` as
JSON, until the run is no longer working; shown by a browser it holds the `RunView`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from muralist.tools.answers import answered
from muralist.tools.layout import Box, Layout, every
from muralist.tools.run import Attempt, Run
from muralist.tools.value import Value
from muralist.tools.verdict import Status, display_name

from .details import DetailView, details


class RegionView(Value):
    """A part of the canvas and what has to be there."""

    prompt: str
    box: Box


class EditView(Value):
    """What was repainted, and where."""

    text: str
    boxes: list[Box]


class QuestionView(Value):
    """A question of the checklist, answered about one picture."""

    id: str
    text: str
    status: Status
    p: float = Field(description="Probability of yes.")
    by: str = Field(description="Who answered.")
    why: str = Field(description="The evidence, and who said what if two disagree.")
    disputed: bool = Field(default=False, description="Whether two inspectors disagree.")
    boxes: list[Box] = Field(description="What the answer points at.")


class AttemptView(Value):
    """One picture of the run, how it came about, and what became of it."""

    image_id: str
    picture: str = Field(description="A data: URI, a URL, or the URI of a resource that the page asks its host for.")
    action: Literal["given", "paint", "edit"]
    seed: int
    parent: str | None = Field(description="Of an edit: the picture that it was painted on.")
    score: float | None = Field(description="In [0, 1]; None while verdicts are awaited.")
    accepted: bool | None = Field(description="None while verdicts are awaited.")
    reason: str
    outdated: bool = Field(description="True if it was painted for an earlier scene.")
    regions: list[RegionView]
    edits: list[EditView]
    questions: list[QuestionView]


class RunView(Value):
    """A run as the page shows it. `status` is `working` as long as it pays to look again."""

    run_id: str
    prompt: str
    status: Literal["working", "open", "done", "failed", "cancelled"]
    progress: str = Field(description="What is being done; empty unless the status is working.")
    reason: str = Field(description="Why the run ended; empty while it has not.")
    passed: bool = Field(description="True if the best picture answers every question with yes.")
    not_understood: list[str] = Field(description="Words of the prompt that went into the caption only.")
    width: int = Field(description="Of the canvas, in pixels.")
    height: int
    regions: list[RegionView] = Field(description="The present layout, to be shown until there is a picture.")
    checklist: list[str] = Field(description="What is asked of a picture, to be shown until one is judged.")
    attempts: list[AttemptView]
    best_id: str | None = Field(description="The picture that is handed over, as far as is known.")
    details: list[DetailView] = Field(default_factory=list)


def view_of(
    run: Run,
    picture: Callable[[str], str],
    *,
    progress: str | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> RunView:
    """The run as the page shows it.

    `picture` gives an image id's address: a data: URI, a URL from the page's own origin, or the URI of a resource that
    holds a picture. `progress` is what the run's job is doing; None if it has none that is at work. `conditions`: what
    else equal bytes depend on.
    """
    return RunView(
        run_id=run.run_id,
        prompt=run.prompt,
        status=run.status if progress is None else "working",
        progress=progress or "",
        reason=run.reason,
        passed=run.passed,
        not_understood=run.not_understood,
        width=run.options.width,
        height=run.options.height,
        regions=_regions(run.layout),
        checklist=[question.text for question in run.checklist.questions] if run.checklist else [],
        attempts=[_attempt(run, attempt, picture) for attempt in run.attempts],
        best_id=run.submitted.image_id if run.submitted else None,
        details=details(run, conditions or {}),
    )


def page(view: RunView | None = None) -> str:
    """The page as HTML: of one run, or without any, for a host that tells which run to show."""
    html = _part("view.html")
    html = html.replace('<link rel="stylesheet" href="view.css">', f"<style>\n{_part('view.css')}</style>")
    for name in ("show.js", "host.js"):
        html = html.replace(f'<script src="{name}"></script>', f"<script>\n{_part(name)}</script>")
    if view is None:
        return html
    # These two stand in JSON only inside strings; escaped, no text can end the script element or open a comment.
    embedded = view.model_dump_json().replace("<", "\\u003c").replace(">", "\\u003e")
    return html.replace('type="application/json">null<', f'type="application/json">{embedded}<', 1)


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _attempt(run: Run, attempt: Attempt, picture: Callable[[str], str]) -> AttemptView:
    names = {entity.id: entity.name for entity in run.scene.entities} if run.scene else {}
    return AttemptView(
        image_id=attempt.image_id,
        picture=picture(attempt.image_id),
        action=attempt.action,
        seed=attempt.seed,
        parent=attempt.parent,
        score=attempt.score,
        accepted=attempt.accepted,
        reason=attempt.reason,
        outdated=attempt.outdated,
        regions=_regions(run.layout_of(attempt)),
        edits=[EditView(text=f"{edit.action} {edit.of(names)}", boxes=edit.boxes) for edit in attempt.edits],
        questions=_questions(run, attempt),
    )


def _questions(run: Run, attempt: Attempt) -> list[QuestionView]:
    """None while verdicts are awaited, nor of a picture for an earlier scene."""
    if attempt.verdicts is None:
        return []
    boxes = {verdict.question_id: verdict.pointed_at for verdict in attempt.verdicts}
    return [
        QuestionView(
            id=answer.id,
            text=answer.text,
            status=answer.status,
            p=answer.p,
            by=display_name(answer.source),
            why=answer.why,
            disputed=bool(answer.dispute),
            boxes=boxes.get(answer.id, []),
        )
        for answer in answered(run, attempt)
    ]


def _regions(layout: Layout | None) -> list[RegionView]:
    """A region first, then its parts."""
    regions = every(layout.regions) if layout else []
    return [RegionView(prompt=region.prompt, box=region.box) for region in regions]
