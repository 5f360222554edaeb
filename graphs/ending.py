"""When a run ends: pure functions of the ledger and of how the agent has been getting on."""

from __future__ import annotations

from typing import Literal, NamedTuple

from muralist.tools.run import Attempt, Run

IDLE_CALLS = 3
"""So many calls in a row that change nothing end a run."""


class Ending(NamedTuple):
    """How a run ends, and why."""

    status: Literal["done", "failed", "cancelled"]
    reason: str


def most_turns(rounds: int) -> int:
    """The loop's own bound: three calls for the first picture, three per round, and four to spare for mistakes."""
    return 7 + 3 * rounds


def overdue(run: Run, seconds: float) -> bool:
    """Whether a run of that age has used up its time: painting stops then, too."""
    return seconds >= run.budget.seconds


def ending(
    run: Run, *, turns: int, idle: int, repeated: bool, answer: str | None, mistake: str, seconds: float
) -> Ending | None:
    """The reason to end now, or None to go on.

    `turns`: the agent's calls so far; `idle`: the latest of them in a row that changed nothing; `repeated`: it made the
    same impossible call again; `answer`: its text if it called no tool; `mistake`: the latest error, if the latest call
    failed; `seconds`: the run's age.
    """
    painted = bool(run.attempts)
    status: Literal["done", "failed"] = "done" if painted else "failed"
    if run.status != "open":
        return Ending(run.status, run.reason)
    if run.passed:
        return Ending("done", "the picture shows everything that was asked for")
    if answer is not None:
        return Ending(status, answer or "the agent gave up")
    if len(run.attempts) > run.budget.rounds:
        return Ending(status, f"all {run.budget.rounds} rounds are used up")
    if run.usage.images >= run.budget.images:
        return Ending(status, f"all {run.budget.images} images are painted")
    if overdue(run, seconds):
        return Ending(status, f"the {run.budget.seconds:g} seconds are used up")
    because = f"; the last was: {mistake}" if mistake else ""
    if repeated:
        return Ending(status, f"the agent repeated a call that cannot be done: {mistake}")
    if idle >= IDLE_CALLS:
        return Ending(status, f"the agent's last {idle} calls changed nothing{because}")
    if turns >= most_turns(run.budget.rounds):
        return Ending(status, f"the agent was asked {turns} times{because}")
    return None


def submitted(run: Run) -> Attempt | None:
    """What a run hands over: its best picture; if none could be verified, the one with the highest score so far.

    Pictures of an earlier scene come last.
    """
    if run.best is not None or not run.attempts:
        return run.best
    return max(run.current or run.attempts, key=lambda attempt: attempt.score or 0.0)
