"""Noise in every colour mode of Pillow that is kept, and files that Pillow cannot write."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

CHANNELS = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "YCbCr": 3, "HSV": 3}


def picture_in(mode: str, size: tuple[int, int], seed: int = 0, opacity: int | None = None) -> Image.Image:
    """Noise; `opacity`: of all pixels, else alpha is noise, too. A palette has 200 entries."""
    random = np.random.default_rng(seed)
    width, height = size
    if mode == "1":
        return Image.fromarray(random.integers(0, 2, (height, width)).astype(bool))
    if mode.startswith("I;16"):
        return Image.fromarray(random.integers(0, 65536, (height, width)).astype(">u2" if mode == "I;16B" else "<u2"))
    channels = CHANNELS.get(mode)
    values = random.integers(0, 256, (height, width, channels) if channels else (height, width)).astype(np.uint8)
    if mode in {"LA", "RGBA"} and opacity is not None:
        values[..., -1] = opacity
    if mode in {"L", "P"}:
        made = Image.fromarray(values % 200 if mode == "P" else values)
    else:
        made = Image.fromarray(values, mode)
    if mode == "P":
        made.putpalette(random.integers(0, 256, 3 * 200).astype(np.uint8).tobytes())
    return made


def png_of_16_bits(kind: int, channels: int, side: int = 64) -> bytes:
    """A PNG file of 16 bits a channel (kind 0: grey, 2: RGB, 4: grey and alpha, 6: RGBA), every value 1000."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + b"\x03\xe8" * (side * channels)) * side
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 16, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
