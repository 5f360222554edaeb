"""Ending on SIGTERM and SIGINT: jobs stop within a step, what was finished is kept, the exit code says which it was."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType


def end_on_signals(close: Callable[[], None]) -> None:
    """From now on the signals close and exit, 128 plus their number; a second one exits at once.

    Closing has a thread of its own, since the main one may be waiting for a line that never comes.
    """
    asked = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            os._exit(128 + number)
        asked.set()
        threading.Thread(target=_close, args=(close, number), name="end").start()

    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def _close(close: Callable[[], None], number: int) -> None:
    try:
        close()
        print(f"muralist: stopped by {signal.Signals(number).name}; runs can go on", file=sys.stderr, flush=True)
    finally:
        os._exit(128 + number)
