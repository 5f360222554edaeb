"""Where jobs are kept, so that their ids survive a restart."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def put(self, job: Job) -> bool:
        """Write it as it is now; True if another server has been asked to cancel it meanwhile."""
        self._say_alive()
        ((cancel,),) = self._rows(
            "INSERT INTO jobs (job_id, owner, server, created, body) VALUES (?1, ?2, ?3, ?4, ?5) "
            "ON CONFLICT (job_id) DO UPDATE SET server=?3, created=?4, body=?5, "
            "cancel=CASE WHEN created=?4 THEN cancel ELSE 0 END RETURNING cancel",
            job.job_id, job.owner, self.server, job.created, job.model_dump_json(),
        )  # fmt: skip
        return bool(cancel)

    def get(self, job_id: str, owner: str) -> Job:
        """The job; one that its server left unfinished has failed. Raises NotFound, also for another owner's."""
        found = self._rows("SELECT body, server FROM jobs WHERE job_id=? AND owner=?", job_id, owner)
        if not found:
            raise NotFound(f"there is no job {job_id[:80]}")
        ((body, server),) = found
        try:
            job = Job.model_validate_json(body)
        except ValidationError:
            raise StoreError(f"job {job_id} was written by another version of muralist: begin a new one") from None
        if job.live and not self._is_alive(server):
            job = job.changed(status="failed", error=INTERRUPTED, finished=time.time())
            self._rows("UPDATE jobs SET body=? WHERE job_id=? AND body=?", job.model_dump_json(), job_id, body)
        return job

    def ask_to_cancel(self, job_id: str) -> None:
        """Leave word for the server that the job belongs to."""
        self._rows("UPDATE jobs SET cancel=1 WHERE job_id=?", job_id)

    def ids(self, owner: str, beginning: str, limit: int) -> list[str]:
        """Ids of the owner's jobs that begin so, newest first."""
        rows = self._rows(
            "SELECT job_id FROM jobs WHERE owner=? AND substr(job_id, 1, ?)=? ORDER BY created DESC LIMIT ?",
            owner, len(beginning), beginning, limit,
        )  # fmt: skip
        return [job_id for (job_id,) in rows]

    def close(self) -> None:
        """Let go of this server's jobs."""
        with self._lock:
            if self._alive is not None:
                self._alive.release()
                Path(self._alive.lock_file).unlink(missing_ok=True)
                self._alive = None
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _lock_of(self, server: str) -> FileLock:
        from filelock import FileLock

        return FileLock(self.home / "servers" / f"{server}.lock", thread_local=False)

    def _say_alive(self) -> None:
        """Hold this server's lock from its first job on."""
        with self._lock:
            if self._alive is not None:
                return
            try:
                (self.home / "servers").mkdir(parents=True, exist_ok=True)
                lock = self._lock_of(self.server)
                lock.acquire(timeout=0)
            except OSError as error:
                raise StoreError.of(error) from error
            self._alive = lock

    def _is_alive(self, server: str) -> bool:
        """Whether the server that has a job still runs."""
        if server == self.server:
            return self._alive is not None
        from filelock import Timeout

        lock = self._lock_of(server)
        if not Path(lock.lock_file).exists():
            return False
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
        return False

    def _rows(self, statement: str, *values: object) -> list[Any]:
        """What one statement, a transaction of its own, gives back; whoever comes from another thread waits."""
        try:
            with self._lock:
                self._connection = self._connection or self._connected()
                return self._connection.execute(statement, values).fetchall()
        except (OSError, sqlite3.Error) as error:
            raise StoreError.of(error) from error

    def _connected(self) -> sqlite3.Connection:
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "jobs.sqlite"
        db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(SCHEMA)
        return db
