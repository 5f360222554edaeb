"""What foreign clients do with a picture; imported in environments that have nothing of ours."""

from __future__ import annotations

import urllib.request


def downloaded(url: str) -> bytes:
    """As a browser gets it."""
    with urllib.request.urlopen(url) as response:
        content: bytes = response.read()
        return content


def size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
