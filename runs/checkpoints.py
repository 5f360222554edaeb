"""The graph's checkpoints in the home folder: one thread per run, by its id."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from muralist.tools.errors import StoreError

NAME = "checkpoints.sqlite"


def prepared(home: Path) -> Path:
    """The file, which only its owner may read. Raises StoreError."""
    path = home / NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError.of(error) from error
    return path


async def forget(home: Path, run_id: str) -> None:
    """Delete a run's checkpoints, if there are any."""

    def delete() -> None:
        path = home / NAME
        if not path.is_file():
            return
        with closing(sqlite3.connect(path)) as db, db:
            for table in ("checkpoints", "writes"):
                with suppress(sqlite3.OperationalError):
                    db.execute(f"DELETE FROM {table} WHERE thread_id=?", (run_id,))

    await asyncio.to_thread(delete)
