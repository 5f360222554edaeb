"""A job as the result of a call: how far it is, or the picture and what it shows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from mcp.types import CallToolResult

from muralist.server.application import Application
from muralist.tools.answers import answered
from muralist.tools.errors import NotFound
from muralist.tools.job import Job
from muralist.tools.outcome import Findings, findings
from muralist.tools.run import Attempt, Run, unasked

from .delivery import delivery_of
from .results import Painted, Painting, reply, uri

WAIT = "it waits up to 25 seconds for the picture"


async def reported(application: Application, job: Job, owner: str) -> CallToolResult:
    """Whatever is known of a job by now. A finished one shows its picture."""
    if job.live:
        return reply(*_on_its_way(application, job))
    runs = await _runs(application, job, owner)
    if image_id := job.result.get("image_id"):
        return await _finished(application, job, runs, image_id, owner)
    pictures = [_listed(run, attempt) for run in reversed(runs) for attempt in reversed(run.attempts)]
    follow = "Next: change what the error names and call the tool again, or tell the user why there is no picture."
    if unfinished := _unfinished(job, runs):
        follow = _going_on(unfinished)
    elif pictures:
        follow = f"Next: look at what was finished with view_image, image_id {pictures[0].image_id}, or begin anew."
    return reply([f"{job.tool} {job.status}: {job.error}. {follow}"], _known(job, pictures=pictures, next=follow))


async def _runs(application: Application, job: Job, owner: str) -> list[Run]:
    """What the job has worked on, but for what was removed since; of an older job, what its pictures belong to."""
    named = filter(None, [job.result.get("image_id"), *job.result.get("images", [])])
    runs = []
    for run_id in dict.fromkeys([*job.run_ids, *(image_id.rpartition("-")[0] for image_id in named)]):
        with suppress(NotFound):
            runs.append(await application.run(run_id, owner))
    return runs


def _painted(runs: list[Run], image_id: str) -> tuple[Run, Attempt]:
    run = next((run for run in runs if run.run_id == image_id.rpartition("-")[0]), None)
    if run is None:
        raise NotFound(f"there is no picture {image_id}")
    return run, run.attempt(image_id)


def _unfinished(job: Job, runs: list[Run]) -> Run | None:
    """The run of a whole loop that was stopped, or has failed for a passing reason."""
    whole = job.tool == "generate_image"
    return next((run for run in runs if whole and (run.status == "open" or run.paused)), None)


def _going_on(run: Run) -> str:
    return f"Next: generate_image with run_id {run.run_id}, which goes on where it was."


def _known(job: Job, **more: Any) -> Painting:
    return Painting(
        status=job.status, job_id=job.job_id, run_id=job.job_id, tool=job.tool, progress=job.progress,
        seconds=round(job.age, 1), error=job.error, **more,
    )  # fmt: skip


def _on_its_way(application: Application, job: Job) -> tuple[list[str], Painting]:
    follow = f"Next: call get_job with job_id {job.job_id}; {WAIT}. To stop it: cancel_job."
    state = application.jobs.wait_for(job) if job.status == "queued" else job.doing
    return [f"{job.tool} is {job.status} ({job.age:.0f} s): {state}.", follow], _known(job, next=follow)


async def _finished(application: Application, job: Job, runs: list[Run], image_id: str, owner: str) -> CallToolResult:
    """The best picture of the whole loop; of a single tool, the best of the run after the picture it was about."""
    run, attempt = _painted(runs, image_id)
    whole = job.tool == "generate_image"
    found = None if whole else findings(run, attempt)
    shown = image_id if found is None else found.best_id or image_id
    several = job.result.get("images", [])
    pictures = [_listed(*_painted(runs, each)) for each in several] if len(several) > 1 else []
    sentence = _sentence(run, attempt) if whole else job.result["text"]
    if job.status == "cancelled":
        sentence = f"Cancelled; {sentence[0].lower()}{sentence[1:]}"
    elif job.status == "failed":
        sentence = f"{job.tool} failed: {job.error}. {sentence}"
    follow = _after_loop(run, attempt) if found is None else after_judging(run.run_id, found)
    if unfinished := _unfinished(job, runs):
        follow = _going_on(unfinished)
    aside = ""
    if run.not_understood and whole:
        aside = f"Not understood, kept in the caption only: {', '.join(run.not_understood)}."
    if run.filled_in and whole:
        aside += f" The offline rules filled in for the model: {', '.join(run.filled_in)}."
    if pictures:
        passed = sum(bool(each.passed) for each in pictures)
        aside += f" {len(pictures)} pictures, of which {passed} passed: {', '.join(p.image_id for p in pictures)}."
    if job.result.get("stopped"):
        aside += f" {job.result['stopped']}"
    delivery = await delivery_of(application, shown, owner)
    structure = _known(
        job,
        image_id=image_id,
        image=uri(shown),
        path=delivery.path,
        download=delivery.download,
        page=application.link(f"/runs/{run.run_id}", owner),
        passed=run.passed,
        score=attempt.score,
        reason=run.reason if whole else attempt.reason,
        attempts=len(run.attempts),
        pictures=pictures,
        questions=answered(run, attempt) if whole else [],
        findings=found,
        not_understood=run.not_understood,
        next=follow,
    ).model_copy(update={"run_id": run.run_id})
    return reply(
        [sentence, aside.strip(), delivery.sentence, follow], structure, await application.picture(shown, owner)
    )


def _listed(run: Run, attempt: Attempt) -> Painted:
    image_id = attempt.image_id
    return Painted(image_id=image_id, image=uri(image_id), seed=attempt.seed, passed=run.passed, score=attempt.score)


def _sentence(run: Run, attempt: Attempt) -> str:
    if run.passed:
        return f"Picture {attempt.image_id} shows everything that was asked for."
    listed = "; ".join(
        f"{question.id}: {question.text} {question.status}" + (f" ({question.why})" if question.why else "")
        for question in answered(run, attempt)
        if question.status != "pass"
    )
    if run.answered:
        return f"Picture {attempt.image_id} is not passed: {run.reason or unasked(run.not_understood)}."
    return f"Picture {attempt.image_id} is the best of {len(run.attempts)} ({run.reason}). Open: {listed}."


def _after_loop(run: Run, attempt: Attempt) -> str:
    if run.answered:
        return f"Done: show the user {uri(attempt.image_id)}."
    return (
        f"Next: tell the user what is open, or call inspect_and_edit with run_id {run.run_id} and edits, or "
        "generate_image again with another seed."
    )


def after_judging(run_id: str, found: Findings) -> str:
    """The step after a picture was inspected."""
    if found.status == "awaiting_verdicts":
        return f"Next: inspect_and_edit with run_id {run_id} and your verdicts on the open questions."
    if found.passed or found.answered:
        return f"Done: show the user {uri(found.best_id or found.candidate_id)}."
    if not found.images_left:
        return "No pictures are left in this run: take the best and say what is still open, or open a new run."
    return (
        f"Next: inspect_and_edit with run_id {run_id} and edits for what is open, or regional_diffuse for a new "
        f"picture, or plan again if things are in the wrong place. {found.images_left} more pictures are allowed."
    )


def after_recaption(run: Run) -> str:
    """The step after `recaption`: of a given picture that could be looked at, the plan is made."""
    if run.layout is not None:
        return after_plan(run)
    return f"Next: plan with run_id {run.run_id}; leave its layout out to have one drafted."


def after_plan(run: Run) -> str:
    """The step after `plan`."""
    if run.source and not run.current:
        return f"Next: inspect_and_edit with run_id {run.run_id}, which inspects the given picture."
    return f"Next: regional_diffuse with run_id {run.run_id}."
