"""edit_region on pictures of every mode, turned or large: outside no value changes, inside the model's size rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from any_mode import picture_in
from diffusers import StableDiffusionPipeline
from PIL import ExifTags, Image

from muralist.diffusion import edit_region
from muralist.tools.errors import BadSettings

BOX = (0.25, 0.25, 0.75, 0.8)


def outside(width: int, height: int) -> np.ndarray:
    mask = np.ones((height, width), bool)
    mask[int(0.25 * height) : int(np.ceil(0.8 * height)), int(0.25 * width) : int(np.ceil(0.75 * width))] = False
    return mask


@pytest.mark.parametrize("size", [(65, 64), (97, 131)])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B", "CMYK", "YCbCr"])
def test_the_result_has_the_mode_of_the_picture_and_all_its_values_outside(
    pipe: StableDiffusionPipeline, mode: str, size: tuple[int, int]
) -> None:
    picture = picture_in(mode, size)
    picture.info["icc_profile"] = b"a profile"
    edited = edit_region(pipe, picture, BOX, "a red cup", steps=1)
    old, new = np.asarray(picture), np.asarray(edited)
    assert (edited.mode, edited.size, edited.info) == (picture.mode, picture.size, picture.info)
    assert np.array_equal(old[outside(*size)], new[outside(*size)])
    assert not np.array_equal(old, new)
    if mode in {"LA", "RGBA"}:
        assert np.array_equal(old[..., -1], new[..., -1]), "alpha stays"


def test_ten_edits_of_16_bits_keep_the_depth_outside(pipe: StableDiffusionPipeline) -> None:
    picture = edited = picture_in("I;16", (64, 64))
    for seed in range(10):
        edited = edit_region(pipe, edited, BOX, "a cup", 0.5, steps=2, seed=seed)
    assert np.array_equal(np.asarray(picture)[outside(64, 64)], np.asarray(edited)[outside(64, 64)])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_painted_and_given_back_upright(pipe: StableDiffusionPipeline, orientation: int) -> None:
    picture = picture_in("RGB", (64, 96))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Model] = orientation, "Camera"
    stored = picture.transpose(TURNS[orientation]) if orientation in TURNS else picture
    stored.info["exif"] = exif.tobytes()
    edited = edit_region(pipe, stored, BOX, "a cup", steps=1, seed=4)
    assert edited.tobytes() == edit_region(pipe, picture, BOX, "a cup", steps=1, seed=4).tobytes()
    assert edited.getexif().get(ExifTags.Base.Orientation, 1) == 1
    assert edited.getexif()[ExifTags.Base.Model] == "Camera"


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""By the orientation that undoes it."""


@pytest.mark.parametrize(
    ("size", "box", "native_side", "most"),
    [
        ((1500, 1100), (0.3, 0.3, 0.7, 0.7), None, 128),
        ((1500, 1100), (0, 0, 1, 1), None, 128),
        ((1500, 1100), (0.3, 0.3, 0.7, 0.7), 192, 192),
        ((640, 480), (0.5, 0.5, 0.55, 0.55), None, 128),
        ((64, 64), (0, 0, 1, 1), None, 128),
    ],
)
def test_a_region_is_painted_at_the_size_that_the_model_knows(
    pipe: StableDiffusionPipeline,
    size: tuple[int, int],
    box: Any,
    native_side: int | None,
    most: int,
) -> None:
    cells: list[int] = []
    hook = pipe.unet.register_forward_pre_hook(
        lambda _, args, kwargs: cells.append((args[0] if args else kwargs["sample"]).shape[-2:].numel()),
        with_kwargs=True,
    )
    picture = picture_in("RGB", size)
    edited = edit_region(pipe, picture, box, "a cup", steps=1, native_side=native_side)
    hook.remove()
    assert {count * 64 for count in cells} <= set(range(int(0.85 * most**2), int(1.15 * most**2)))
    assert edited.size == size
    assert edited.tobytes() != picture.tobytes()


def test_a_picture_near_the_models_size_is_not_resized(pipe: StableDiffusionPipeline) -> None:
    shapes = []
    hook = pipe.unet.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape[-2:])))
    edit_region(pipe, picture_in("RGB", (144, 112)), (0, 0, 1, 1), "a cup", steps=1)
    hook.remove()
    assert set(shapes) == {(14, 18)}


@pytest.mark.parametrize("side", [0, 63, 100_000])
def test_a_native_side_out_of_range_is_told_in_one_line(pipe: StableDiffusionPipeline, side: int) -> None:
    with pytest.raises(BadSettings, match=f"native_side {side} is out of range: choose 64 to 2048 pixels"):
        edit_region(pipe, picture_in("RGB", (64, 64)), BOX, "a cup", native_side=side)


def test_a_mode_that_cannot_be_kept_is_refused_before_anything_is_painted(pipe: StableDiffusionPipeline) -> None:
    with pytest.raises(BadSettings, match="mode F cannot be kept as it is: convert it"):
        edit_region(pipe, Image.new("F", (64, 64)), BOX, "a cup")
