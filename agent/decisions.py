"""Which tool to call next, and with what: the rules of the offline model."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from muralist.parsing import parse_prompt
from muralist.tools.edits import Edit
from muralist.tools.errors import BadPrompt, MuralistError
from muralist.tools.outcome import Findings
from muralist.tools.run import TRIES, unasked
from muralist.tools.scene import Scene
from muralist.tools.verdict import unanswered

from .history import History
from .placing import lay_out
from .retouching import propose_edits

_MOST_FAILURES = 6
"""Calls that may fail before the run is given up."""
_NEW_SEEDS = 3
"""Other seeds that are thought of when a picture cannot be painted or mended."""


@dataclass(frozen=True)
class Decision:
    """A tool call with a sentence about it, or (no tool) the last word."""

    text: str
    tool: str = ""
    args: dict[str, Any] = field(default_factory=dict)


_PASSED = Decision("Done: the picture shows everything that was asked for.")


def decide(history: History, offered: Collection[str]) -> Decision:
    """The first of the options, best first, that is offered and has not failed already; else the last word."""
    report = history.report
    if report is not None and report.passed and not report.doubtful:
        return _PASSED
    if report is not None and report.answered and not report.passed:
        return Decision(f"Stopping: every question is answered with yes, but {unasked(report.not_understood)}.")
    if report is not None and report.status == "awaiting_verdicts":
        waiting = ", ".join(unanswered(report.verdicts)) or "all questions"
        return Decision(f"Stopping: no inspector answered {waiting}; give verdicts or choose another inspector.")
    if len(history.failed) >= _MOST_FAILURES:
        return Decision(f"Giving up after {len(history.failed)} failed calls: {_reason(history)}")
    if report is not None and (report.rounds_left <= 0 or report.images_left <= 0):
        return Decision("The budget is used up; the best picture so far stands.")
    wanted = ""
    try:
        for option in _options(history):
            if option.tool in offered and not history.has_failed(option.tool, option.args):
                return option
            wanted = wanted or option.tool
    except MuralistError as error:
        return Decision(f"Giving up: {error}")
    if history.failed:
        return Decision(f"Giving up: {_reason(history)}")
    if wanted and wanted not in offered and report is None:
        return Decision(f"Giving up: the next step would be {wanted}, which is not offered.")
    if report is not None and report.passed:
        return _PASSED
    if report is not None and {question.id for question in report.open_questions} <= set(report.beyond):
        left = ", ".join(f"'{question.text}'" for question in report.open_questions)
        return Decision(f"Stopping: no inspector can answer {left}; everything else passes.")
    return Decision("Nothing is left to try; the best picture so far stands.")


def _reason(history: History) -> str:
    return history.last_error or next(reversed(history.failed.values()), "nothing works")


def _options(history: History) -> Iterator[Decision]:
    """What could be done now, best first."""
    if history.scene is None:
        try:
            scene = parse_prompt(history.prompt)
        except BadPrompt:
            if not history.prompt.strip():
                raise
            # A wish about a given picture need not describe anything: the tool can tell.
        else:
            args = {"prompt": history.prompt, "scene": scene.model_dump(mode="json")}
            yield Decision(_told(scene), "recaption", args)
        yield Decision("Leaving the recaption to the tool.", "recaption", {"prompt": history.prompt})
    elif history.report is None and history.layout is None:
        layout = lay_out(history.scene).model_dump(mode="json", exclude_none=True, exclude={"base_ratio"})
        yield Decision(f"Giving each of {len(layout['regions'])} things its region.", "plan", {"layout": layout})
        yield Decision("Leaving the plan to the tool.", "plan", {})
    elif history.report is None:
        yield Decision("Painting.", "regional_diffuse", {})
        for seed in range(1, _NEW_SEEDS + 1):
            yield Decision(f"Painting with seed {seed}.", "regional_diffuse", {"seed": seed})
        yield Decision("Inspecting the given picture.", "inspect_and_edit", {})
    else:
        yield from _improvements(history, history.report)


def _improvements(history: History, report: Findings) -> Iterator[Decision]:
    """Edits; where most of the things are missing also whole pictures, first of all if nothing can be built on.

    A whole picture hardly ever keeps all that an edited one has right: `docs/moves.md` counts. A painter that cannot
    edit has nothing but whole pictures.
    """
    asked = [each for each in report.verdicts if each.question_id not in report.beyond]
    found = [each for each in asked if each.question_id.endswith(".exists")]
    there = [each.status == "pass" for each in found]
    new_seeds = _new_seeds(report)
    if not report.edits:
        if not report.passed:
            yield from new_seeds
        return
    if found and all(each.status == "fail" for each in found):
        yield from islice(new_seeds, 1)
    edits: list[Edit] = []
    layout = report.layout or history.layout
    if history.scene is not None and layout is not None:
        edits = propose_edits(
            history.scene, layout, report.verdicts, report.rejected_moves,
            beyond=report.beyond, doubtful=report.doubtful,
        )  # fmt: skip
        # After a rejection one edit at a time: of several, one may spoil the others' success.
        for chosen in [edits[:1]] if report.status == "rejected" else [edits, edits[:1]]:
            if chosen:
                listed = ", ".join(f"{edit.action} {edit.of({})}" for edit in chosen)
                args = {"edits": [edit.model_dump(mode="json", exclude_none=True) for edit in chosen]}
                yield Decision(f"Retouching: {listed}.", "inspect_and_edit", args)
    if not report.passed and (edits or (found and 2 * sum(there) <= len(there))):  # edits: none of which could be done
        yield from new_seeds


def _new_seeds(report: Findings) -> Iterator[Decision]:
    """Whole pictures with seeds above every one that was tried; none once some have had their chance, if there are
    edits to try.
    """
    rejected = [move.seed for move in report.rejected_moves if move.action == "paint"]
    if report.edits and len(rejected) >= TRIES:
        return
    tried = [report.seed, *rejected]
    for seed in range(max(tried) + 1, max(tried) + 1 + _NEW_SEEDS):
        yield Decision(f"Painting anew with seed {seed}.", "regional_diffuse", {"seed": seed})


def _told(scene: Scene) -> str:
    """What was understood, and what was not."""
    names = ", ".join(f"{entity.count} {entity.name}" if entity.count > 1 else entity.name for entity in scene.entities)
    lost = f" Not understood, kept in the caption: {', '.join(scene.unparsed)}." if scene.unparsed else ""
    return f"To be painted: {names}.{lost}"
