"""Drawings of a layout, alone or over a picture."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .layout import Box, Layout

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

MAX_LABEL = 100
"""Characters of a prompt that are tried for a label."""


def draw_layout(layout: Layout, width: int, height: int, picture: Image.Image | None = None) -> Image.Image:
    """The layout's regions as labelled frames on white, or over `picture` scaled to width x height pixels."""
    from PIL import Image

    canvas = (
        Image.new("RGB", (width, height), "white")
        if picture is None
        else picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    )
    return draw_boxes(canvas, [(region.prompt, region.box) for region in layout.regions], fill=picture is None)


def draw_boxes(canvas: Image.Image, boxes: Sequence[tuple[str, Box]], fill: bool = False) -> Image.Image:
    """Labelled frames over a copy of `canvas`, a hue each."""
    from PIL import ImageDraw, ImageFont

    canvas = canvas.copy()
    pen = ImageDraw.Draw(canvas, "RGBA")
    size = max(10, canvas.width // 24)
    font = ImageFont.load_default(size)
    for number, (label, box) in enumerate(boxes):
        hue = tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(number * 0.618 % 1, 0.75, 0.75))
        frame = (
            round(box.x0 * canvas.width) + 1,
            round(box.y0 * canvas.height) + 1,
            round(box.x1 * canvas.width) - 2,
            round(box.y1 * canvas.height) - 2,
        )
        pen.rectangle(frame, outline=(*hue, 255), fill=(*hue, 40) if fill else None, width=max(2, canvas.width // 128))
        text = _fitted(pen, label, font, frame[2] - frame[0] - 6)
        left, top, right, bottom = pen.textbbox((frame[0] + 4, frame[1] + 3), text, font=font)
        pen.rectangle((left - 2, top - 1, right + 2, bottom + 1), fill=(255, 255, 255, 200))
        pen.text((frame[0] + 4, frame[1] + 3), text, fill=(*hue, 255), font=font)
    return canvas


def _fitted(
    pen: ImageDraw.ImageDraw, label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    label = " ".join(label.split())[:MAX_LABEL]  # a prompt may have several lines; a label has one
    if pen.textlength(label, font=font) <= width:
        return label
    while label and pen.textlength(label + "…", font=font) > width:
        label = label[:-1]
    return label + "…"
