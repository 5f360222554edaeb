"""Which side a call of the denoiser is on, where a pipeline calls it once for each and names its calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .control import Side
from .overlay import overlaid


class Listening:
    """In place of `transformer.cache_context`: keeps the name that the pipeline gives to its call."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain = plain
        self.side: Side = "positive"

    @contextmanager
    def __call__(self, name: str, **rest: Any) -> Iterator[None]:
        self.side = "negative" if name == "uncond" else "positive"
        try:
            with self.plain(name, **rest):
                yield
        finally:
            self.side = "positive"


@contextmanager
def listening(transformer: Any) -> Iterator[None]:
    """Within it, `side_of` knows."""
    if not hasattr(transformer, "cache_context"):
        yield
        return
    with overlaid(transformer, "cache_context", Listening(transformer.cache_context)):
        yield


def side_of(transformer: Any) -> Side:
    """The side of the call that is being made."""
    listener = vars(transformer).get("cache_context")
    return listener.side if isinstance(listener, Listening) else "positive"
