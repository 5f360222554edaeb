"""Limits of a picture's settings: the one place that arguments, settings and painters take them from."""

from __future__ import annotations

MIN_SIDE, MAX_SIDE = 64, 2048
"""Width and height in pixels."""
SIDE_STEP = 8
"""Width and height are multiples of this: one latent cell of every backbone."""
MAX_STEPS = 200
MAX_GUIDANCE = 30.0
SEEDS = 2**63
"""Seeds are below this."""
