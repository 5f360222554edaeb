"""How large a picture from outside may be."""

from __future__ import annotations

from muralist.tools.value import Value


class Bounds(Value):
    """What is asked of a file before it is decoded."""

    bytes: int = 8 << 20
    """Of the file, at most."""
    pixels: int = 40_000_000
    """Of the picture, at most."""
