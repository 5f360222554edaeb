"""The engine: the thread that owns a backbone, its queue, and pictures painted together.

Importing this package loads no torch.
"""

from __future__ import annotations

import os
import threading

from muralist.diffusion.location import locate
from muralist.tools.painting_settings import PaintingSettings

from .engine import Engine
from .request import Request
from .settings import EngineSettings
from .threads import threads

__all__ = ["Engine", "EngineSettings", "Request", "engine_of", "release", "threads"]

_engines: dict[tuple[str, PaintingSettings], Engine] = {}
_lock = threading.Lock()


def _begin_anew() -> None:
    """In a forked process: the engines' threads are not there, and their queues are the parent's."""
    _engines.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_begin_anew)


def engine_of(backbone: str, painting: PaintingSettings | None = None) -> Engine:
    """The process's one engine for that backbone, so set. Raises BackboneError if there is no such backbone.

    Of one backbone in several settings only the one that was asked for last stays in memory.
    """
    key = str(locate(backbone)), painting or PaintingSettings()
    with _lock:
        for each, other in _engines.items():
            if each[0] == key[0] and each != key and other.loaded:
                other.release()
        if key not in _engines:
            _engines[key] = Engine(backbone, painting=painting)
        return _engines[key]


def release() -> None:
    """Unload every backbone of this process once its queue is painted; the next picture loads its own anew.

    For whoever needs the memory meanwhile, such as a language model on the same machine.
    """
    with _lock:
        engines = list(_engines.values())
    for unloaded in [engine.release() for engine in engines]:
        unloaded.result()
