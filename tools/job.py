"""A job: what is known about work that outlives its call."""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import Field

from .scene import Value

Status = Literal["queued", "working", "done", "failed", "cancelled"]
INTERRUPTED = "the server was stopped while it was at work: what was finished is kept, and the run can go on"
LIVE: frozenset[Status] = frozenset({"queued", "working"})


class Progress(Value):
    """How far a job is. `done` only ever grows; a picture is one unit of it."""

    done: float
    total: int = Field(description="Pictures begun so far, at least one.")
    picture: int = Field(description="The picture that is being painted, counted from 1.")
    step: int = Field(description="Denoising steps of it that are done.")
    steps: int = Field(description="Denoising steps that it has.")
    message: str


NONE_YET = Progress(done=0.0, total=1, picture=0, step=0, steps=0, message="")


class Job(Value):
    """One job; its id is that of the run that it works on, and a later job of the run takes its place."""

    job_id: str
    others: list[str] = Field(default_factory=list, description="Runs that it has begun after its own, in order.")
    owner: str
    tool: str
    status: Status = "queued"
    progress: Progress = NONE_YET
    created: float = Field(description="Seconds since the epoch.")
    finished: float | None = None
    result: dict[str, Any] = Field(default_factory=dict, description="What the work gave back: ids, no pictures.")
    error: str = Field(default="", description="One line, if it failed.")

    @property
    def run_ids(self) -> list[str]:
        """All runs that it has worked on, in order."""
        return [self.job_id, *self.others]

    @property
    def live(self) -> bool:
        """Whether it may still change."""
        return self.status in LIVE

    @property
    def age(self) -> float:
        """Seconds since it was asked for, or that it took."""
        return max(0.0, (self.finished or time.time()) - self.created)

    @property
    def doing(self) -> str:
        """What is being done, in words."""
        return self.progress.message or ("queued" if self.status == "queued" else "loading what paints")

    def changed(self, **fields: Any) -> Job:
        """The same job with other fields."""
        return self.model_copy(update=fields)
