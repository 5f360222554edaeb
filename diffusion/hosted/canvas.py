"""The canvas that a service is asked for, and where in it the picture lies: services paint certain sizes only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from muralist.tools.errors import BackboneError
from muralist.tools.layout import Box

from .capabilities import name_of

Size = tuple[int, int]
"""Width and height in pixels."""

FIXED: tuple[Size, ...] = ((1024, 1024), (1536, 1024), (1024, 1536))
"""What all of OpenAI's image models paint, and the first ones nothing else."""
FREE = ("gpt-image-2",)
"""Models that paint any size within the bounds below, by how their names begin."""
FIRST = ("gpt-image-1", "chatgpt-image")
STEP, MOST_RATIO, LEAST_PIXELS = 16, 3.0, 655_360
CLOSE = 0.05
"""By which share a reply's aspect ratio may differ from what was asked for."""


@dataclass(frozen=True)
class Canvas:
    """What is asked for (`size`), and the part of it that becomes a picture of the wanted size."""

    size: Size
    picture: Size

    @property
    def pixels(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the largest centred part in the picture's aspect ratio."""
        width, height = self.size
        scale = min(width / self.picture[0], height / self.picture[1])
        across, down = (min(side, round(scale * wanted)) for side, wanted in zip(self.size, self.picture, strict=True))
        left, top = (width - across) // 2, (height - down) // 2
        return left, top, left + across, top + down

    @property
    def window(self) -> Box:
        """The same in fractions of the canvas."""
        left, top, right, bottom = self.pixels
        width, height = self.size
        return Box(x0=left / width, y0=top / height, x1=right / width, y1=bottom / height)

    def holding(self, source: Image.Image) -> Image.Image:
        """The source on the canvas; around it, its last pixels go on."""
        left, top, right, bottom = self.pixels
        inner = source.convert("RGB").resize((right - left, bottom - top), Image.Resampling.LANCZOS)
        around = ((top, self.size[1] - bottom), (left, self.size[0] - right), (0, 0))
        return Image.fromarray(np.pad(np.asarray(inner), around, mode="edge"))

    def mask(self, inside: Image.Image) -> Image.Image:
        """The mask of an edit, RGBA: transparent where `inside` (mode L, of the picture's size) is not 0.

        White there as well, and black elsewhere, for services that go by brightness.
        """
        left, top, right, bottom = self.pixels
        size = right - left, bottom - top
        marked = inside.point([0] + [255] * 255).resize(size, Image.Resampling.NEAREST)
        whole = Image.new("L", self.size)
        whole.paste(marked, (left, top))
        return Image.merge("RGBA", (whole, whole, whole, whole.point(lambda value: 255 - value)))

    def picture_in(self, reply: Image.Image) -> tuple[Image.Image, str]:
        """The picture in a reply, of the wanted size, and what is to be noted of it.

        Raises BackboneError for a reply in another aspect ratio: then nothing is where it was meant to be.
        """
        width, height = self.size
        skew = (reply.width * height) / (reply.height * width)
        if not 1 / (1 + CLOSE) <= skew <= 1 + CLOSE:
            raise BackboneError(
                f"the service painted {reply.width}x{reply.height} pixels where {width}x{height} were asked for: "
                "name the sizes that it paints in MURALIST_IMAGES_SIZES"
            )
        note = ""
        if reply.size != self.size:
            note = f"painted at {reply.width}x{reply.height} where {width}x{height} were asked for, and scaled"
            reply = reply.resize(self.size, Image.Resampling.LANCZOS)
        return reply.resize(self.picture, Image.Resampling.LANCZOS, box=self.pixels), note


def canvas_of(model: str, picture: Size, sizes: Sequence[Size] = ()) -> Canvas:
    """The canvas to ask `model` for; `sizes`: the only ones that there are, where somebody has said so.

    Source: OpenAI's reference of `images/generations`, parameter `size`, and its guide for gpt-image-2: sides that are
    multiples of 16, an aspect ratio of at most 3:1, 655,360 pixels at least.
    """
    name = name_of(model)
    if sizes or name.startswith(FIRST):
        return Canvas(min(sizes or FIXED, key=lambda size: _unfit(size, picture)), picture)
    return Canvas(_free(picture) if name.startswith(FREE) else picture, picture)


def _unfit(size: Size, picture: Size) -> tuple[float, bool, int]:
    """Aspect ratio first, then whether the picture has to be enlarged, then the price."""
    ratio = abs(math.log((size[0] * picture[1]) / (size[1] * picture[0])))
    pixels = size[0] * size[1]
    small = pixels < picture[0] * picture[1]
    return round(ratio, 6), small, -pixels if small else pixels


def _free(picture: Size) -> Size:
    longer = max(picture)
    width, height = (max(side, longer / MOST_RATIO) for side in picture)
    scale = max(1.0, math.sqrt(LEAST_PIXELS / (width * height)))
    return math.ceil(width * scale / STEP) * STEP, math.ceil(height * scale / STEP) * STEP
