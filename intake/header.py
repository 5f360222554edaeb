"""What a picture's header says, read from its bytes before any decoder sees them.

PNG: W3C PNG 3rd edition, sections 5 and 11. JPEG: ITU-T T.81, annex B. WebP: RFC 9649 and RFC 6386, section 9.1.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Literal

from muralist.tools.value import Value

Kind = Literal["PNG", "JPEG", "WEBP"]

START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
ALONE = {0x01, 0xD8}
"""Markers without a segment. To give one a length would let a file hide scans from the count."""
MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
"""The next marker after entropy-coded data, which holds no others than stuffed zeros and restarts."""


class Header(Value):
    """Pixels as they will be decoded; `scans` is the number of passes over them that a JPEG asks for."""

    kind: Kind
    width: int
    height: int
    animated: bool = False
    scans: int = 1


def header(data: bytes) -> Header | None:
    """The header of a PNG, JPEG or WebP file; None if it is none of them, or is cut short within it."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if data.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        return None
    return None


def _png(data: bytes) -> Header | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    animated, at = False, 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            break
        if name == b"acTL":
            animated = struct.unpack_from(">I", data, at + 8)[0] > 1
        at += length + 12
    return Header(kind="PNG", width=width, height=height, animated=animated)


def _jpeg(data: bytes) -> Header | None:
    size, scans = None, 0
    for marker, at in _segments(data):
        if marker in START_OF_FRAME and size is None:
            size = struct.unpack_from(">HH", data, at + 3)
        scans += marker == START_OF_SCAN
    return None if size is None else Header(kind="JPEG", width=size[1], height=size[0], scans=scans)


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker up to the end of the picture, with the place of its segment's length."""
    at = 2
    while (found := MARKER.search(data, at)) and (marker := found[1][0]) != END_OF_IMAGE:
        at = found.end()
        yield marker, at
        at += 0 if marker in ALONE else struct.unpack_from(">H", data, at)[0]


def _webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        return Header(kind="WEBP", width=width, height=height, animated=bool(data[20] & 2))
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return Header(kind="WEBP", width=1 + (bits & 0x3FFF), height=1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(kind="WEBP", width=width & 0x3FFF, height=height & 0x3FFF)
    return None
