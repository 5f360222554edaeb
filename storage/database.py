"""One SQLite file: opened late, shared by threads and processes, brought to this version, its owner's only."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from muralist.tools.errors import StoreError

from .schema import FIRST, NAME, SECOND, THIRD, check_ours, migrate

BUSY_SECONDS = 30
"""How long a writer waits for another process's transaction."""


class Database:
    """`muralist.sqlite` in a home folder; nothing is made before the first write."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / NAME
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.RLock()

    @contextmanager
    def transaction(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: all or nothing, also across processes. Raises StoreError."""
        with trouble(), self._lock:
            db = self._opened(write)
            db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            try:
                yield db
            except BaseException:
                if db.in_transaction:  # after a full disk SQLite has rolled back by itself
                    db.execute("ROLLBACK")
                raise
            try:
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._file = None

    def _opened(self, write: bool) -> sqlite3.Connection:
        known = self._identity()
        if self._connection is not None and known is not None and known == self._file:
            return self._connection
        self.close()  # the folder was deleted or replaced
        if known is None and not write:
            return _empty()
        self.home.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            check_ours(db)
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            migrate(db, self.home)
        except BaseException:
            db.close()
            raise
        self._connection, self._file = db, self._identity()
        return db

    def _identity(self) -> tuple[int, int] | None:
        """Device and inode of the file; None if there is none, or an empty one."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return (found.st_dev, found.st_ino) if found.st_size else None


def _empty() -> sqlite3.Connection:
    """To read from what is not there yet finds nothing, and makes nothing."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (*FIRST, *SECOND, *THIRD):
        db.execute(statement)
    return db


def check_database(home: Path) -> None:
    """Raise StoreError if the database of a home folder cannot be used; changes nothing."""
    path = home.absolute() / NAME
    if path.exists():
        with trouble(), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
            check_ours(db)


@contextmanager
def trouble(file: str = NAME) -> Iterator[None]:
    """What the disk and SQLite have to say of a file of the home folder, as one line."""
    try:
        yield
    except OSError as error:
        raise StoreError.of(error) from error
    except sqlite3.Error as error:
        foreign = type(error) is sqlite3.DatabaseError or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_ERROR
        raise (StoreError.damaged(file, error) if foreign else StoreError.of(error)) from error
