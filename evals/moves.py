"""`muralist eval moves`: what each move of the loop was tried for, and what came of it.

Runs over prompts of one to six things are kept as ledgers, which say everything: of every attempt the edits, the
verdicts before and after, and whether it was accepted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import muralist
from muralist.agent import Settings
from muralist.tools.checklist import Aspect, Question
from muralist.tools.edits import Edit
from muralist.tools.run import Attempt, Run
from muralist.tools.verdict import Verdict

from .rows import Row, complete
from .statistics import shown
from .suite import Case, composition

FAULTS: dict[Aspect, str] = {
    "presence": "missing or badly formed",
    "number": "too few or too many",
    "look": "wrong look",
    "position": "wrong place",
    "strangers": "nobody asked for it",
    "whole": "wrong ground, style or claim",
}
"""What an open question is about to the fault that it tells of."""
DOUBTFUL, WHOLE = "hardly passes", "the whole"


@dataclass(frozen=True)
class Tried:
    """A move, the fault that it was for, and what came of it.

    `fixed`: what it was for is right afterwards; `broke`: something that was right before is not.
    """

    fault: str
    move: str
    fixed: bool
    accepted: bool
    broke: bool


def tried(run: Run) -> Iterator[Tried]:
    """Every move after the first picture."""
    for attempt in run.current[1:]:
        before = _best_before(run, attempt)
        if before is None or before.verdicts is None or attempt.verdicts is None:
            continue
        passing = [{verdict.question_id for verdict in verdicts if verdict.status == "pass"}
                   for verdicts in (before.verdicts, attempt.verdicts)]  # fmt: skip
        accepted, broke = bool(attempt.accepted), not passing[0] <= passing[1]
        if attempt.action == "paint":
            yield Tried(WHOLE, "new picture", attempt.answered, accepted, broke)
        for edit in attempt.edits:
            fault, fixed = _come_of(edit, run, before.verdicts, attempt.verdicts)
            yield Tried(fault, edit.action, fixed, accepted, broke)


def _best_before(run: Run, attempt: Attempt) -> Attempt | None:
    """What an attempt had to be better than, if anything."""
    if attempt.parent is not None:
        return run.attempt(attempt.parent)
    earlier = run.current[: run.current.index(attempt)]
    return next((each for each in reversed(earlier) if each.accepted), None)


def _come_of(edit: Edit, run: Run, before: Sequence[Verdict], after: Sequence[Verdict]) -> tuple[str, bool]:
    """The fault that an edit was for, and whether it is gone."""
    then, now = ({verdict.question_id: verdict for verdict in verdicts} for verdicts in (before, after))
    asked = run.checklist.questions if run.checklist else []
    faults = [each for each in asked if _is_about(each, edit, run) and then[each.id].status in ("fail", "unsure")]
    if not faults:
        return DOUBTFUL, now[f"{edit.entity}.exists"].p >= run.sure
    return FAULTS[faults[0].aspect], all(now[each.id].status == "pass" for each in faults)


def _is_about(question: Question, edit: Edit, run: Run) -> bool:
    """Whether the edit may be for the question."""
    if not edit.entity or run.scene is None:
        return question.aspect == "strangers"
    concerned = question.concerns(run.scene)
    return edit.entity in concerned and (len(concerned) == 1 or edit.action == "move")


async def measure(case: Case, settings: Settings) -> Row:
    """The ledger of one prompt's run."""
    result = await muralist.adraw(case.prompt, seed=case.seed, settings=settings)
    return {"seed": case.seed, "run": result.run.model_dump(mode="json")}


def run(objects: Iterable[int], prompts: int, settings: Settings, out: Path) -> None:
    """Draw what `out` does not hold yet, and print the tables as Markdown."""
    out.mkdir(parents=True, exist_ok=True)
    runs: dict[int, list[Run]] = {}
    for number in objects:
        wanted = {case.seed: partial(measure, case, settings) for case in composition(number, prompts, seed=2025)}
        rows = complete(out / f"moves-{number}.jsonl", wanted, lambda row: row["seed"])
        runs[number] = [Run.model_validate(row["run"]) for row in rows[:prompts]]
    print(table([each for many in runs.values() for each in many]))
    print()
    print(costs(runs))


def table(runs: Sequence[Run]) -> str:
    """A row per fault and move, those that mend most first."""
    counted: dict[tuple[str, str], list[Tried]] = defaultdict(list)
    for each in runs:
        for move in tried(each):
            counted[move.fault, move.move].append(move)
    order = sorted(counted, key=lambda key: -sum(move.fixed for move in counted[key]) / len(counted[key]))
    lines = ["| fault | move | tried | fixed it | kept | broke something |", "|---|---|---|---|---|---|"]
    for fault, name in order:
        moves = counted[fault, name]
        cells = [sum(getattr(move, what) for move in moves) for what in ("fixed", "accepted", "broke")]
        lines.append(f"| {fault} | {name} | {len(moves)} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def costs(runs: dict[int, list[Run]]) -> str:
    """A row per number of things: the share of prompts that pass, and pictures painted, with 95 % intervals."""
    lines = ["| things | prompts | passed | pictures a prompt | pictures per passed prompt |", "|---|---|---|---|---|"]
    for number, many in runs.items():
        passed = [float(each.passed) for each in many]
        pictures = [each.usage.images for each in many]
        per = f"{sum(pictures) / sum(passed):.1f}" if any(passed) else "-"
        lines.append(f"| {number} | {len(many)} | {shown(passed)} | {sum(pictures) / len(many):.1f} | {per} |")
    return "\n".join(lines)
