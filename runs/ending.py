"""When a run ends: pure functions of the ledger and of how the agent has been getting on."""

from __future__ import annotations

from typing import Literal, NamedTuple

from muralist.tools.run import Run, unasked

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


def ending(run: Run, *, turns: int, idle: int, faults: int, answer: str | None, mistake: str) -> Ending | None:
    """The reason to end now, or None to go on.

    `turns`: the agent's steps so far; `idle`: the latest calls in a row that changed nothing; `faults`: those that
    could not be read or done; `answer`: its text if it called no tool; `mistake`: the latest error, if the latest call
    failed.
    """
    painted = bool(run.attempts)
    status: Literal["done", "failed"] = "done" if painted else "failed"
    if run.status != "open":
        return Ending(run.status, run.reason)
    left = run.left()
    if run.passed and (not run.doubtful or left.for_pictures):
        return Ending("done", PASSED)
    if run.answered and not run.passed:
        return Ending("done", f"every question is answered with yes, but {unasked(run.not_understood)}")
    if answer is not None:
        return Ending(status, " ".join(answer.split())[:LONGEST] or "the agent gave up")
    if left.nothing:
        return Ending(status, left.nothing)
    because = f"; the last was: {mistake}" if mistake else ""
    if faults >= MOST_FAULTS:
        return Ending(status, f"the last {faults} calls could not be done{because}")
    if idle >= IDLE_CALLS:
        return Ending(status, f"the agent's last {idle} calls changed nothing{because}")
    if turns >= most_turns(run.budget.rounds):
        return Ending(status, f"the agent was asked {turns} times{because}")
    return None
