"""Monkeypatching an instance's method for the time of a `with`, and functions that run beside what is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@contextmanager
def patched(module: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Set `module.name` to `function`; restored at the end, also where it was patched before.

    What others have put around it meanwhile stays, as offloading that is switched on within.
    """
    before = vars(module).get(name)  # offloading puts its own forward there
    setattr(module, name, function)
    try:
        yield
    finally:
        if vars(module).get(name) is not function:
            pass
        elif before is None:
            delattr(module, name)
        else:
            setattr(module, name, before)


def untraced(function: Function) -> Function:
    """The function, left to Python where torch.compile traces its caller."""
    import torch

    return torch.compiler.disable(function)  # type: ignore[no-any-return, no-untyped-call]
