"""Keeping a painted picture, having it inspected, and letting the loop's law decide: what both painting tools share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .checklist import Checklist
from .errors import MuralistError
from .interrupting import unless
from .metering import metered
from .outcome import Outcome, describe, findings
from .ports import PaintSpec, Ports
from .run import Attempt, Run
from .verdict import Verdict, merge, regressions, settle, status_of

if TYPE_CHECKING:
    from PIL import Image

GRACE = 1.0
"""Seconds that an inspection may still take once the run is to stop: most need far less, and a picture is at stake."""


async def paint_and_judge(spec: PaintSpec, attempt: Attempt, run: Run, ports: Ports) -> tuple[Run, str]:
    """Paint, store, inspect and judge one attempt; gives the id that the store has given its picture.

    A picture that the run has already, byte for byte and by the same attempt, is not judged again.
    """
    number = len(run.attempts) + 1
    ports.on_event("painting", {"number": number, "action": attempt.action, "seed": spec.seed, "steps": spec.steps})

    def on_step(step: int, steps: int) -> None:
        ports.on_event("step", {"number": number, "step": step, "steps": steps})

    picture = await ports.painter.paint(spec, on_step, ports.cancel)
    metadata = {
        "painter": ports.painter.name,
        **attempt.model_dump(mode="json", include={"action", "seed", "steps", "layout", "edits", "parent"}),
    }
    image_id = await ports.store.put_image(run.run_id, picture, metadata)
    if all(each.image_id != image_id for each in run.current):
        run = run.painted(attempt.model_copy(update={"image_id": image_id}))
        run = await inspect_and_judge(image_id, picture, (), run, ports)
    return run, image_id


async def inspect_and_judge(image_id: str, picture: Image.Image, own: Sequence[Verdict], run: Run, ports: Ports) -> Run:
    """Answer every question about a picture, merge in what callers say and have said about it, and judge it.

    If the inspector fails, its error has the run with the picture, which then awaits its verdicts. If it only fails to
    answer the flipped questions once more, the first answers count, and their evidence says so.
    """
    checklist = run.checklist
    if checklist is None:
        raise AssertionError("a picture is only painted once there is a scene")
    run = run.told(image_id, own)
    said = run.attempt(image_id).said
    answers, run = await _inspected(image_id, picture, checklist, run, ports)
    raw = merge(answers, said)
    best = run.best
    if best is not None and best.verdicts and image_id != best.image_id:
        flipped = regressions(best.verdicts, settle(checklist, raw))
        if flipped:
            try:
                again, run = await _inspected(image_id, picture, _asking(checklist, flipped), run, ports)
                answers = _averaged(answers, again)
            except MuralistError as error:  # the first answers hold, and are worth keeping
                run = error.run or run
                answers = _asked_once(answers, flipped, str(error))
            raw = merge(answers, said)
    verdicts = settle(checklist, raw)
    await ports.store.append_verdicts(image_id, verdicts)
    run = run.judged(image_id, verdicts)
    attempt = run.attempt(image_id)
    told = attempt.model_dump(mode="json", include={"image_id", "accepted", "reason"})
    ports.on_event("judged", {"number": run.number(image_id), "score": attempt.score, **told})
    return run


async def _inspected(
    image_id: str, picture: Image.Image, checklist: Checklist, run: Run, ports: Ports
) -> tuple[list[Verdict], Run]:
    """The inspector's verdicts, and the run with what they cost, which is at least one call."""
    with metered(run.exhausted) as meter:
        try:
            verdicts = await unless(ports.cancel, ports.inspector.inspect(picture, checklist), GRACE)
        except MuralistError as error:
            error.run = run.charged("inspector", meter.spent).uninspected(image_id, f"not inspected: {error}")
            raise
    spent = meter.spent.model_copy(update={"calls": max(1, meter.spent.calls)})
    return verdicts, run.charged("inspector", spent)


def _asking(checklist: Checklist, ids: Sequence[str]) -> Checklist:
    return checklist.model_copy(
        update={"questions": [question for question in checklist.questions if question.id in ids]}
    )


def _averaged(first: Sequence[Verdict], second: Sequence[Verdict]) -> list[Verdict]:
    """A flipped question's two answers count half each; what is shown with them is of the one that agrees."""
    again = {verdict.question_id: verdict for verdict in second}
    merged = []
    for verdict in first:
        other = again.get(verdict.question_id)
        if other is not None and other.source == verdict.source:
            p = (verdict.p + other.p) / 2
            status = status_of(p)
            shown = other if verdict.status != status == other.status else verdict
            verdict = shown.model_copy(update={"p": p, "status": status})
        merged.append(verdict)
    return merged


def _asked_once(verdicts: Sequence[Verdict], ids: Sequence[str], why: str) -> list[Verdict]:
    """Those of the flipped questions say why nobody has looked at them again."""
    return [
        verdict.model_copy(update={"evidence": "; ".join(filter(None, [verdict.evidence, f"asked only once: {why}"]))})
        if verdict.question_id in ids
        else verdict
        for verdict in verdicts
    ]


def outcome(run: Run, image_id: str, picture: Image.Image | None) -> Outcome:
    """The findings around an attempt as a tool's outcome."""
    found = findings(run, run.attempt(image_id))
    data = {
        "run_id": run.run_id,
        "image_id": image_id,
        "findings": found.model_dump(mode="json", exclude_defaults=True),
    }
    return Outcome(run, describe(found), data, picture)
