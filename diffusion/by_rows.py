"""A call of the denoiser, taken apart: neighbouring rows of its batch that follow the same are called together.

Where they are lists of tensors, these have to be of one shape as well.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from itertools import groupby
from typing import Any

import torch

from .calls_by_side import listening
from .control import Following, Row
from .overlay import overlaid

Call = dict[str, Any]
"""The arguments of one call of the denoiser, by name."""

LISTED = frozenset({"x", "cap_feats", "img_shapes"})
"""Arguments that are lists with an entry per row; other lists hold tensors of all rows, such as a ControlNet's."""

Lead = Callable[[Callable[..., Any], Following, Call, int], Any]
"""Given the plain denoiser, what the rows follow, their call and their number: its output."""


@dataclass
class Denoising:
    """What each row of the denoiser's next call follows."""

    rows: tuple[Row, ...] = ()

    def follow(self, rows: Sequence[Row]) -> None:
        """From the next call on; one entry for each row of its batch."""
        self.rows = tuple(rows)


@contextmanager
def led_by_rows(network: Any, lead: Lead, whole: frozenset[str] = frozenset()) -> Iterator[Denoising]:
    """Put a forward of our own over the denoiser's, and take it away at the end; `whole` names what all rows share."""
    denoising = Denoising()
    plain = getattr(network.forward, "plain", network.forward)  # inner regions take the place of outer ones

    @wraps(plain)
    def forward(*args: Any, **kwargs: Any) -> Any:
        rows = denoising.rows
        if not any(rows):
            return plain(*args, **kwargs)
        call, outputs = bound(plain, args, kwargs), []
        lists = [each for name, each in call.items() if name in LISTED and isinstance(each[0], torch.Tensor)]
        alike = [(row, *(each[number].shape for each in lists)) for number, row in enumerate(rows)]
        for _, numbers in ((kind, list(numbers)) for kind, numbers in groupby(range(len(rows)), alike.__getitem__)):
            row = rows[numbers[0]]
            part = rows_of(call, slice(numbers[0], numbers[-1] + 1), len(rows), whole)
            outputs.append(plain(**part) if row is None else lead(plain, row, part, len(numbers)))
        return joined(outputs)

    forward.plain = plain  # type: ignore[attr-defined]
    with listening(network), overlaid(network, "forward", forward):
        yield denoising


def bound(forward: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    """The arguments of a call by name."""
    names = list(inspect.signature(forward).parameters)
    return dict(zip(names, args, strict=False)) | dict(kwargs)


def rows_of(value: Any, chosen: slice, rows: int, whole: frozenset[str] = frozenset()) -> Any:
    """The chosen rows of everything in a call that has `rows` rows."""
    if isinstance(value, torch.Tensor):
        return value[chosen] if value.ndim and len(value) == rows else value
    if isinstance(value, dict):
        return {
            name: each
            if name in whole
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
