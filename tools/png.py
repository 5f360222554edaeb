"""Pictures as PNG bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def png(picture: Image.Image) -> bytes:
    """The picture without loss, with its colour profile, EXIF and resolution."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=picture.info.get("exif"), dpi=picture.info.get("dpi"))
    return buffer.getvalue()
