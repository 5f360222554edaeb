"""The ranges of the sampling parameters."""

from __future__ import annotations

import math

from muralist.tools.errors import BadSettings
from muralist.tools.limits import MAX_GUIDANCE, MAX_STEPS, SEEDS


def check_sampling_parameters(*, steps: int, guidance: float | None, seed: int, strength: float | None = None) -> None:
    """Raise BadSettings for one out of range; None is not checked."""
    if not 1 <= steps <= MAX_STEPS:
        raise BadSettings(f"{steps} steps are out of range: choose 1 to {MAX_STEPS}")
    if guidance is not None and not 0 <= guidance <= MAX_GUIDANCE:
        raise BadSettings(f"guidance {guidance:g} is out of range: choose 0 to {MAX_GUIDANCE:g}")
    if not 0 <= seed < SEEDS:
        raise BadSettings(f"seed {seed} is out of range: choose 0 to 2^63 - 1")
    if strength is not None and (not 0 < strength <= 1 or math.floor(steps * strength) < 1):
        raise BadSettings(
            f"strength {strength:g} with {steps} steps leaves nothing to do: their product has to be at least 1, and "
            "strength at most 1"
        )
