"""A queue in which owners take turns: whoever has twenty jobs waiting keeps nobody else behind all of them."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Queue(Generic[T]):
    """First come, first served within an owner; one of each owner in turn. Any thread may look at it."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def append(self, owner: str, item: T) -> None:
        """To the end of the owner's own."""
        with self._lock:
            self._waiting.setdefault(owner, deque()).append(item)

    def pop(self) -> T:
        """The next; its owner goes to the end of the round."""
        with self._lock:
            owner, own = next(iter(self._waiting.items()))
            item = own.popleft()
            del self._waiting[owner]
            if own:
                self._waiting[owner] = own
            return item

    def remove(self, owner: str, item: T) -> None:
        """Take one out that waits."""
        with self._lock:
            own = self._waiting[owner]
            own.remove(item)
            if not own:
                del self._waiting[owner]

    def all(self) -> list[T]:
        """Everything that waits, in the order in which it will be taken."""
        with self._lock:
            rounds = [list(own) for own in self._waiting.values()]
        longest = max(map(len, rounds), default=0)
        return [own[turn] for turn in range(longest) for own in rounds if turn < len(own)]

    def place(self, which: Callable[[T], bool]) -> int | None:
        """How many are taken before the one that is meant; None if it does not wait."""
        return next((number for number, item in enumerate(self.all()) if which(item)), None)
