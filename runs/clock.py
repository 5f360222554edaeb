"""The one clock: it counts seconds of work, and nothing of waiting or of downtime."""

from __future__ import annotations

import time

now = time.monotonic


class Stopwatch:
    """Seconds since it was made or last read off."""

    def __init__(self) -> None:
        self._since = now()

    @property
    def seconds(self) -> float:
        """So far."""
        return max(0.0, now() - self._since)

    def read_off(self) -> float:
        """So far; it begins anew."""
        seconds = self.seconds
        self._since = now()
        return seconds
