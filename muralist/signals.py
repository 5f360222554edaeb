"""SIGINT and SIGTERM end a command: with one line, the exit code that shells expect, and nothing half-written."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

ENDING = (signal.SIGINT, signal.SIGTERM)
SHOW_CURSOR = "\x1b[?25h"


class Interruption(threading.Event):
    """Set by the first signal: the work that looks at it ends by itself. The second signal ends the process at once."""

    way_on = ""
    """The command that goes on with what is being done, once there is one."""


class _State:
    heeded = False
    """Whether signals end the process, as they do in a command."""
    number = 0
    """The signal that came last."""
    work: Interruption | None = None


def heed() -> None:
    """From now on a signal ends the process at once, except where `interruptible` work is to be ended first."""
    if threading.current_thread() is threading.main_thread():  # signals reach no other
        _State.heeded = True
        _install()


def leave_to_others() -> None:
    """Give signals back to Python and the system: a server has its own ways to end."""
    if _State.heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _State.heeded = False


def exit_code() -> int:
    """That of a command which was stopped: 130 by SIGINT, 143 by SIGTERM."""
    return 128 + (_State.number or signal.SIGINT)


def leave(code: object) -> None:
    """End the process now if a signal has come: what a library still does on a thread of its own is not waited for."""
    if _State.heeded and _State.number:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code if isinstance(code, int) else 1)


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Work that the first signal asks to end; off the main thread, which alone hears signals, nothing does."""
    work = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield work
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    _State.number, _State.work = 0, work
    _install()
    try:
        yield work
    finally:
        _State.work = None
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def raising() -> Iterator[None]:
    """While a person is waited for, a signal is a KeyboardInterrupt."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        _State.number = number
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_line(file: TextIO) -> None:
    """Return once a terminal's line can be read, or its end; a signal ends the waiting whenever it comes.

    To read at once would not do: a signal that comes just before is heeded just after, and nobody may type any more.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        return
    heard, told = os.pipe()
    os.set_blocking(told, False)
    before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    try:
        select.select([file.fileno(), heard], [], [])
    finally:
        signal.set_wakeup_fd(before)
        os.close(heard)
        os.close(told)


def _install() -> None:
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as shells start what is to run in the background
            signal.signal(number, _heard)


def _heard(number: int, frame: FrameType | None) -> None:
    work = _State.work
    if work is None or work.is_set():
        _end(number, work.way_on if work else "")
    _State.number = number
    if work is not None:
        work.set()


def _end(number: int, way_on: str) -> None:
    """End without going back to what was interrupted, which may be anywhere in a library."""
    if (folder := sys.modules.get("muralist.folder")) is not None:
        folder.abandon()
    message = f"stopped; go on with: {way_on}" if way_on else "stopped"
    cursor = SHOW_CURSOR if os.isatty(2) else ""
    with suppress(OSError):
        os.write(2, f"{cursor}muralist: {message}\n".encode())
    if "--json" in sys.argv:
        import json

        line = json.dumps({"error": {"kind": "Cancelled", "message": message}})
        with suppress(OSError):
            os.write(1, f"{line}\n".encode())
    os._exit(128 + number)
