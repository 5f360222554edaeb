"""Classifier-free guidance in one batch: the first half negative, the second positive."""

from __future__ import annotations

from muralist.diffusion.region_schedule import Side
from muralist.tools.errors import BadSettings


def cfg_sides(rows: int, guided: bool) -> tuple[Side, ...]:
    """The side of each row; BadSettings if a guided batch has no halves."""
    positive: tuple[Side, ...] = ("positive",)
    negative: tuple[Side, ...] = ("negative",)
    if not guided:
        return positive * rows
    if rows % 2:
        raise BadSettings(
            f"the pipeline says that it guides, but its denoiser got {rows} row: call the very pipeline that was "
            "given to regional()"
        )
    return negative * (rows // 2) + positive * (rows // 2)
