"""What counts as the same numbers, on any processor."""

from __future__ import annotations

import torch

EXACT = 5e-5
"""The largest difference, in sizes of the largest value, that counts as none.

float32 resolves 1.2e-7; a picture is some thousand dependent operations, which processors sum in orders of their own.
"""


def difference(got: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference in sizes of the largest expected value."""
    return float((got - expected).abs().max() / expected.abs().max())


def assert_same(got: torch.Tensor, expected: torch.Tensor) -> None:
    """The same shape, and the same numbers within EXACT."""
    assert got.shape == expected.shape
    found = difference(got, expected)
    assert found < EXACT, f"they differ by {found:.1e} of the largest value"
