"""Which arithmetic is fastest on this machine: measured, since processors differ by more than tenfold.

Compiling is no choice: `torch.compile` of the denoiser (torch 2.13, CPU) is a sixth faster, but leaves the gradients of
most of its weights at zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

TRIAL = 8
"""Samples in a measured step."""
HOPELESS = 3.0
"""What takes so many times the best is measured no further."""


@dataclass(frozen=True)
class Precision:
    """How forward and backward passes are computed: in bfloat16 where autocast allows it, or in float32."""

    half: bool
    channels_last: bool = False

    def __str__(self) -> str:
        return f"{'bfloat16' if self.half else 'float32'}{' channels last' if self.channels_last else ''}"

    def cast(self, device: torch.device) -> AbstractContextManager[object]:
        """Within it, operations run in this precision."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.half)

    def laid(self, pictures: Tensor) -> Tensor:
        """(B, C, H, W) in the memory format that convolutions take over from their input."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return pictures.contiguous(memory_format=layout)


CHOICES = (Precision(False), Precision(True), Precision(False, channels_last=True), Precision(True, channels_last=True))


def fastest(loss: Callable[[int, Precision], Tensor], report: Callable[[str], None]) -> Precision:
    """Time the second of two forward and backward passes of `loss(batch, precision)` with each; the quickest is it."""
    measured: dict[Precision, float] = {}
    for choice in CHOICES:
        for _ in range(2):  # what is done once only is done in the first
            known = measured.get(choice, measured.get(Precision(choice.half), 0.0))
            if known > HOPELESS * min(measured.values(), default=known):
                break
            started = time.process_time()
            loss(TRIAL, choice).backward()  # type: ignore[no-untyped-call]
            measured[choice] = time.process_time() - started
    best = min(measured, key=lambda choice: measured[choice])
    rates = ", ".join(f"{choice} {TRIAL / seconds:.1f}" for choice, seconds in measured.items())
    report(f"forward and backward, samples per CPU second: {rates}; chosen: {best}")
    return best
