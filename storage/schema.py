"""The tables, and how an older home folder becomes one of this version."""

from __future__ import annotations

import re
import sqlite3
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from muralist.tools.errors import StoreError
from muralist.tools.job import INTERRUPTED, Job

NAME = "muralist.sqlite"
FIRST = (
    "CREATE TABLE IF NOT EXISTS runs ("
    "run_id TEXT PRIMARY KEY, owner TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS images ("
    "run_id TEXT NOT NULL, ordinal INTEGER NOT NULL, sha256 TEXT NOT NULL, metadata TEXT NOT NULL, "
    "PRIMARY KEY (run_id, ordinal), UNIQUE (run_id, sha256, metadata))",
    "CREATE TABLE IF NOT EXISTS verdicts ("
    "seq INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, ordinal INTEGER NOT NULL, body TEXT NOT NULL)",
)
SECOND = (
    "ALTER TABLE runs ADD COLUMN updated REAL NOT NULL DEFAULT 0",
    "CREATE TABLE leases ("
    "run_id TEXT PRIMARY KEY, fence INTEGER NOT NULL, holder TEXT NOT NULL, renewed REAL NOT NULL)",
    "CREATE TABLE journal (run_id TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (run_id, key))",
    "CREATE TABLE snapshots ("
    "run_id TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (run_id, version))",
    "CREATE TABLE events ("
    "run_id TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (run_id, seq))",
    "CREATE TABLE jobs (run_id TEXT PRIMARY KEY, owner TEXT NOT NULL, process TEXT NOT NULL, "
    "cancel INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX runs_of_owner ON runs (owner, updated)",
)


THIRD = (
    "CREATE TABLE masks (run_id TEXT NOT NULL, mask_id TEXT NOT NULL, PRIMARY KEY (run_id, mask_id))",
    "CREATE INDEX masks_by_id ON masks (mask_id)",
)
MASK = re.compile(r'"mask_id":"(\w+)"')


def masks_in(run_id: str, ledger: str) -> set[tuple[str, str]]:
    """The rows of `masks` for what a ledger, as JSON, refers to."""
    return {(run_id, mask_id) for mask_id in MASK.findall(ledger)}


def _with_first_tables(db: sqlite3.Connection, home: Path) -> None:
    for statement in FIRST:
        db.execute(statement)


def _with_one_database(db: sqlite3.Connection, home: Path) -> None:
    """Jobs had a database of their own; those that were not finished then were interrupted."""
    for statement in SECOND:
        db.execute(statement)
    db.execute("UPDATE runs SET updated=?", (time.time(),))
    old = home / "jobs.sqlite"
    if not old.is_file():
        return
    with sqlite3.connect(f"file:{old}?mode=ro", uri=True) as jobs:
        rows = jobs.execute("SELECT job_id, owner, created, body FROM jobs").fetchall()
    jobs.close()
    for run_id, owner, created, body in rows:
        try:
            job = Job.model_validate_json(body)
        except ValidationError:
            continue  # of a version before that
        if job.live:
            job = job.changed(status="failed", error=INTERRUPTED, finished=created)
        db.execute(
            "INSERT OR IGNORE INTO jobs (run_id, owner, process, created, body) VALUES (?, ?, '', ?, ?)",
            (run_id, owner, created, job.model_dump_json()),
        )


def _with_masks(db: sqlite3.Connection, home: Path) -> None:
    """Which run needs which mask, so that they go together."""
    for statement in THIRD:
        db.execute(statement)
    known = db.execute("SELECT run_id, body FROM runs").fetchall()
    earlier = db.execute("SELECT run_id, body FROM snapshots").fetchall()
    for run_id, ledger in [*known, *((run_id, zlib.decompress(body).decode()) for run_id, body in earlier)]:
        db.executemany("INSERT OR IGNORE INTO masks VALUES (?, ?)", masks_in(run_id, ledger))


MIGRATIONS: tuple[Callable[[sqlite3.Connection, Path], None], ...] = (
    _with_first_tables,
    _with_one_database,
    _with_masks,
)
"""Number n brings a database of `user_version` n - 1 to n; within one transaction, all of them or none."""


def check_ours(db: sqlite3.Connection) -> None:
    """Raise StoreError if another program has written the database, or a newer muralist."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    named = db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")
    tables = {name for (name,) in named}
    if not (tables <= {"runs", "images", "verdicts"} if version == 0 else "runs" in tables):
        raise StoreError.damaged(NAME, "it has other tables")
    if version > len(MIGRATIONS):
        raise StoreError(
            "the folder of MURALIST_HOME was written by a newer version of muralist: upgrade, or choose another folder"
        )


def migrate(db: sqlite3.Connection, home: Path) -> None:
    """Bring the database, which is ours, to this version."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        (version,) = db.execute("PRAGMA user_version").fetchone()  # another process may have been faster
        for number in range(version, len(MIGRATIONS)):
            MIGRATIONS[number](db, home)
            db.execute(f"PRAGMA user_version={number + 1}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
