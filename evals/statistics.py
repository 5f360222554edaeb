"""Means with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def interval(values: Sequence[float], seed: int = 0, draws: int = 4000) -> tuple[float, float, float]:
    """Mean and its 95 % percentile-bootstrap interval; of paired differences, the paired interval."""
    sample = np.asarray(values, dtype=float)
    if not len(sample):
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    means = sample[rng.integers(0, len(sample), (draws, len(sample)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(sample.mean()), float(low), float(high)


def shown(values: Sequence[float]) -> str:
    """`0.73 [0.66, 0.80]`."""
    mean, low, high = interval(values)
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"
