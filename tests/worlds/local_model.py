"""A language model of somebody's own in this process, as big as it is said to be, on a card that is simulated."""

from __future__ import annotations

from muralist.tools.device_memory import DeviceMemory


class LocalModel:
    """A `Holder` of so many bytes. `at_work`: it cannot give them back just now."""

    def __init__(self, name: str, size: int, kept_free: int = 0, device: str = "cuda", loaded: bool = True) -> None:
        self.name, self.size, self.kept_free, self.device, self.loaded = name, size, kept_free, device, loaded
        self.at_work = False

    def held(self, device: str) -> int:
        return self.size if self.loaded and device == self.device else 0

    def needs(self, device: str) -> int:
        return self.kept_free if device == self.device else 0

    def unload(self, wait: bool) -> bool:
        if self.at_work:
            return False
        self.loaded = False
        return True


class Card:
    """A device of so many bytes, on which nobody takes any but the holders."""

    def __init__(self, size: int, memory: DeviceMemory) -> None:
        self.size, self.memory = size, memory

    def free(self, device: str) -> int:
        return self.size - self.memory.held(device)
