"""A picture from outside as pixels and nothing else: bounded before it is decoded, stripped of what it carries."""

from __future__ import annotations

import binascii
import io
import re
from dataclasses import dataclass, field

from PIL import ExifTags, Image, ImageOps

from muralist.server.settings import ServerSettings
from muralist.tools.errors import BadImage
from muralist.tools.limits import MAX_SIDE, MIN_SIDE, SIDE_STEP

from .header import Header, header

MAX_SCANS = 64
"""Passes over a JPEG's pixels; encoders make about ten. A scan of no bytes costs as much as one of many."""
DATA_URL = re.compile(r"data:image/(?:png|jpeg|webp);base64,", re.IGNORECASE)


@dataclass(frozen=True)
class Imported:
    """A picture in RGB without metadata, its sides multiples of 8 from 64 to 2048; `told` says what was changed."""

    picture: Image.Image
    told: list[str] = field(default_factory=list)


def from_base64(text: str, settings: ServerSettings) -> bytes:
    """The bytes of a picture in base64, with or without `data:image/…;base64,` before it. Raises BadImage."""
    start = DATA_URL.match(text)
    encoded = text[start.end() :] if start else text
    if len(encoded) > 4 * (settings.import_bytes // 3 + 1):
        raise BadImage(f"the picture has {len(encoded) * 3 // 4:,} bytes: at most {settings.import_bytes:,} are taken")
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError as error:
        raise BadImage(f"the picture is not base64 ({error}): encode the bytes of a PNG, JPEG or WebP file") from None


def picture(data: bytes, settings: ServerSettings) -> Imported:
    """Decode one still PNG, JPEG or WebP; animated files are refused. Raises BadImage.

    The bounds are checked on the header, so that a file of a few bytes cannot claim memory. The picture is then
    turned as its EXIF orientation says, flattened onto white, scaled down to sides of 2048 at most and cropped around
    its centre to multiples of 8. EXIF, XMP, colour profiles and texts are gone.
    """
    read = _checked(data, settings)
    try:
        with Image.open(io.BytesIO(data), formats=[read.kind]) as file:
            if file.size != (read.width, read.height):
                raise BadImage("the picture is damaged: its header contradicts its data")
            file.load()
            told, flat = _flattened(file)
    except BadImage:
        raise
    except Exception as error:
        # Decoders fail on hostile bytes in ways that nobody lists: OSError, SyntaxError, struct.error, KeyError.
        raise BadImage(f"the picture is damaged: {str(error)[:200]}") from None
    return _fitted(flat, told)


def _checked(data: bytes, settings: ServerSettings) -> Header:
    """The header of a file that may be decoded."""
    if len(data) > settings.import_bytes:
        raise BadImage(f"the picture has {len(data):,} bytes: at most {settings.import_bytes:,} are taken")
    read = header(data)
    if read is None:
        raise BadImage("the file is no whole PNG, JPEG or WebP picture: other kinds, SVG among them, are not taken")
    if not 0 < read.width * read.height <= settings.import_pixels:
        size = f"{read.width}x{read.height}"
        raise BadImage(f"the picture says that it has {size} pixels: at most {settings.import_pixels:,} are taken")
    if read.animated:
        raise BadImage("the picture is animated: give one still picture")
    if read.scans > MAX_SCANS:
        raise BadImage(f"the picture has {read.scans} scans: at most {MAX_SCANS} are taken; save it again")
    return read


def _flattened(file: Image.Image) -> tuple[list[str], Image.Image]:
    """What had to be done, and the picture in RGB, upright. Copies nothing needlessly: a photo takes 100 MB."""
    told = []
    if file.info.get("icc_profile"):
        told.append("its colour profile was dropped, so colours may look a little different")
    if file.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        told.append("turned upright as its EXIF says")
        ImageOps.exif_transpose(file, in_place=True)
    flat = file
    if flat.mode.startswith("I"):  # 16 bits of grey
        flat = flat.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if flat.has_transparency_data:
        layer = flat.convert("RGBA")
        if layer.getchannel("A").getextrema() != (255, 255):
            told.append("what was transparent is white now")
        flat = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return told, flat if flat.mode == "RGB" else flat.convert("RGB")


def _fitted(flat: Image.Image, told: list[str]) -> Imported:
    """Scaled and cropped to what backbones paint, without anything but pixels."""
    given = flat.size
    if max(given) > MAX_SIDE:
        flat.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
        told = [*told, f"scaled from {given[0]}x{given[1]} to {flat.width}x{flat.height} pixels"]
    if min(flat.size) < MIN_SIDE:
        raise BadImage(f"the picture has {given[0]}x{given[1]} pixels: each side has to be {MIN_SIDE} or more, scaled")
    width, height = (side - side % SIDE_STEP for side in flat.size)
    left, top = (flat.width - width) // 2, (flat.height - height) // 2
    if (width, height) != flat.size:
        told = [*told, f"cropped to {width}x{height} pixels, multiples of {SIDE_STEP}"]
    clean = Image.new("RGB", (width, height))
    clean.paste(flat, (-left, -top))
    return Imported(clean, told)
