"""The guidance side of a denoiser call, in pipelines that call once per side.

Most name the call (`cache_context`). Of those that do not, the second call of a step has the latents of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from .patching import patched, untraced
from .region_schedule import Side


class SideRecorder:
    """Wraps `transformer.cache_context` and records the side that the pipeline names."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        self.plain = plain
        self.side: Side = "positive"

    @contextmanager
    def __call__(self, name: str, **rest: Any) -> Iterator[None]:
        self.side = "negative" if "uncond" in name else "positive"
        try:
            with self.plain(name, **rest):
                yield
        finally:
            self.side = "positive"


@contextmanager
def recording_side(transformer: Any) -> Iterator[None]:
    """Makes `side_of` available within the block."""
    if not hasattr(transformer, "cache_context"):
        yield
        return
    with patched(transformer, "cache_context", SideRecorder(transformer.cache_context)):
        yield


def side_of(transformer: Any) -> Side:
    """The side of the current call."""
    recorder = vars(transformer).get("cache_context")
    return recorder.side if isinstance(recorder, SideRecorder) else "positive"


class RepeatRecorder:
    """A forward pre-hook that tells a step's second call, for the negative side, by its latents: the first call's."""

    def __init__(self) -> None:
        self.side: Side = "positive"
        self._latents: ReferenceType[Any] | None = None

    def __call__(self, transformer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        latents = args[0] if args else kwargs["hidden_states"]
        repeated = self._latents is not None and self._latents() is latents
        self.side, self._latents = ("negative", None) if repeated else ("positive", ref(latents))


_repeats: WeakKeyDictionary[Any, RepeatRecorder] = WeakKeyDictionary()
"""By transformer."""


@contextmanager
def recording_repeats(transformer: Any) -> Iterator[None]:
    """Makes `side_of_repeat` available within the block; inner blocks share the outermost one's record."""
    if transformer in _repeats:
        yield
        return
    _repeats[transformer] = RepeatRecorder()
    hook = transformer.register_forward_pre_hook(untraced(_repeats[transformer]), with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()
        del _repeats[transformer]


def side_of_repeat(transformer: Any) -> Side:
    """The side of the current call, where the pipeline calls for the positive side first."""
    return _repeats[transformer].side
