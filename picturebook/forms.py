"""How probably a person who was not told would call a thing what it is most like.

A logistic regression on what the glyphs tell of it (`correlation.Look`), with an intercept of its own for every noun:
an umbrella is known by its outline, a clock by its hands. It is fitted to labels made by eye, of drawings, fakes and
paintings of several stages of training (`forms.jsonl`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .correlation import Look
from .vocabulary import NOUNS

LABELS = Path(__file__).parent / "forms.jsonl"
"""Lines of noun, correlation, inside, margin, side in pixels, and whether a person calls it so (0 or 1)."""
RIDGE = 0.35
"""Penalty on a noun's own intercept, in squared log odds."""

Features = tuple[str, float, float, float, float]


def features(look: Look) -> Features:
    """What the regression sees of a look: noun, correlation, inside, margin, side."""
    return look.noun, look.match.value, look.inside, look.margin, look.match.side


def form(look: Look) -> float:
    """The probability that a person calls it by its noun."""
    return float(_probabilities(_design([features(look)]), _fitted())[0])


def labelled() -> tuple[list[Features], NDArray[np.float64]]:
    """The labelled looks, and 0 or 1 for each."""
    rows = [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]
    return [tuple(row[:5]) for row in rows], np.array([row[5] for row in rows], dtype=float)


def fit(rows: Sequence[Features], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of the regression, by Newton's method."""
    design = _design(rows)
    penalty = np.array([1e-3] * 5 + [RIDGE] * len(NOUNS))
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        p = _probabilities(design, weights)
        gradient = design.T @ (p - labels) + penalty * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + np.diag(penalty)
        weights -= np.linalg.solve(curvature, gradient)
    return weights


@cache
def _fitted() -> NDArray[np.float64]:
    return fit(*labelled())


def _design(rows: Sequence[Features]) -> NDArray[np.float64]:
    """(n, 5 + nouns): intercept, correlation, inside, margin, log side; and which noun it is."""
    numbers = [[1.0, 5 * value, 5 * inside, 5 * margin, np.log(side / 48)] for _, value, inside, margin, side in rows]
    own = [[float(noun == name) for name in NOUNS] for noun, *_ in rows]
    return np.hstack([np.array(numbers), np.array(own)])


def _probabilities(design: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
    return result
