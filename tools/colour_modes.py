"""Pictures of every colour mode: what a painter sees of them, and what it painted put back in their own mode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from .errors import BadSettings

KEPT = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B", "I;16L", "I;16N", "CMYK", "YCbCr", "HSV")
"""The modes that can be put back; all others have no agreed white, or their colours cannot be found again."""
CONVERTED = ("CMYK", "YCbCr", "HSV")
"""What is painted is converted to these."""
WHITE_16 = 65535
STEPS_16 = WHITE_16 // 255
"""Levels of a 16-bit channel to one of 8 bits."""
DIRECTORIES = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
TELLING = {
    *(269, 270, 271, 272, 305, 306, 315, 316),  # what it is of, by which camera, program and person, and when
    *(18246, 18249, 33432, *range(40091, 40096)),  # ratings, copyright, and Windows's own
    *DIRECTORIES,
}
"""Tags of a TIFF's directory that are of the picture; all others are of how it is stored."""
COLOURS = 256
"""Of a palette, at most."""

Array = npt.NDArray[Any]
PixelBox = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""


def upright(picture: Image.Image) -> Image.Image:
    """The picture in its own mode, turned as its EXIF orientation says, which is gone then; all else goes along.

    Raises BadSettings for a mode whose pixels could not be kept, and for more depth than Pillow decodes.
    """
    if picture.mode not in KEPT:
        raise BadSettings(
            f"a picture of mode {picture.mode} cannot be kept as it is: convert it to L, RGB, RGBA or I;16"
        )
    if not picture.mode.startswith("I;16") and any(";16" in str(tile[3]) for tile in getattr(picture, "tile", ())):
        raise BadSettings(
            "the picture has 16 bits in each of several channels, of which 8 would be lost: save it with 8 bits, or as "
            "grey with 16"
        )
    turned = ImageOps.exif_transpose(picture)
    if "exif" not in turned.info and (exif := _exif_of_tiff(picture)):
        turned.info["exif"] = exif.tobytes()
    return turned


def _exif_of_tiff(picture: Image.Image) -> Image.Exif:
    """What the file's directory says of the picture."""
    given, kept = picture.getexif(), Image.Exif()
    for tag in sorted(given.keys() & TELLING):
        kept[tag] = given.get_ifd(tag) if tag in DIRECTORIES else given[tag]
    return kept


def is_plain(picture: Image.Image) -> bool:
    """Whether it is no more than what a painter sees: 8-bit RGB, nothing transparent, without profile or EXIF."""
    carried = {name for name, value in picture.info.items() if value}
    return picture.mode == "RGB" and not carried & {"icc_profile", "exif"} and not picture.has_transparency_data


def shown(picture: Image.Image) -> Image.Image:
    """What a painter sees of an upright picture: 8-bit RGB, white where it is transparent, and nothing but pixels."""
    seen = _as_rgb(picture)
    seen.info = {}
    return seen


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        grey = ((np.asarray(picture).astype(np.int32) + STEPS_16 // 2) // STEPS_16).astype(np.uint8)
        clear = _opacity(picture) == 0
        return Image.fromarray(np.where(clear, np.uint8(255), grey)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def put_back(
    picture: Image.Image, before: Image.Image, after: Image.Image, parts: Iterable[PixelBox] = ()
) -> Image.Image:  # fmt: skip
    """The picture with what was painted, in its own mode and depth, with its colour profile, EXIF and palette.

    `before` is `shown(picture)` and `after` the same with what was painted, both RGB of its size. Where they agree
    every value stays. Elsewhere the colour takes the difference, scaled to the picture's depth, and so keeps what is
    finer than 8 bits; alpha stays, except where all that was painted in one of the `parts` (left out: in the whole) is
    transparent: that becomes opaque, for nothing would be seen of it. A palette takes new colours in place of those
    that no other pixel needs.
    """
    changed = (np.asarray(before) != np.asarray(after)).any(2)
    if not changed.any():
        return picture.copy()
    opacity = _opacity(picture)
    emerging = _emerging(changed, opacity, list(parts) or [(0, 0, *picture.size)])
    levels = np.where(emerging, 255, np.where(changed, opacity, 0))
    if picture.mode == "P":
        new = _in_palette(picture, after, levels)
    elif picture.mode == "1":
        new = Image.fromarray(np.where(changed, np.asarray(after.convert("L")) >= 128, np.asarray(picture)))
    elif picture.mode in CONVERTED:
        values = np.where(changed[..., None], _converted(picture, after), np.asarray(picture))
        new = Image.fromarray(values, picture.mode)
    else:
        new = _by_difference(picture, before, after, levels, emerging)
    new.info = dict(picture.info)
    return new


def _opacity(picture: Image.Image) -> Array:
    """(height, width) from 0 to 255, by alpha, palette or the one colour that counts as transparent."""
    if picture.mode.startswith("I;16"):
        key = picture.info.get("transparency")
        return np.where(np.asarray(picture) == key, 0, 255).astype(np.uint8)
    if not picture.has_transparency_data:
        return np.full((picture.height, picture.width), 255, np.uint8)
    return np.asarray(picture.convert("RGBA").getchannel("A"))


def _emerging(changed: Array, opacity: Array, parts: list[PixelBox]) -> Array:
    """Where something was painted in a part of which nothing is visible."""
    found = np.zeros_like(changed)
    for left, top, right, bottom in parts:
        part = np.s_[top:bottom, left:right]
        if not opacity[part][changed[part]].any():
            found[part] |= changed[part]
    return found


def _by_difference(
    picture: Image.Image, before: Image.Image, after: Image.Image, levels: Array, emerging: Array
) -> Image.Image:  # fmt: skip
    """In the modes whose channels are shades or colours, some with alpha.

    `levels` (height, width): 0 where nothing was painted, else the opacity that the pixel takes.
    """
    old = np.asarray(picture)
    new = old.reshape(*levels.shape, -1).copy()
    alpha = picture.mode in {"LA", "RGBA"}
    colours = new.shape[2] - alpha
    depth, white = (STEPS_16, WHITE_16) if picture.mode.startswith("I;16") else (1, 255)
    one, other = (np.asarray(each if colours == 3 else each.convert("L")) for each in (before, after))
    one, other = (each.reshape(*levels.shape, colours).astype(np.float32) for each in (one, other))
    visible = (levels > 0) & ~emerging
    difference = (other - one)[visible] * depth / (levels[visible, None] / np.float32(255))
    new[visible, :colours] = np.rint((new[visible, :colours] + difference).clip(0, white))
    new[emerging, :colours] = other[emerging] * depth
    if alpha:
        new[emerging, colours:] = 255
    elif (key := picture.info.get("transparency")) is not None:
        here = (levels > 0) & (new == key).all(2)
        new[here, -1:] ^= 1  # the nearest colour that is not the transparent one
    return Image.fromarray(new.reshape(old.shape))


def _converted(picture: Image.Image, after: Image.Image) -> Array:
    """What was painted in the picture's mode; of CMYK with as much black as there was, or as the colour bears."""
    if picture.mode != "CMYK":
        return np.asarray(after.convert(picture.mode))
    ink = 255 - np.asarray(after).astype(np.float32)
    black = np.minimum(np.asarray(picture)[..., 3], ink.min(2))[..., None]
    values: Array = np.concatenate([255 * (ink - black) / np.maximum(255 - black, 1), black], 2)
    return np.rint(values).astype(np.uint8)


def _in_palette(picture: Image.Image, after: Image.Image, levels: Array) -> Image.Image:
    """The nearest colours of the palette, whose entries that no other pixel needs are chosen anew.

    `levels` (height, width): 0 where nothing was painted, else the opacity that the pixel keeps.
    """
    if picture.palette is None:
        raise BadSettings("the picture has mode P, but no palette: convert it to L or RGB")
    entries_mode = picture.palette.mode
    numbers, painted = np.asarray(picture).copy(), np.asarray(after)
    known = np.array(picture.getpalette(entries_mode), np.uint8).reshape(-1, len(entries_mode))
    palette = np.concatenate([known, np.zeros((COLOURS - len(known), len(entries_mode)), np.uint8)])
    opacity = _opacity_of_entries(picture, palette)
    needed = np.bincount(numbers[levels == 0], minlength=COLOURS) > 0
    free = np.flatnonzero(~needed & (opacity == 255))
    colours = painted[levels == 255][None]  # (1, N, 3)
    if len(free) and colours.size:
        chosen = Image.fromarray(colours).quantize(len(free)).getpalette("RGB")
        found = np.array(chosen, np.uint8).reshape(-1, 3)[: len(free)]
        free = free[: len(found)]
        palette[free, :3] = found
    needed[free] = True
    for level in np.unique(levels[levels > 0]):
        entries = np.flatnonzero((needed if level == 255 else True) & (opacity == level))
        if not len(entries):
            raise BadSettings("the picture's palette has no opaque colour to paint with: convert it to RGBA")
        here = levels == level
        numbers[here] = entries[_nearest(painted[here], palette[entries, :3])]
    new = Image.fromarray(numbers)
    new.putpalette(palette[: max(len(known), int(numbers.max()) + 1)].tobytes(), entries_mode)
    return new


def _opacity_of_entries(picture: Image.Image, palette: Array) -> Array:
    """From 0 to 255, by the palette itself or by what goes with it."""
    opacity = palette[:, 3].copy() if palette.shape[1] == 4 else np.full(COLOURS, 255, np.uint8)
    given = picture.info.get("transparency")
    if isinstance(given, int):
        opacity[given] = 0
    elif given is not None:
        opacity[: len(given)] = np.frombuffer(given, np.uint8)
    return opacity


def _nearest(colours: Array, palette: Array) -> Array:
    """Of (N, 3), the numbers of the nearest of (M, 3)."""
    different, where = np.unique(colours, axis=0, return_inverse=True)
    nearest = np.concatenate([
        ((part[:, None].astype(np.int32) - palette.astype(np.int32)) ** 2).sum(2).argmin(1)
        for part in np.array_split(different, max(1, len(different) // 4096))
    ])  # fmt: skip
    return nearest[where.reshape(-1)]
