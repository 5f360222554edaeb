"""Monkeypatching an instance's method for the time of a `with`, and functions that run beside what is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
HOOKED = "_old_forward"
"""Where accelerate keeps the forward of a module that has hooks."""


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


def forward_of(module: Any) -> Callable[..., Any]:
    """The module's own forward, within what accelerate's hooks put around it."""
    return vars(module).get(HOOKED) or module.forward  # type: ignore[no-any-return]


@contextmanager
def patched_forward(module: Any, function: Callable[..., Any]) -> Iterator[None]:
    """Set `forward_of(module)` to `function`; restored at the end.

    Accelerate's hooks take along whatever is there, as often as they come and go: with model offload, after every call
    of a pipeline.
    """
    plain, was_set = forward_of(module), "forward" in vars(module)
    setattr(module, HOOKED if HOOKED in vars(module) else "forward", function)
    try:
        yield
    finally:
        if vars(module).get(HOOKED) is function:
            setattr(module, HOOKED, plain)
        elif vars(module).get("forward") is function and was_set:
            module.forward = plain
        elif vars(module).get("forward") is function:
            del module.forward


def untraced(function: Function) -> Function:
    """The function, left to Python where torch.compile traces its caller."""
    import torch

    return torch.compiler.disable(function)  # type: ignore[no-any-return, no-untyped-call]
