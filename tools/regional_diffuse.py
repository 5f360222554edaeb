"""regional_diffuse: paint the layout."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from pydantic import Field

from .abilities import abilities_of
from .errors import BadSettings, PreconditionFailed
from .judging import outcome, paint_and_judge
from .limits import MAX_STEPS, SEEDS
from .outcome import Outcome
from .plan import check_spec, paint_spec
from .ports import Ports
from .run import Attempt, Run
from .value import Value


class RegionalDiffuseArgs(Value):
    """Paint the whole picture from its layout; with another seed, a new picture of the same plan."""

    seed: int | None = Field(
        default=None, ge=0, lt=SEEDS, description="Left out: the run's own seed, then the next untried one."
    )
    steps: int | None = Field(
        default=None, ge=1, le=MAX_STEPS, description="Denoising steps of these pictures; left out: the run's own."
    )
    candidates: int = Field(default=1, ge=1, le=4, description="How many pictures, at consecutive seeds.")


async def regional_diffuse(args: RegionalDiffuseArgs, run: Run, ports: Ports) -> Outcome:
    """Paint, store and inspect `candidates` pictures; the best one stays.

    Raises PreconditionFailed without a layout, BadSettings for steps that the painter does not take, a seed that was
    rejected, a picture that the run has already, or too few images left; nothing is painted then. Whatever stops it
    later is told in the outcome.
    """
    layout = run.layout
    if layout is None:
        raise PreconditionFailed("there is no layout yet: call plan first")
    seed = args.seed if args.seed is not None else next_seed(run, args.candidates)
    if args.steps is not None and not abilities_of(ports.painter).steps:
        raise BadSettings(f"{ports.painter.name} takes no number of steps: leave steps out")
    steps = args.steps or run.options.steps
    check_images_left(run, args.candidates)
    attempts = [
        Attempt(image_id="", action="paint", seed=number, layout=layout, steps=steps)
        for number in range(seed, seed + args.candidates)
    ]
    for attempt in attempts:
        check_untried(attempt, run)
        check_spec(paint_spec(run, layout, attempt.seed, steps), ports.painter)
    judged, stopped = None, ""
    for attempt in attempts:
        spec = paint_spec(run, layout, attempt.seed, steps)
        latest = await paint_and_judge(spec, attempt, run, ports)
        run, error = latest.run, latest.stopped
        if error is not None and judged is not None:
            judged = judged._replace(run=run)
            stopped = f" No more were painted from seed {attempt.seed} on: {error}."
            break
        judged = latest
        if error is not None:
            break
    if judged is None:
        raise AssertionError("at least one picture is asked for")
    found = await outcome(judged, ports)
    return replace(found, text=found.text + stopped)


def next_seed(run: Run, number: int = 1) -> int:
    """The run's seed for its first picture, then one more for every attempt; the first of `number` untried ones."""
    tried = {attempt.seed for attempt in run.attempts} | {move.seed for move in run.rejected}
    first = run.options.seed + len(run.attempts)
    return next(seed for seed in count(first) if tried.isdisjoint(range(seed, seed + number)))


def check_untried(attempt: Attempt, run: Run) -> None:
    """Raise BadSettings for a seed that was rejected, or one that would give the same picture again."""
    if any(run.tried(move) for move in attempt.moves):
        raise BadSettings(f"seed {attempt.seed} was painted and rejected before: take another")
    for known in run.current:
        if all(getattr(known, field) == getattr(attempt, field) for field in ("action", "seed", "steps", "layout")):
            raise BadSettings(
                f"seed {attempt.seed} would give picture {known.image_id} again: take another seed, or plan anew"
            )


def check_images_left(run: Run, wanted: int = 1) -> None:
    """Raise BadSettings if the budget has fewer images left than are wanted."""
    left = max(0, run.left().images)
    if left < wanted:
        raise BadSettings(
            f"all {run.budget.images} pictures of this run are painted: take the best, or open a new run with recaption"
            if not left
            else f"{wanted} candidates are more than the {left} images that are left: ask for fewer"
        )
