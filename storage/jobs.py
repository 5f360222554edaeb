"""Jobs as rows: one per run, its latest."""

from __future__ import annotations

import time

from pydantic import ValidationError

from muralist.tools.errors import NotFound, StoreError
from muralist.tools.job import INTERRUPTED, Job

from .database import Database
from .processes import Processes


class Jobs:
    """The part of a store that the queue works with; every method blocks, and raises StoreError."""

    database: Database
    processes: Processes

    def put_job(self, job: Job) -> bool:
        """Write the job of a run as it is now; True if another process has been asked to cancel it meanwhile."""
        process = self.processes.enter()
        with self.database.transaction(write=True) as db:
            ((cancel,),) = db.execute(
                "INSERT INTO jobs (run_id, owner, process, created, body) VALUES (?1, ?2, ?3, ?4, ?5) "
                "ON CONFLICT (run_id) DO UPDATE SET process=?3, created=?4, body=?5, "
                "cancel=CASE WHEN created=?4 THEN cancel ELSE 0 END RETURNING cancel",
                (job.job_id, job.owner, process, job.created, job.model_dump_json()),
            ).fetchall()
        return bool(cancel)

    def get_job(self, run_id: str, owner: str) -> Job:
        """The run's latest job; one that its process left unfinished has failed. Raises NotFound."""
        with self.database.transaction() as db:
            row = db.execute("SELECT body, process FROM jobs WHERE run_id=? AND owner=?", (run_id, owner)).fetchone()
        if row is None:
            raise NotFound(f"there is no job {run_id[:80]}")
        body, process = row
        try:
            job = Job.model_validate_json(body)
        except ValidationError:
            raise StoreError(f"job {run_id} was written by another version of muralist: begin a new one") from None
        if job.live and not self.processes.alive(process):
            job = job.changed(status="failed", error=INTERRUPTED, finished=time.time())
            with self.database.transaction(write=True) as db:
                db.execute("UPDATE jobs SET body=? WHERE run_id=? AND body=?", (job.model_dump_json(), run_id, body))
        return job

    def ask_to_cancel(self, run_id: str) -> None:
        """Leave word for the process that the job belongs to."""
        with self.database.transaction(write=True) as db:
            db.execute("UPDATE jobs SET cancel=1 WHERE run_id=?", (run_id,))

    def job_ids(self, owner: str, beginning: str, limit: int) -> list[str]:
        """Ids of the owner's jobs that begin so, newest first."""
        with self.database.transaction() as db:
            rows = db.execute(
                "SELECT run_id FROM jobs WHERE owner=? AND substr(run_id, 1, ?)=? ORDER BY created DESC LIMIT ?",
                (owner, len(beginning), beginning, limit),
            ).fetchall()
        return [run_id for (run_id,) in rows]
