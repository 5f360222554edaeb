"""The events of a job's runs, added up to what is known of the job."""

from __future__ import annotations

from typing import Any

from muralist.tools.job import Job, Progress

PAINTED = 0.9
"""The share of a picture's progress that painting takes; inspecting takes the rest."""


ANOTHER = "another"
"""The kind of what a job tells when it begins a run after its own; the data has its `run_id`."""


def after(job: Job, kind: str, data: dict[str, Any]) -> Job:
    """The job after one more event."""
    if kind == ANOTHER:
        return job.changed(others=[*job.others, data["run_id"]])
    return job.changed(progress=advanced(job.progress, kind, data))


def advanced(progress: Progress, kind: str, data: dict[str, Any]) -> Progress:
    """The progress after one more event; the same object if it says nothing new."""
    number = progress.picture
    if kind == "painting":
        number += 1
        return progress.model_copy(
            update={
                "picture": number, "total": max(number, 1), "step": 0, "steps": data["steps"],
                "message": f"picture {number}: waiting for the painter",
            }
        )  # fmt: skip
    if kind == "step":
        step, steps = data["step"], data["steps"]
        done = max(progress.done, max(number, 1) - 1 + PAINTED * step / steps)
        message = f"picture {max(number, 1)}: step {step} of {steps}"
        return progress.model_copy(update={"done": done, "step": step, "steps": steps, "message": message})
    if kind == "beyond":
        return progress.model_copy(update={"message": data["text"]})
    if kind == "judged":
        message = f"picture {max(number, 1)}: {data['reason']}"
        return progress.model_copy(update={"done": max(progress.done, float(number)), "message": message})
    return progress
