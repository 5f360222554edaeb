"""Glyphs: one tinted drawing per noun and colour, cut from the Noto Color Emoji font.

The font (SIL Open Font Licence 1.1; Debian package `fonts-noto-color-emoji`) is needed to train, never to paint.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from .vocabulary import COLOURS, NOUNS

FONT_PATH = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
_STRIKE = 109  # the only bitmap size in the font
INK = (36, 30, 34)


@cache
def _emoji(character: str) -> Image.Image:
    if not FONT_PATH.exists():
        raise FileNotFoundError(
            f"{FONT_PATH} is missing: training draws its scenes from it; install fonts-noto-color-emoji"
        )
    font = ImageFont.truetype(str(FONT_PATH), _STRIKE)
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((12, 12), character, font=font, embedded_color=True)
    return canvas.crop(canvas.getbbox())


@cache
def glyph(noun: str, colour: str, side: int = 96) -> Image.Image:
    """The noun's drawing in one colour: RGBA, its longer side `side` pixels, with an ink outline.

    Luminance between the 5th and 85th percentile is mapped from a dark shade to the colour, so inner lines survive.
    """
    emoji = _emoji(NOUNS[noun])
    scale = (side - 4) / max(emoji.size)
    emoji = emoji.resize((round(emoji.width * scale), round(emoji.height * scale)), Image.Resampling.LANCZOS)
    pixels = np.asarray(emoji, dtype=np.float32)
    alpha = pixels[..., 3]
    luminance = pixels[..., :3] @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    low, high = np.percentile(luminance[alpha > 128], [5, 85])
    t = np.clip((luminance - low) / max(high - low, 1e-3), 0.0, 1.15)[..., None]
    bright = np.array(COLOURS[colour], dtype=np.float32)
    dark = bright * 0.3
    tinted = np.clip(dark + t * (bright - dark), 0, 255)
    body = Image.fromarray(np.dstack([tinted, alpha]).astype(np.uint8), "RGBA")

    framed = Image.new("RGBA", (body.width + 4, body.height + 4), (*INK, 0))
    framed.paste(body, (2, 2))
    silhouette = framed.getchannel("A").filter(ImageFilter.MaxFilter(5))
    outlined = Image.new("RGBA", framed.size, (*INK, 255))
    outlined.putalpha(silhouette)
    outlined.alpha_composite(framed)
    return outlined


def extent(noun: str, colour: str, side: int, least: int = 8) -> tuple[int, int]:
    """Width and height in pixels of a glyph whose longer side is `side`; neither is below `least`."""
    drawing = glyph(noun, colour)
    scale = side / max(drawing.size)
    return max(least, round(drawing.width * scale)), max(least, round(drawing.height * scale))


def sized(noun: str, colour: str, size: tuple[int, int]) -> Image.Image:
    """A glyph of a width and height in pixels, as stills show it."""
    return glyph(noun, colour).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
