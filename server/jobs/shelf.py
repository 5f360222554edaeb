"""Where jobs are kept, so that their ids survive a restart."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from muralist.tools.errors import NotFound, StoreError

from .job import Job

if TYPE_CHECKING:
    from filelock import FileLock

BUSY_SECONDS = 30
"""How long a writer waits for another process."""
INTERRUPTED = "the server was stopped while it was at work: what was finished is kept; call the tool again"

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS jobs (job_id TEXT PRIMARY KEY, owner TEXT NOT NULL, server TEXT NOT NULL, "
    "cancel INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, body TEXT NOT NULL)"
)


class Shelf:
    """Jobs in an SQLite file of the home folder, which several servers may share.

    Every server that has jobs holds a lock on a file of its own, which the system takes away when it dies, however it
    dies: a job that is not finished, and whose server is gone, was interrupted. Methods block; they raise StoreError if
    the folder cannot be used.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server = secrets.token_hex(8)
        self._alive: FileLock | None = None

    def put(self, job: Job) -> bool:
        """Write it as it is now; True if another server has been asked to cancel it meanwhile."""
        self._live()
        with self._database(write=True) as db:
            row = db.execute(
                "INSERT INTO jobs (job_id, owner, server, created, body) VALUES (?1, ?2, ?3, ?4, ?5) "
                "ON CONFLICT (job_id) DO UPDATE SET server=?3, created=?4, body=?5, "
                "cancel=CASE WHEN created=?4 THEN cancel ELSE 0 END RETURNING cancel",
                (job.job_id, job.owner, self.server, job.created, job.model_dump_json()),
            ).fetchone()
        return bool(row[0])

    def get(self, job_id: str, owner: str) -> Job:
        """The job; one that its server left unfinished has failed. Raises NotFound, also for another owner's."""
        with self._database() as db:
            row = db.execute(
                "SELECT body, server FROM jobs WHERE job_id=? AND owner=?", (job_id, owner)
            ).fetchone()  # fmt: skip
        if row is None:
            raise NotFound(f"there is no job {job_id[:80]}")
        try:
            job = Job.model_validate_json(row[0])
        except ValidationError:
            raise StoreError(f"job {job_id} was written by another version of muralist: begin a new one") from None
        if job.live and not self._is_alive(row[1]):
            job = job.changed(status="failed", error=INTERRUPTED, finished=time.time())
            with self._database(write=True) as db:
                db.execute(
                    "UPDATE jobs SET body=? WHERE job_id=? AND server=?", (job.model_dump_json(), job_id, row[1])
                )
        return job

    def ask_to_cancel(self, job_id: str) -> None:
        """Leave word for the server that the job belongs to."""
        with self._database(write=True) as db:
            db.execute("UPDATE jobs SET cancel=1 WHERE job_id=?", (job_id,))

    def ids(self, owner: str, beginning: str, limit: int) -> list[str]:
        """Ids of the owner's jobs that begin so, newest first."""
        with self._database() as db:
            rows = db.execute(
                "SELECT job_id FROM jobs WHERE owner=? AND substr(job_id, 1, ?)=? ORDER BY created DESC LIMIT ?",
                (owner, len(beginning), beginning, limit),
            ).fetchall()
        return [job_id for (job_id,) in rows]

    def close(self) -> None:
        """Let go of this server's jobs."""
        if self._alive is not None:
            self._alive.release()
            Path(self._alive.lock_file).unlink(missing_ok=True)
            self._alive = None

    def _lock(self, server: str) -> FileLock:
        from filelock import FileLock

        return FileLock(self.home / "servers" / f"{server}.lock", thread_local=False)

    def _live(self) -> None:
        if self._alive is None:
            try:
                (self.home / "servers").mkdir(parents=True, exist_ok=True)
                self._alive = self._lock(self.server)
                self._alive.acquire(timeout=0)
            except OSError as error:
                self._alive = None
                raise _trouble(self.home, error) from error

    def _is_alive(self, server: str) -> bool:
        if server == self.server:
            return self._alive is not None
        from filelock import Timeout

        lock = self._lock(server)
        if not Path(lock.lock_file).exists():
            return False
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
        return False

    @contextmanager
    def _database(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """One connection and one transaction."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            path = self.home / "jobs.sqlite"
            with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous=NORMAL")
                db.execute("PRAGMA journal_mode=WAL")
                db.execute(SCHEMA)
                db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield db
                db.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise _trouble(self.home, error) from error


def _trouble(home: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot use the folder {home}: {error}; choose a folder that can be written and has room")
