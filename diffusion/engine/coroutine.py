"""A coroutine on a thread: suspends a stock pipeline at each call of its denoiser."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")
W = TypeVar("W")


class ThreadCoroutine(Generic[W, T]):
    """Runs `work` on a thread of its own, but only while `resume` waits: at any time one of the two runs.

    Inside `work`, `pause(wanted)` yields `wanted` to the caller of `resume` and returns what `resume` is given next:
    what `yield` does in a generator, for library code that cannot be rewritten as one.
    """

    def __init__(self, work: Callable[[], T], name: str) -> None:
        self.done = False
        self._work = work
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._given: Any = None
        self._wanted: W | None = None
        self._result: T
        self._error: BaseException | None = None
        self._closed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def resume(self, given: Any = None) -> W | None:
        """Let it run until it pauses, and return what it wants; None once it is done."""
        self._given = given
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        return None if self.done else self._wanted

    def result(self) -> T:
        """What `work` gave, once done; or its error, raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def close(self, error: BaseException) -> None:
        """Have the `pause` it is in raise `error`; nothing happens to a coroutine that is done."""
        self._closed = error
        while not self.done and self._thread.ident is not None:
            self.resume()
        if not self.done:  # never begun
            self.done, self._error = True, error

    def pause(self, wanted: W) -> Any:
        """Called by `work`, on its thread."""
        self._wanted = wanted
        self._back.release()
        self._go.acquire()
        if self._closed is not None:
            raise self._closed
        return self._given

    def is_here(self) -> bool:
        """Whether the caller is on this coroutine."""
        return threading.current_thread() is self._thread

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # handed over by `result`
            self._error = error
        finally:
            self.done = True
            self._back.release()
