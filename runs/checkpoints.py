"""The graph's checkpoints in the home folder: one thread per run, by its id."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from muralist.storage import BUSY_SECONDS, trouble

NAME = "checkpoints.sqlite"


def prepared(home: Path) -> Path:
    """The file, which only its owner may read. Raises StoreError."""
    path = home / NAME
    with trouble(NAME):
        home.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    return path


async def kept(home: Path, run_id: str) -> bool:
    """Whether a run has checkpoints to go on from. Raises StoreError."""

    def look() -> bool:
        with _opened(home) as (db, tables):
            found = (
                "checkpoints" in tables
                and db.execute("SELECT 1 FROM checkpoints WHERE thread_id=? LIMIT 1", (run_id,)).fetchone()
            )
            return bool(found)

    return await asyncio.to_thread(look)


async def forget(home: Path, run_id: str) -> None:
    """Delete a run's checkpoints, if there are any. Raises StoreError."""

    def delete() -> None:
        with _opened(home) as (db, tables):
            for table in tables:
                db.execute(f"DELETE FROM {table} WHERE thread_id=?", (run_id,))

    await asyncio.to_thread(delete)


@contextmanager
def _opened(home: Path) -> Iterator[tuple[sqlite3.Connection, list[str]]]:
    """The database and those of its tables that are there, in one transaction; nothing is made."""
    path = home / NAME
    with (
        trouble(NAME),
        closing(sqlite3.connect(path if path.is_file() else ":memory:", timeout=BUSY_SECONDS)) as db,
        db,
    ):
        named = db.execute("SELECT name FROM sqlite_master WHERE name IN ('checkpoints', 'writes')")
        yield db, [name for (name,) in named]
