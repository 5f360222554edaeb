"""Splits a denoiser call into groups of adjacent batch rows with equal conditioning, one forward per group.

Rows that are lists of tensors also need equal shapes to share a group.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from itertools import groupby
from typing import Any

import torch

from .guidance_side import recording_side
from .patching import forward_of, patched_forward
from .region_schedule import RegionConditioning, RowConditioning

Call = dict[str, Any]
"""The arguments of one call of the denoiser, by name."""

LISTED = frozenset({"x", "cap_feats", "img_shapes"})
"""Arguments that are lists with an entry per row; other lists hold tensors of all rows, such as a ControlNet's."""

GroupForward = Callable[[Callable[..., Any], RegionConditioning, Call, int], Any]
"""(plain forward, the rows' conditioning, their arguments, number of rows) -> output."""


@dataclass
class ConditioningState:
    """The regional conditioning of each row of the denoiser's next call."""

    rows: tuple[RowConditioning, ...] = ()
    blocks: int = 0
    """How many blocks of the denoiser attend texts; 0 where regions do not hold by block."""

    def set_rows(self, rows: Sequence[RowConditioning]) -> None:
        """From the next call on; one entry for each row of its batch."""
        self.rows = tuple(rows)


@contextmanager
def grouped_by_conditioning(
    network: Any, forward_group: GroupForward, shared: frozenset[str] = frozenset()
) -> Iterator[ConditioningState]:
    """Patch the denoiser's forward; restored at the end. `shared` names the arguments that all rows share."""
    state = ConditioningState()
    plain: Any = forward_of(network)
    ours = getattr(plain, "ours", None)
    if ours is not None and ours is plain:  # inner regions take the place of outer ones
        plain = ours.plain

    @wraps(plain)
    def forward(*args: Any, **kwargs: Any) -> Any:
        rows = state.rows
        if not any(rows):
            return plain(*args, **kwargs)
        call, outputs = bound(plain, args, kwargs), []
        lists = [each for name, each in call.items() if name in LISTED and isinstance(each[0], torch.Tensor)]
        alike = [(row, *(each[number].shape for each in lists)) for number, row in enumerate(rows)]
        for _, numbers in ((kind, list(numbers)) for kind, numbers in groupby(range(len(rows)), alike.__getitem__)):
            row = rows[numbers[0]]
            part = rows_of(call, slice(numbers[0], numbers[-1] + 1), len(rows), shared)
            outputs.append(plain(**part) if row is None else forward_group(plain, row, part, len(numbers)))
        return joined(outputs)

    forward.plain, forward.ours = plain, forward  # type: ignore[attr-defined]
    try:
        with recording_side(network), patched_forward(network, forward):
            yield state
    finally:
        state.set_rows(())  # where it stays within what others have put around it


def bound(forward: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    """The arguments of a call by name."""
    names = list(inspect.signature(forward).parameters)
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def call_of(network: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    """The same of a denoiser, also where a wrapper that names no arguments is in its forward's place (DeepCache)."""
    forward, unnamed = network.forward, {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    if {each.kind for each in inspect.signature(forward).parameters.values()} <= unnamed:
        forward = partial(type(network).forward, network)
    return bound(forward, args, kwargs)


def rows_of(value: Any, chosen: slice, rows: int, shared: frozenset[str] = frozenset()) -> Any:
    """The chosen rows of everything in a call that has `rows` rows."""
    if isinstance(value, torch.Tensor):
        return value[chosen] if value.ndim and len(value) == rows else value
    if isinstance(value, dict):
        return {
            name: each
            if name in shared
            else each[chosen]
            if name in LISTED and len(each) == rows
            else rows_of(each, chosen, rows)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return type(value)(rows_of(each, chosen, rows) for each in value)
    return value


def joined(outputs: Sequence[Any]) -> Any:
    """The outputs of several calls of the denoiser as those of one."""
    if len(outputs) == 1:
        return outputs[0]
    samples = [sample(output) for output in outputs]
    every = [row for rows in samples for row in rows] if isinstance(samples[0], list) else torch.cat(samples)
    return (every,) if isinstance(outputs[0], tuple) else type(outputs[0])(sample=every)


def sample(output: Any) -> Any:
    """What the denoiser predicts, (B, ...) or a list of B."""
    return output[0] if isinstance(output, tuple) else output.sample
