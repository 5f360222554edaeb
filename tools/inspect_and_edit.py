"""inspect_and_edit: check every claim, and repaint on the best picture what does not hold."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from .abilities import abilities_of
from .edits import Edit, edit_layout
from .errors import BadEdit, NotFound, PreconditionFailed
from .judging import Judged, inspect_and_judge, outcome, paint_and_judge
from .layout import Box
from .limits import SEEDS
from .outcome import Outcome
from .plan import check_spec, paint_spec
from .ports import Ports
from .regional_diffuse import check_images_left, next_seed
from .run import TRIES, Attempt, Run, rejections
from .value import Value
from .verdict import Status, Verdict, status_of


class OwnVerdict(Value):
    """A verdict by whoever calls: it may veto a pass, and counts alone only where the inspector is unsure."""

    question_id: str
    p: float = Field(ge=0, le=1, allow_inf_nan=False, description="Probability that the answer is yes.")
    evidence: str = Field(default="", max_length=300)
    box: Box | None = None


class InspectAndEditArgs(Value):
    """Inspect a picture; with edits, repaint them on the best picture so far and inspect the result."""

    image_id: str | None = Field(default=None, description="Left out: the one that awaits verdicts, else the best.")
    verdicts: list[OwnVerdict] = Field(default_factory=list, max_length=128)
    edits: list[Edit] = Field(default_factory=list, max_length=8)
    seed: int | None = Field(default=None, ge=0, lt=SEEDS, description="Seed of the repainting.")


async def inspect_and_edit(args: InspectAndEditArgs, run: Run, ports: Ports) -> Outcome:
    """Judge a picture with the caller's verdicts, then paint the edits on the best picture and judge the candidate.

    The first inspection of a run that starts from a given picture is that one's. Raises PreconditionFailed without a
    picture, NotFound for a foreign id, BadEdit for edits that cannot be done, by this painter or at all, or were
    rejected before.
    """
    if run.scene is not None and run.layout is not None and run.source and not run.current:
        run = run.painted(Attempt(image_id=run.source, action="given", seed=run.options.seed, layout=run.layout))
    if run.scene is None or run.layout is None or not run.current:
        raise PreconditionFailed("there is no picture of this scene yet: call regional_diffuse first")
    attempt = _attempt(args.image_id, run)
    if args.edits and not abilities_of(ports.painter).edits:
        raise BadEdit(
            f"{ports.painter.name} cannot repaint parts of a picture: call regional_diffuse with another seed, or plan "
            "anew"
        )
    if args.edits and args.image_id and run.best_id and attempt.image_id != run.best_id and attempt != run.awaiting:
        raise BadEdit(f"edits are painted on the best picture, {run.best_id}: leave image_id out")
    if args.verdicts or attempt.verdicts is None or not args.edits:
        judged = await _reinspect(args, attempt, run, ports)
        if judged.stopped is not None or not args.edits:
            return await outcome(judged, ports, attempt.image_id)
        run = judged.run
    return await _edit(args, run, ports)


def _attempt(image_id: str | None, run: Run) -> Attempt:
    """The attempt that is meant."""
    if image_id is None:
        return run.awaiting or run.best or run.current[-1]
    try:
        attempt = run.attempt(image_id)
    except KeyError:
        raise NotFound(f"run {run.run_id} has no picture {image_id}") from None
    if attempt.outdated:
        raise PreconditionFailed(f"picture {image_id} was painted for an earlier scene: take one of the present scene")
    return attempt


async def _reinspect(args: InspectAndEditArgs, attempt: Attempt, run: Run, ports: Ports) -> Judged:
    known = {question.id for question in run.checklist.questions} if run.checklist else set()
    for verdict in args.verdicts:
        if verdict.question_id not in known:
            raise BadEdit(f"there is no question '{verdict.question_id}': the checklist has {', '.join(sorted(known))}")
    picture = await ports.store.get_image(attempt.image_id)
    return await inspect_and_judge(attempt.image_id, picture, [_said(own) for own in args.verdicts], run, ports)


def _said(own: OwnVerdict) -> Verdict:
    status: Status = status_of(own.p)
    return Verdict(
        question_id=own.question_id, status=status, p=own.p, source="caller", box=own.box, evidence=own.evidence
    )


async def _edit(args: InspectAndEditArgs, run: Run, ports: Ports) -> Outcome:
    best, scene = run.best, run.scene
    if best is None or scene is None:
        raise PreconditionFailed("no picture has been accepted yet: give verdicts for the open questions first")
    check_images_left(run)
    seed = args.seed if args.seed is not None else next_seed(run)
    layout = edit_layout(args.edits, scene)
    attempt = Attempt(
        image_id="",
        action="edit",
        seed=seed,
        steps=run.options.steps,
        layout=layout,
        edits=args.edits,
        parent=best.image_id,
    )
    for move in attempt.moves:
        if run.tried(move):
            raise BadEdit(
                f"{move.action} {move.target} with seed {seed} was rejected before: take another seed or edit"
            )
        if rejections(run.rejected, move.action, move.target) >= TRIES:
            raise BadEdit(f"{move.action} {move.target} was rejected {TRIES} times: take another edit")
    spec = replace(paint_spec(run, layout, seed), source=await ports.store.get_image(best.image_id))
    check_spec(spec, ports.painter)
    judged = await paint_and_judge(spec, attempt, run, ports)
    return await outcome(judged, ports)
