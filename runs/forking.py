"""A fork: a run that begins with what another one had come to."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings, PreconditionFailed
from muralist.tools.layout import Layout
from muralist.tools.run import Given, Run
from muralist.tools.scene import Scene
from muralist.tools.usage import Budget, Usage

At = Literal["start", "recaption", "plan", "regional_diffuse"]
"""The last step that a fork keeps."""
STEPS: tuple[At, ...] = get_args(At)


def reached(run: Run) -> list[At]:
    """The steps that there are to fork at."""
    had = (True, run.scene is not None, run.layout is not None, bool(run.current))
    return [step for step, there in zip(STEPS, had, strict=True) if there]


def forked(
    run: Run,
    run_id: str,
    at: At | None = None,
    *,
    seed: int | None = None,
    rounds: int | None = None,
    images: int | None = None,
    scene: Scene | None = None,
    layout: Layout | None = None,
) -> Run:
    """A run of its own that keeps what `run` had after the step `at`; left out, as much as the changes allow.

    A scene by the caller is a start of its own, a layout goes on after the recaption, another seed after the plan, and
    another budget after the pictures.
    Raises BadSettings for changes that `at` rules out, PreconditionFailed for a step that was never reached.
    """
    latest: At = "start" if scene else "recaption" if layout else "plan" if seed is not None else "regional_diffuse"
    there = reached(run)
    if at is None:
        at = next(step for step in reversed(STEPS[: STEPS.index(latest) + 1]) if step in there)
    elif at not in STEPS:
        raise BadSettings(f"a run cannot be forked at {at}: there are {', '.join(STEPS)}")
    elif (scene or layout) and STEPS.index(at) > STEPS.index(latest):
        raise BadSettings(f"a fork at {at} keeps what would be replaced: fork at {latest}")
    if at not in there:
        raise PreconditionFailed(f"run {run.run_id} has not come to {at}: it can be forked at {', '.join(there)}")
    kept = STEPS.index(at)
    attempts = run.current if at == "regional_diffuse" else []
    options = run.options if seed is None else run.options.model_copy(update={"seed": seed})
    budget = run.budget
    if rounds is not None or images is not None:
        others = budget.model_dump(exclude={"rounds", "images"})
        try:
            budget = Budget.of(rounds=rounds, images=images, **others)
        except ValidationError as error:
            raise BadSettings(one_line(error)) from None
    given = Given(scene=scene or (run.given.scene if not layout else None), layout=layout or run.given.layout)
    child = run.changed(
        parent=run.run_id,
        scene=run.scene if kept >= 1 else None,
        drafted_by=run.drafted_by if kept >= 1 else run.parts.get("model", ""),
        layout=run.layout if kept >= 2 else None,
        layout_by=run.layout_by if kept >= 2 else "",
        attempts=attempts,
        best_id=run.best_id if attempts else None,
        rejected=run.rejected if attempts else [],
        usage=Usage(images=sum(attempt.action != "given" for attempt in attempts)),
        options=options,
        budget=budget,
        given=given,
        turns=[],
        mode="agent",
        status="open",
        paused=False,
        reason="",
    )
    text = child.model_dump_json().replace(f'"{run.run_id}-', f'"{run_id}-')
    return Run.model_validate_json(text).changed(run_id=run_id, parent=run.run_id)
