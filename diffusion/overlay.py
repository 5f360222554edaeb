"""A function in place of a module's own, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def overlaid(module: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """`module.name` is `function`; afterwards what it was, also where someone else had put a function there before."""
    before = vars(module).get(name)  # offloading puts its own forward there
    setattr(module, name, function)
    try:
        yield
    finally:
        if before is None:
            delattr(module, name)
        else:
            setattr(module, name, before)
