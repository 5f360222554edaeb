"""Pictures as WebP thumbnails in base64."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


MAX_BASE64 = 100_000
"""Characters of a thumbnail in base64: assistants read them as part of their context."""


def thumbnail(picture: Image.Image, side: int = 512, most: int = MAX_BASE64) -> str:
    """The picture as WebP in base64: at most `side` pixels on a side and `most` characters."""
    from PIL import Image

    small = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    for quality in (90, 75, 50, 25, 5):
        encoded = _webp(small, quality)
        if len(encoded) <= most:
            return encoded
    while len(encoded) > most and max(small.size) > 1:  # noise at full size can exceed it even so
        small = small.resize((max(1, small.width // 2), max(1, small.height // 2)), Image.Resampling.LANCZOS)
        encoded = _webp(small, 50)
    return encoded


def _webp(picture: Image.Image, quality: int) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
