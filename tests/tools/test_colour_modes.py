"""Whatever mode a picture has: what was not painted keeps its values, and what was is what the painter showed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from any_mode import picture_in, png_of_16_bits
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from muralist.tools.colour_modes import KEPT, put_back, shown, upright
from muralist.tools.errors import BadSettings

SIZE = (37, 23)
PROFILE = b"some colour profile"


def painted(before: Image.Image, seed: int = 1) -> tuple[Image.Image, np.ndarray]:
    """Noise in a part of it, and which part."""
    random = np.random.default_rng(seed)
    left, top = random.integers(0, before.width), random.integers(0, before.height)
    inside = np.zeros((before.height, before.width), bool)
    inside[top : top + random.integers(1, before.height + 1), left : left + random.integers(1, before.width + 1)] = True
    noise = random.integers(0, 256, (*inside.shape, 3)).astype(np.uint8)
    return Image.fromarray(np.where(inside[..., None], noise, np.asarray(before))), inside


@pytest.mark.parametrize("mode", KEPT[:7] + KEPT[7:9] + KEPT[10:])
@given(width=st.integers(1, 40), height=st.integers(1, 40), seed=st.integers(0, 1000))
def test_outside_every_value_stays_and_with_it_alpha_profile_and_exif(
    mode: str, width: int, height: int, seed: int
) -> None:
    old = picture_in(mode, (width, height), seed)
    old.info |= {"icc_profile": PROFILE, "exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", "dpi": (300, 300)}
    after, inside = painted(shown(old), seed)
    new = put_back(old, shown(old), after)
    assert (new.mode, new.size, new.info) == (old.mode, old.size, old.info)
    assert np.array_equal(np.asarray(new)[~inside], np.asarray(old)[~inside])
    if mode in {"LA", "RGBA"}:
        assert np.array_equal(np.asarray(new)[..., -1], np.asarray(old)[..., -1])
    if mode == "P":
        assert np.array_equal(np.asarray(new.convert("RGB"))[~inside], np.asarray(old.convert("RGB"))[~inside])


@pytest.mark.parametrize(("mode", "levels"), [("RGB", 0), ("RGBA", 0), ("CMYK", 2), ("YCbCr", 4)])
def test_inside_it_is_the_painted_colours(mode: str, levels: int) -> None:
    old = picture_in(mode, SIZE, opacity=255)
    after, inside = painted(shown(old))
    new = put_back(old, shown(old), after)
    assert np.abs(np.asarray(shown(new), int) - np.asarray(after, int))[inside].max() <= levels


def test_a_half_transparent_picture_looks_as_painted_where_its_colours_reach() -> None:
    old = picture_in("RGBA", SIZE, opacity=128)
    light = Image.fromarray(np.asarray(shown(old)) // 2 + 127)
    assert np.abs(np.asarray(shown(put_back(old, shown(old), light)), int) - np.asarray(light, int)).max() <= 1


def test_sixteen_bits_keep_what_is_finer_than_the_painter_sees() -> None:
    old = Image.fromarray(np.full((8, 8), 1000, np.uint16))
    before = shown(old)
    assert before.getpixel((0, 0)) == (4, 4, 4)
    pixels = np.asarray(before).copy()
    pixels[0, 0], pixels[0, 1] = 5, 255
    new = np.asarray(put_back(old, before, Image.fromarray(pixels)))
    assert (new[0, 0], new[0, 1], new[1, 1]) == (1257, 1000 + 251 * 257, 1000)


def test_a_palette_takes_new_colours_where_it_has_room_and_else_its_nearest() -> None:
    old = Image.new("P", (20, 20), 1)
    old.putpalette([0, 0, 0, 200, 200, 200])
    before = shown(old)
    after = before.copy()
    after.paste((250, 10, 20), (0, 0, 5, 5))
    new = put_back(old, before, after)
    assert new.mode == "P"
    assert new.convert("RGB").tobytes() == after.tobytes()
    full = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    full.putpalette(bytes(value for value in range(256) for _ in range(3)))
    pixels = np.asarray(shown(full)).copy()
    pixels[0, 0] = 77, 77, 77
    new = put_back(full, shown(full), Image.fromarray(pixels))
    assert new.convert("RGB").getpixel((0, 0)) == (77, 77, 77)
    assert np.array_equal(np.asarray(new.convert("RGB"))[1:], np.asarray(full.convert("RGB"))[1:])


@pytest.mark.parametrize("transparency", [3, bytes([255, 128, 255, 0])])
def test_transparent_colours_of_a_palette_stay_transparent(transparency: Any) -> None:
    old = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) % 4)
    old.putpalette([0, 0, 0, 90, 90, 90, 200, 200, 200, 7, 7, 7])
    old.info["transparency"] = transparency
    before = shown(old)
    assert before.getpixel((3, 0)) == (255, 255, 255), "what is transparent is shown in white"
    new = put_back(old, before, Image.new("RGB", old.size, (10, 200, 30)))
    alpha = (np.asarray(each.convert("RGBA"))[..., 3] for each in (old, new))
    assert np.array_equal(*alpha)
    assert new.convert("RGBA").getpixel((0, 0)) == (10, 200, 30, 255)


@pytest.mark.parametrize(("mode", "key"), [("RGB", (10, 200, 30)), ("L", 128)])
def test_no_painted_pixel_falls_on_the_colour_that_counts_as_transparent(mode: str, key: Any) -> None:
    old = Image.new(mode, (8, 8), 0)
    old.info["transparency"] = key
    after = Image.new("RGB", (8, 8), key if isinstance(key, tuple) else (key,) * 3)
    new = put_back(old, shown(old), after)
    assert np.asarray(new.convert("RGBA"))[..., 3].min() == 255


def test_what_is_painted_where_nothing_is_visible_becomes_visible_part_by_part() -> None:
    old = picture_in("RGBA", (40, 20), opacity=255)
    old.putalpha(Image.new("L", old.size, 0))
    old.paste((1, 2, 3, 255), (20, 0, 40, 10))
    before = shown(old)
    after = Image.new("RGB", old.size, "red")
    parts = [(0, 0, 20, 20), (20, 0, 40, 20)]
    alpha = np.asarray(put_back(old, before, after, parts))[..., 3]
    assert alpha[:, :20].min() == 255, "nothing would be seen of it"
    assert np.array_equal(alpha[:, 20:], np.asarray(old)[:, 20:, 3])
    assert np.array_equal(np.asarray(put_back(old, before, after))[..., 3], np.asarray(old)[..., 3])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "I;16"])
def test_a_picture_is_turned_upright_once_and_says_so(mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = orientation, "Camera"
    buffer = io.BytesIO()
    picture_in(mode, SIZE).save(buffer, "PNG", exif=exif, icc_profile=PROFILE)
    turned = upright(Image.open(buffer))
    assert turned.size == (SIZE if orientation < 5 else SIZE[::-1])
    assert turned.mode == mode
    assert turned.info["icc_profile"] == PROFILE
    kept = turned.getexif()
    assert kept.get(ExifTags.Base.Orientation, 1) == 1
    assert kept[ExifTags.Base.Make] == "Camera"
    assert upright(turned).tobytes() == turned.tobytes()


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "I;16", "CMYK"])
def test_a_tiff_keeps_what_it_says_of_the_picture_and_not_how_it_is_stored(mode: str, orientation: int) -> None:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Artist] = orientation, "A painter"
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.ExposureTime: 0.5}
    exif[ExifTags.IFD.GPSInfo] = {ExifTags.GPS.GPSLatitudeRef: "N"}
    picture_in(mode, SIZE).save(buffer, "TIFF", exif=exif.tobytes(), icc_profile=PROFILE)
    old = upright(Image.open(buffer))
    new = put_back(old, shown(old), painted(shown(old))[0])
    again = io.BytesIO()
    new.save(again, "TIFF", exif=new.info["exif"], icc_profile=new.info["icc_profile"])
    for kept in (new.getexif(), Image.open(again).getexif()):
        assert kept.get(ExifTags.Base.Orientation, 1) == 1
        assert kept[ExifTags.Base.Artist] == "A painter"
        assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 0.5
        assert kept.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert not {ExifTags.Base.StripOffsets, ExifTags.Base.Compression} & new.getexif().keys()
    assert np.array_equal(np.asarray(Image.open(again)), np.asarray(new))


@pytest.mark.parametrize("mode", ["I", "F", "LAB", "RGBa"])
def test_a_mode_that_cannot_be_kept_is_refused_in_one_line(mode: str) -> None:
    with pytest.raises(BadSettings, match=f"a picture of mode {mode} cannot be kept as it is: convert it"):
        upright(Image.new(mode, (8, 8)))


def test_16_bits_of_grey_are_kept_and_of_several_channels_refused() -> None:
    assert upright(Image.open(io.BytesIO(png_of_16_bits(0, 1)))).getpixel((0, 0)) == 1000
    for kind, channels in ((2, 3), (4, 2), (6, 4)):
        with pytest.raises(BadSettings, match="16 bits in each of several channels, of which 8 would be lost"):
            upright(Image.open(io.BytesIO(png_of_16_bits(kind, channels))))
