"""A picture from outside as pixels and nothing else: bounded before it is decoded, stripped of what it carries."""

from __future__ import annotations

import binascii
import io
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from PIL import ExifTags, Image, ImageOps

from muralist.tools.errors import BadImage
from muralist.tools.limits import MAX_SIDE, MIN_SIDE, SIDE_STEP

from .bounds import Bounds
from .header import Header, header

MAX_SCANS = 64
"""Passes over a JPEG's pixels; encoders make about ten. A scan of no bytes costs as much as one of many."""
WEBP_COPIES = 4
"""So many copies of its pixels does Pillow hold while it decodes a WebP, where other kinds need one."""
SCANS_COPIES = 2
"""A JPEG of several scans is held as coefficients until the last of them: two bytes for each pixel and channel."""
STRIP = 64
"""Pixels of the result that are made at a time: all else of the original stays as it was decoded."""
SUPPORT = 3
"""Pixels to each side that the Lanczos filter looks at, on the scale of the result."""
_decoder = ThreadPoolExecutor(1, "decoder")
"""One thread: decoded, a picture takes four to five bytes for each pixel that is allowed, whatever its file has."""
DATA_URL = re.compile(r"data:image/(?:png|jpeg|webp);base64,", re.IGNORECASE)


@dataclass(frozen=True)
class Imported:
    """A picture in RGB without metadata, its sides multiples of 8 from 64 to 2048; `notes` says what was changed."""

    picture: Image.Image
    notes: list[str] = field(default_factory=list)


def from_base64(text: str, bounds: Bounds) -> bytes:
    """The bytes of a picture in base64, with or without `data:image/…;base64,` before it. Raises BadImage."""
    start = DATA_URL.match(text)
    encoded = text[start.end() :] if start else text
    if len(encoded) > 4 * (bounds.bytes // 3 + 1):
        raise BadImage(f"the picture has {len(encoded) * 3 // 4:,} bytes: at most {bounds.bytes:,} are taken")
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        raise BadImage(f"the picture is not base64 ({error}): encode the bytes of a PNG, JPEG or WebP file") from None


def picture(data: bytes, bounds: Bounds) -> Imported:
    """Decode one still PNG, JPEG or WebP; animated files are refused. Raises BadImage.

    The bounds are checked on the header, so that a file of a few bytes cannot claim memory. The picture is then
    flattened onto white, scaled down to sides of 2048 at most, turned as its EXIF orientation says and cropped around
    its centre to multiples of 8. EXIF, XMP, colour profiles and texts are gone. One picture is decoded at a time, and
    its original is held once.
    """
    read = _checked(data, bounds)
    return _decoder.submit(_decoded, data, read).result()


def _decoded(data: bytes, read: Header) -> Imported:
    try:
        with Image.open(io.BytesIO(data), formats=[read.kind]) as file:
            if file.size != (read.width, read.height):
                raise BadImage("the picture is damaged: its header contradicts its data")
            small, notes = _reduced(file)
    except BadImage:
        raise
    except Exception as error:
        # Decoders fail on hostile bytes in ways that nobody lists: OSError, SyntaxError, struct.error, KeyError.
        raise BadImage(f"the picture is damaged: {str(error)[:200]}") from None
    return _cropped(small, notes)


def _checked(data: bytes, bounds: Bounds) -> Header:
    """The header of a file that may be decoded."""
    if len(data) > bounds.bytes:
        raise BadImage(f"the picture has {len(data):,} bytes: at most {bounds.bytes:,} are taken")
    read = header(data)
    if read is None:
        raise BadImage("the file is no whole PNG, JPEG or WebP picture: other kinds, SVG among them, are not taken")
    size = f"{read.width}x{read.height}"
    most = bounds.pixels // (WEBP_COPIES if read.kind == "WEBP" else SCANS_COPIES if read.scans > 1 else 1)
    if not 0 < read.width * read.height <= most:
        raise BadImage(f"the picture says that it has {size} pixels: at most {most:,} are taken of {_such(read)}")
    if min(_target(read.width, read.height)) < MIN_SIDE:
        raise BadImage(f"the picture has {size} pixels: each side has to be {MIN_SIDE} or more, scaled")
    if read.animated:
        raise BadImage("the picture is animated: give one still picture")
    if read.scans > MAX_SCANS:
        raise BadImage(f"the picture has {read.scans} scans: at most {MAX_SCANS} are taken; save it again")
    return read


def _such(read: Header) -> str:
    return "a progressive JPEG" if read.scans > 1 else f"a {read.kind}"


def _target(width: int, height: int) -> tuple[int, int]:
    """The size that a picture is scaled down to."""
    longer = max(width, height, MAX_SIDE)
    return max(1, round(width * MAX_SIDE / longer)), max(1, round(height * MAX_SIDE / longer))


def _reduced(file: Image.Image) -> tuple[Image.Image, list[str]]:
    """The picture in RGB, scaled down and upright, and what had to be done."""
    given, target, notes = file.size, _target(*file.size), []
    file.draft(None, target)  # a JPEG is decoded at a half, a quarter or an eighth, if that suffices
    file.load()
    if file.info.get("icc_profile"):
        notes.append("its colour profile was dropped, so colours may look a little different")
    small, opaque = _flattened(file, target)
    if not opaque:
        notes.append("what was transparent is white now")
    if target != given:
        notes.append(f"scaled from {given[0]}x{given[1]} to {target[0]}x{target[1]} pixels")
    orientation = file.getexif().get(ExifTags.Base.Orientation, 1)
    if orientation != 1:
        notes.append("turned upright as its EXIF says")
        small.getexif()[ExifTags.Base.Orientation] = orientation
        ImageOps.exif_transpose(small, in_place=True)
    return small, notes


def _flattened(file: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, bool]:
    """The decoded picture on white at that size, and whether nothing of it was transparent.

    Strip by strip along the longer side: the whole in RGBA, several times over, would take ten times what a palette's
    pixels do. Each strip is cut with a margin as wide as the filter, so that no seam can be seen.
    """
    small, opaque = Image.new("RGB", size), True
    along = int(size[1] > size[0])
    scale = file.size[along] / size[along]
    margin = 0 if file.size == size else math.ceil(SUPPORT * scale)
    for start in range(0, size[along], STRIP):
        end = min(start + STRIP, size[along])
        first = max(0, math.floor(start * scale) - margin)
        last = min(file.size[along], math.ceil(end * scale) + margin)
        strip, solid = _on_white(file.crop(_band(first, last, file.size, along)))
        opaque = opaque and solid
        inside = _band(start * scale - first, end * scale - first, strip.size, along)
        part = (size[0], end - start) if along else (end - start, size[1])
        scaled = strip.resize(part, Image.Resampling.LANCZOS, box=inside)
        small.paste(scaled, (0, start) if along else (start, 0))
    return small, opaque


def _band(first: float, last: float, size: tuple[int, int], along: int) -> tuple[float, float, float, float]:
    """The box from `first` to `last` along the one side, and over all of the other."""
    return (0, first, size[0], last) if along else (first, 0, last, size[1])


def _on_white(strip: Image.Image) -> tuple[Image.Image, bool]:
    """In RGB, and whether nothing of it was transparent."""
    if strip.mode.startswith("I"):  # 16 bits of grey
        strip = strip.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not strip.has_transparency_data:
        return strip.convert("RGB"), True
    layer = strip.convert("RGBA")
    solid = layer.getchannel("A").getextrema() == (255, 255)
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB"), solid


def _cropped(small: Image.Image, notes: list[str]) -> Imported:
    """Cropped to what backbones paint, without anything but pixels."""
    width, height = (side - side % SIDE_STEP for side in small.size)
    left, top = (small.width - width) // 2, (small.height - height) // 2
    if (width, height) != small.size:
        notes = [*notes, f"cropped to {width}x{height} pixels, multiples of {SIDE_STEP}"]
    clean = Image.new("RGB", (width, height))
    clean.paste(small, (-left, -top))
    return Imported(clean, notes)
