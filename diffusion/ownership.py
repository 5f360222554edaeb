"""One thread at a time changes how a module works, however many pipelines share it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from muralist.tools.errors import BadSettings

_lock = threading.Lock()
_owners: WeakKeyDictionary[Any, list[int]] = WeakKeyDictionary()
"""By module: the thread that holds it, as often as it does."""


@contextmanager
def owned(module: Any) -> Iterator[None]:
    """Hold the module; within it, the same thread may hold it again. Raises BadSettings while another one does."""
    thread = threading.get_ident()
    with _lock:
        holders = _owners.setdefault(module, [])
        if holders and holders[-1] != thread:
            raise BadSettings(
                f"another thread has regions on this {type(module).__name__}: paint one after the other, or give each "
                "pipeline a denoiser of its own"
            )
        holders.append(thread)
    try:
        yield
    finally:
        with _lock:
            holders.remove(thread)
