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
from muralist.tools.edits import Edit
from muralist.tools.run import Attempt, Run
from muralist.tools.verdict import SURE, Verdict, regressions

from .rows import Row, complete
from .statistics import shown
from .suite import Case, composition

FAULTS = {
    "add": "missing",
    "refine": "badly formed",
    "replace": "badly formed",
    "recolour": "wrong look",
    "remove": "one too many",
    "move": "wrong place",
    "paint": "the whole",
}
DOUBTFUL, UNASKED = "hardly passes", "nobody asked for it"


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
        if before.verdicts is None or attempt.verdicts is None:
            continue
        broke = bool(regressions(before.verdicts, attempt.verdicts))
        if attempt.action == "paint":
            yield Tried(FAULTS["paint"], "new picture", attempt.answered, bool(attempt.accepted), broke)
        for edit in attempt.edits:
            fault, fixed = _come_of(edit, before.verdicts, attempt.verdicts)
            yield Tried(fault, edit.action, fixed, bool(attempt.accepted), broke)


def _best_before(run: Run, attempt: Attempt) -> Attempt:
    """What an attempt had to be better than."""
    if attempt.parent is not None:
        return run.attempt(attempt.parent)
    earlier = run.current[: run.current.index(attempt)]
    return [each for each in earlier if each.accepted][-1]


def _come_of(edit: Edit, before: Sequence[Verdict], after: Sequence[Verdict]) -> tuple[str, bool]:
    """The fault that an edit was for, and whether it is gone."""
    name = f"{edit.entity}." if edit.entity else ("others", "absent.")
    mine = {verdict.question_id: verdict for verdict in before if verdict.question_id.startswith(name)}
    open_ = {question for question, verdict in mine.items() if verdict.status != "pass"}
    p = {verdict.question_id: verdict.p for verdict in after}
    if edit.action == "refine" and f"{edit.entity}.exists" not in open_:
        return DOUBTFUL, p[f"{edit.entity}.exists"] >= SURE
    fault = FAULTS[edit.action] if edit.entity else UNASKED
    still = {verdict.question_id for verdict in after if verdict.status != "pass"}
    return fault, not open_ & still


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
