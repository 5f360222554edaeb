"""Keeping a painted picture, having it inspected, and letting the loop's law decide: what both painting tools share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from .abilities import abilities_of
from .checklist import Checklist
from .errors import MuralistError, StoreError
from .interrupting import unless
from .masks import unpacked
from .metering import Spending, metered
from .numbering import numbered
from .outcome import Outcome, describe, findings
from .ports import PaintSpec, Ports, run_now
from .run import Attempt, Run
from .verdict import Verdict, merge, regressions, settle, status_of

if TYPE_CHECKING:
    from PIL import Image

GRACE = 1.0
"""Seconds that an inspection may still take once the run is to stop: most need far less, and a picture is at stake."""


class Judged(NamedTuple):
    """A run with its latest picture, and what stopped the work on it, if anything did.

    `image_id` is empty if there is no picture; the run then has what the try has cost.
    """

    run: Run
    image_id: str
    stopped: MuralistError | None = None


async def paint_and_judge(spec: PaintSpec, attempt: Attempt, run: Run, ports: Ports) -> Judged:
    """Paint, store, inspect and judge one attempt; the run is kept in between.

    A picture that was stored for the same attempt is not painted again. One that the run has already, byte for byte and
    by the same attempt, is not judged again.
    """
    number = len(run.attempts) + 1
    metadata = {
        "painter": ports.painter.name,
        **attempt.model_dump(mode="json", include={"action", "seed", "steps", "layout", "edits", "parent"}),
    }

    async def paint() -> Image.Image:
        ports.on_event("painting", {"number": number, "action": attempt.action, "seed": spec.seed, "steps": spec.steps})

        def on_step(step: int, steps: int) -> None:
            ports.on_event("step", {"number": number, "step": step, "steps": steps})

        return await ports.painter.paint(await _with_masks(spec, ports), on_step, ports.cancel)

    run, image_id, picture, stopped = await _painted(metadata, paint, run, ports)
    if picture is None:
        return Judged(run, "", stopped)
    if any(each.image_id == image_id for each in run.current):
        return Judged(run, image_id)
    run = run.painted(attempt.model_copy(update={"image_id": image_id}))
    await ports.keep(run)
    return await inspect_and_judge(image_id, picture, (), run, ports)


class Painted(NamedTuple):
    """The run with what its picture has cost; without a picture, what stopped the painting."""

    run: Run
    image_id: str
    picture: Image.Image | None
    stopped: MuralistError | None = None


@dataclass
class _Try:
    """What one try to paint has come to."""

    picture: Image.Image | None = None
    stopped: MuralistError | None = None


async def _painted(
    metadata: Mapping[str, Any], paint: Callable[[], Awaitable[Image.Image]], run: Run, ports: Ports
) -> Painted:
    """The picture of that metadata, painted unless the store has it.

    Where painting is paid for, every try is in the journal with what it has cost before its picture is stored: one that
    broke off in between is charged, and painted again; one that did not is charged, and looked up.
    """
    once = ports.once if abilities_of(ports.painter).metered else run_now
    for number in count(1):
        tried = _Try()

        async def try_once(tried: _Try = tried, run: Run = run) -> dict[str, Any]:
            if (await _stored(run.run_id, metadata, ports))[1] is not None:
                return {}
            with metered(lambda more: run.left(more).for_models) as meter:
                try:
                    tried.picture = await paint()
                except MuralistError as error:
                    tried.stopped = error
            return meter.spent.model_dump()

        spent = await once(f"painting {_digest(metadata)} {number}", try_once)
        run = run.charged("painter", Spending.model_validate(spent))
        if tried.stopped is not None:
            return Painted(run, "", None, tried.stopped)
        if (picture := tried.picture) is not None:
            return Painted(run, await ports.store.put_image(run.run_id, picture, metadata, ports.lease), picture)
        image_id, picture = await _stored(run.run_id, metadata, ports)
        if image_id is not None and picture is not None:
            return Painted(run, image_id, picture)
    raise AssertionError("it is tried until there is a picture or an error")


def _digest(metadata: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()[:16]


async def inspect_and_judge(
    image_id: str, picture: Image.Image, own: Sequence[Verdict], run: Run, ports: Ports
) -> Judged:
    """Answer every question about a picture, merge in what callers say and have said about it, and judge it.

    If the inspector fails, the picture awaits its verdicts. If it only fails to answer the flipped questions once more,
    the first answers count, and their evidence says so.
    """
    checklist = run.checklist
    if checklist is None:
        raise AssertionError("a picture is only painted once there is a scene")
    run = run.with_caller_verdicts(image_id, own)
    said = run.attempt(image_id).said
    answers, run, stopped = await _inspected(image_id, picture, checklist, run, ports)
    if stopped is not None:
        run = run.uninspected(image_id, f"not inspected: {stopped}")
        await ports.keep(run)
        return Judged(run, image_id, stopped)
    raw = merge(answers, said)
    best = run.best
    if best is not None and best.verdicts and image_id != best.image_id:
        flipped = regressions(best.verdicts, settle(checklist, raw))
        if flipped:
            asked = _asking(checklist, flipped)
            again, run, unanswered = await _inspected(image_id, picture, asked, run, ports, which="again")
            # The first answers hold, and are worth keeping.
            answers = _averaged(answers, again) if unanswered is None else _asked_once(answers, flipped, unanswered)
            raw = merge(answers, said)
    verdicts = numbered(settle(checklist, raw), checklist, run.layout_of(run.attempt(image_id)))
    await ports.store.append_verdicts(image_id, verdicts)
    run = run.judged(image_id, verdicts)
    await ports.keep(run)
    attempt = run.attempt(image_id)
    record = attempt.model_dump(mode="json", include={"image_id", "accepted", "reason"})
    ports.on_event("judged", {"number": run.number(image_id), "score": attempt.score, **record})
    return Judged(run, image_id)


async def _inspected(
    image_id: str, picture: Image.Image, checklist: Checklist, run: Run, ports: Ports, *, which: str = "first"
) -> tuple[list[Verdict], Run, MuralistError | None]:
    """The inspector's verdicts, the run with what they cost, which is at least one call, and why there are none."""
    with metered(lambda more: run.left(more).for_models) as meter:

        async def inspect() -> dict[str, Any]:
            answers = await unless(ports.cancel, ports.inspector.inspect(picture, checklist), GRACE)
            spent = meter.spent.model_copy(update={"calls": max(1, meter.spent.calls)})
            return {"verdicts": [each.model_dump(mode="json") for each in answers], "spent": spent.model_dump()}

        try:
            known = await ports.once(f"inspection {image_id} {which}", inspect)
        except MuralistError as error:
            return [], run.charged("inspector", meter.spent), error
    verdicts = [Verdict.model_validate(each) for each in known["verdicts"]]
    return verdicts, run.charged("inspector", Spending.model_validate(known["spent"])), None


async def _stored(run_id: str, metadata: Mapping[str, Any], ports: Ports) -> tuple[str | None, Image.Image | None]:
    """The picture that was painted for the same attempt, if there is one; None for one whose file is missing."""
    image_id = await ports.store.find_image(run_id, metadata)
    if image_id is None:
        return None, None
    try:
        return image_id, await ports.store.get_image(image_id)
    except StoreError:
        return image_id, None


async def _with_masks(spec: PaintSpec, ports: Ports) -> PaintSpec:
    """The spec with its masks' weights in place of their ids."""
    return replace(spec, layout=await unpacked(spec.layout, ports.store))


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


def _asked_once(verdicts: Sequence[Verdict], ids: Sequence[str], why: MuralistError) -> list[Verdict]:
    """Those of the flipped questions say why nobody has looked at them again."""
    return [
        verdict.model_copy(update={"evidence": "; ".join(filter(None, [verdict.evidence, f"asked only once: {why}"]))})
        if verdict.question_id in ids
        else verdict
        for verdict in verdicts
    ]


async def outcome(judged: Judged, ports: Ports, shown: str | None = None) -> Outcome:
    """The findings around an attempt as a tool's outcome, with the picture `shown`: by default the best."""
    run, image_id, stopped = judged
    if not image_id:
        return Outcome(run, str(stopped), stopped=stopped)
    picture = await ports.store.get_image(shown or run.best_id or image_id)
    found = findings(run, run.attempt(image_id))
    data = {
        "run_id": run.run_id,
        "image_id": image_id,
        "findings": found.model_dump(mode="json", exclude_defaults=True),
    }
    return Outcome(run, describe(found) if stopped is None else str(stopped), data, picture, stopped)
