"""When a run ends: pure functions of the ledger and of how the agent has been getting on."""

from __future__ import annotations

from typing import Literal, NamedTuple

from muralist.tools.run import Attempt, Run, unasked

IDLE_CALLS = 3
"""So many calls in a row that change nothing end a run."""


REPAIRS = 2
"""Times that a model is told what was wrong with its call, per step; then the offline rules fill the step in."""
MOST_FAULTS = 6
"""So many calls in a row that could not be read or done end a run: the model's own and three of the rules'."""

PASSED = "the picture shows everything that was asked for"
STOPPED = "stopped; what was finished is kept"

LONGEST = 500
"""Characters of the agent's own words that are kept as the reason."""


class Ending(NamedTuple):
    """How a run ends, and why."""

    status: Literal["done", "failed", "cancelled"]
    reason: str


def most_turns(rounds: int) -> int:
    """The loop's own bound on steps: three for the first picture, three per round, and four to spare."""
    return 7 + 3 * rounds


def overdue(run: Run, seconds: float) -> bool:
    """Whether a run of that age has used up its time: painting stops then, too."""
    return seconds >= run.budget.seconds


def ending(
    run: Run, *, turns: int, idle: int, faults: int, answer: str | None, mistake: str, seconds: float
) -> Ending | None:
    """The reason to end now, or None to go on.

    `turns`: the agent's steps so far; `idle`: the latest calls in a row that changed nothing; `faults`: those that
    could not be read or done; `answer`: its text if it called no tool; `mistake`: the latest error, if the latest call
    failed; `seconds`: the run's age.
    """
    painted = bool(run.attempts)
    status: Literal["done", "failed"] = "done" if painted else "failed"
    if run.status != "open":
        return Ending(run.status, run.reason)
    if run.passed and (not run.doubtful or _spent(run)):
        return Ending("done", PASSED)
    if run.answered and not run.passed:
        return Ending("done", f"every question is answered with yes, but {unasked(run.not_understood)}")
    if answer is not None:
        return Ending(status, " ".join(answer.split())[:LONGEST] or "the agent gave up")
    if spent := _spent(run):
        return Ending(status, spent)
    if overdue(run, seconds):
        return Ending(status, f"the {run.budget.seconds:g} seconds are used up")
    if reason := run.exhausted():
        return Ending(status, reason)
    because = f"; the last was: {mistake}" if mistake else ""
    if faults >= MOST_FAULTS:
        return Ending(status, f"the last {faults} calls could not be done{because}")
    if idle >= IDLE_CALLS:
        return Ending(status, f"the agent's last {idle} calls changed nothing{because}")
    if turns >= most_turns(run.budget.rounds):
        return Ending(status, f"the agent was asked {turns} times{because}")
    return None


def _spent(run: Run) -> str:
    """Which budget of pictures is used up; empty if none is."""
    if run.usage.images >= run.budget.images:
        return f"all {run.budget.images} pictures are painted"
    if len(run.attempts) > run.budget.rounds:
        return f"all {run.budget.rounds} rounds are used up"
    return ""


def submitted(run: Run) -> Attempt | None:
    """What a run hands over: its best picture; if none could be verified, the one with the highest score so far.

    Pictures of an earlier scene come last.
    """
    if run.best is not None or not run.attempts:
        return run.best
    return max(run.current or run.attempts, key=lambda attempt: attempt.score or 0.0)
