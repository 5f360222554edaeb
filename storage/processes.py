"""Which processes that share a home folder are alive."""

from __future__ import annotations

import atexit
import secrets
import threading
from pathlib import Path

from filelock import FileLock, Timeout

from .database import BUSY_SECONDS, trouble


class Processes:
    """Every process that holds something has a lock on a file of its own.

    The system takes that lock away when the process dies, however it dies.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "processes"
        self.own = secrets.token_hex(8)
        self._alive: FileLock | None = None
        self._lock = threading.Lock()

    def enter(self) -> str:
        """Hold this process's lock from now on, and clear away those of the dead; gives its name."""
        with self._lock, trouble():
            if self._alive is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                with self._entering():
                    lock = self._file(self.own)
                    lock.acquire(timeout=0)
                    for left in self.folder.glob("*.lock"):
                        self.alive(left.stem)
                self._alive = lock
                atexit.register(self.leave)
        return self.own

    def alive(self, process: str) -> bool:
        """Whether that process still runs; a frozen one does, too."""
        if process == self.own:
            return self._alive is not None
        lock = self._file(process)
        path = Path(lock.lock_file)
        if not process or not path.exists():
            return False
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return False
        lock.release()
        path.unlink(missing_ok=True)
        return False

    def leave(self) -> None:
        """Let go of this process's lock."""
        with self._lock:
            if self._alive is not None:
                self._alive.release()
                Path(self._alive.lock_file).unlink(missing_ok=True)
                self._alive = None

    def _entering(self) -> FileLock:
        """Held while a process makes its file and others are cleared away: one that is not yet locked is not dead."""
        return FileLock(self.folder / "entering", timeout=BUSY_SECONDS, thread_local=False)

    def _file(self, process: str) -> FileLock:
        return FileLock(self.folder / f"{process}.lock", thread_local=False)
