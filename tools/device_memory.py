"""Who holds how much memory of which device, and who can give it back: asked before anything large is loaded."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import chain
from typing import Any, Protocol
from weakref import WeakKeyDictionary

log = logging.getLogger(__name__)


class Holder(Protocol):
    """A model that takes memory: unloaded when another one needs the room, and loaded again when it is asked next."""

    @property
    def name(self) -> str:
        """What it is called in logs."""

    def held(self, device: str) -> int:
        """Bytes that it takes there now; devices are named as torch names them, and `cpu` is the machine's memory."""

    def needs(self, device: str) -> int:
        """Bytes that are to stay free there for it, loaded or not; 0 if it loads in its turn, as painters do."""

    def unload(self, wait: bool) -> bool:
        """Give its memory back; False if it is at work. With `wait` it may finish that first, but wait for nobody."""


class DeviceMemory:
    """The holders of this process, none of them kept alive by it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._lock = threading.Lock()
        self._holders: WeakKeyDictionary[Holder, None] = WeakKeyDictionary()

    def used(self, holder: Holder) -> None:
        """Count on this one, as the one that was used last."""
        with self._lock:
            self._holders.pop(holder, None)
            self._holders[holder] = None

    def others(self, holder: Holder | None = None) -> list[Holder]:
        """All but that one, who was used last at the end."""
        with self._lock:
            return [each for each in self._holders if each is not holder]

    def free(self, device: str) -> int:
        """Bytes that are free on a CUDA device; on any other, those of the machine.

        What torch keeps to itself after it was freed counts as free: whatever is loaded next gets it.
        """
        import psutil

        if device.startswith("cuda"):
            import torch

            cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
            return int(torch.cuda.mem_get_info(device)[0]) + cached
        return int(psutil.virtual_memory().available)

    def held(self, device: str) -> int:
        """Bytes that all of them hold there."""
        return sum(each.held(device) for each in self.others())

    def needed(self, device: str) -> int:
        """Bytes that are to stay free there for all of them, loaded or not."""
        return sum(each.needs(device) for each in self.others())

    def missing(self, device: str) -> int:
        """The same, besides what each holds there by now."""
        return sum(max(0, each.needs(device) - each.held(device)) for each in self.others())

    def make_room(
        self,
        device: str,
        wanted: float,
        holder: Holder | None = None,
        *,
        wait: bool = False,
        free: Callable[[str], int] | None = None,
    ) -> list[str]:
        """Unload others, one by one, until `wanted` bytes are free there; the names of those that were.

        First come those that nothing is kept free for, then those that were used longest ago.
        """
        free, unloaded = free or self.free, []
        for each in sorted(self.others(holder), key=lambda other: other.needs(device) > 0):
            if free(device) >= wanted:
                break
            if each.held(device) and each.unload(wait):
                unloaded.append(each.name)
        if unloaded:
            log.info("unloaded to make room on %s: %s", device, ", ".join(unloaded))
        return unloaded


MEMORY = DeviceMemory()
"""The process's."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=MEMORY.clear)  # the threads that own them are the parent's


def bytes_on(device: str, modules: Iterable[Any]) -> int:
    """Bytes of the torch modules' weights that are on that device."""
    import torch

    place = torch.device(device)
    tensors = {id(each): each for module in modules for each in chain(module.parameters(), module.buffers())}
    return sum(
        each.nbytes
        for each in tensors.values()
        if (each.device.type, each.device.index or 0) == (place.type, place.index or 0)
    )


def empty_cache() -> None:
    """Give freed memory back to the device."""
    gc.collect()
    if (torch := sys.modules.get("torch")) is None:
        return
    with suppress(RuntimeError):  # a lost device gives nothing back
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()
