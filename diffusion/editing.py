"""Editing a picture that somebody has: one region, by a prompt."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from pydantic import ValidationError

from muralist.tools.colour_modes import put_back, shown, upright
from muralist.tools.errors import BackboneError, BadLayout, BadPrompt, BadSettings
from muralist.tools.layout import Box, Region
from muralist.tools.limits import MAX_SIDE, MIN_SIDE

from .engine.memory import is_out_of_memory
from .families import side_of_pictures
from .guidance import guided
from .native_size import brought_to
from .native_size import native_side as side_of
from .pipeline_cleanup import cleaned_up
from .regional import regional
from .retouch import CANVAS, RIM, alpha, box_alpha, feather_of, inpainting, pixels_of, repainted, window_of
from .sampling_parameters import check_sampling_parameters
from .seams import Alpha

Where = Region | Box | Sequence[float] | Sequence[Sequence[float]] | Image.Image | npt.NDArray[Any]
"""A region; a box (x0, y0, x1, y1) or a contour of points (x, y) in fractions of the picture; or a mask of its size."""

PLACES = "give a box (x0, y0, x1, y1), a contour of at least three points (x, y), or a mask of the picture's size"
EDITORS = ("Kontext", "Edit", "Pix2Pix")
"""In the names of pipelines that change the picture that they are given, without a mask."""
MARGIN = 1 / 64
"""What is added to the bounds of a region on every side before its surroundings: even one pixel has some."""
MASK_SIDE = 64
"""Longer side of the mask that attention is led by: as fine as the finest grid of cross-attention needs."""


def edit_region(
    pipe: Any, image: Image.Image, where: Where, prompt: str, strength: float = 1.0, *, scene: str | None = None,
    steps: int = 30, guidance: float | None = None, seed: int = 0, negative_prompt: str = "",
    feather: float | None = None, native_side: int | None = None,
) -> Image.Image:  # fmt: skip
    """`image` with `where` repainted by `prompt`; every pixel outside keeps its value, after any number of edits.

    The result has the mode and depth of `image`, its alpha, palette, colour profile and EXIF (see `colour_modes`), but
    stands upright: its EXIF orientation is applied and gone. `where` is meant on the upright picture.

    `pipe` is a diffusers pipeline: text-to-image of a family that diffusers can inpaint with, an inpainting one, or an
    editor without mask (FLUX Kontext, Qwen-Image-Edit), whose picture is taken inside of the region alone. `where` is a
    region or box, a contour, or a mask: black and white, or soft; its inside is feathered over `feather` pixels (left
    out: half a latent cell), masks with greys keep their own edges. `strength` in (0, 1] is the share of the
    noise schedule that is run through; 1 forgets what was there. `guidance`, left out, is what the pipeline is used to.
    `scene` says what the whole picture shows; regional attention then keeps the two apart. A smaller region is painted
    by `prompt` alone, with some of what surrounds it. What is painted is brought to the area that the pipeline was
    trained on, `native_side` squared in pixels (left out: as its configuration says), and put back at its own size.
    Equal arguments give equal bytes; `pipe` stays as it was.

    Raises BadPrompt for an empty prompt, BadLayout for a region or mask that is empty or does not fit the picture,
    BadSettings for settings out of range, a pipeline that cannot edit or a mode that cannot be kept, BackboneError for
    a picture of no numbers or too little memory.
    """
    import torch

    _check(prompt, strength=strength, steps=steps, guidance=guidance, seed=seed, feather=feather, side=native_side)
    editor = _editor(pipe)
    strength *= where.strength if isinstance(where, Region) else 1
    picture = upright(image)
    source = shown(picture)
    feather = feather_of(pipe) if feather is None else feather
    weight = _weight(where, *source.size, feather)
    window = window_of(_bounds(weight).grown(MARGIN))
    left, top, right, bottom = pixels_of(window, source)
    view, weight = _padded(
        source.crop((left, top, right, bottom)), weight[top:bottom, left:right], side_of_pictures(pipe)
    )
    small = window.width < 1
    width, height = brought_to(native_side or side_of(pipe), pipe, *view.size)
    inside = np.asarray(Image.fromarray(weight).resize((width, height), Image.Resampling.BILINEAR)).clip(0, 1)
    options = {
        "prompt": scene or prompt if not small else prompt, "strength": strength, "num_inference_steps": steps,
        "generator": torch.Generator("cpu").manual_seed(seed), **guided(editor, guidance, negative_prompt),
    }  # fmt: skip
    led = regional(editor, [_led(prompt, inside)]) if scene and not small else nullcontext()
    try:
        with cleaned_up(pipe), led:
            painted = repainted(editor, view, CANVAS, inside, weight, **options)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise BackboneError(
            f"{type(pipe).__name__} ran out of memory at {width}x{height}: choose a smaller picture, or call its "
            "enable_attention_slicing() or enable_model_cpu_offload()"
        ) from None
    edited = source.copy()
    edited.paste(painted.crop((0, 0, right - left, bottom - top)), (left, top))
    return put_back(picture, source, edited)


def _check(
    prompt: str, *, strength: float, steps: int, guidance: float | None, seed: int, feather: float | None,
    side: int | None,
) -> None:  # fmt: skip
    if not prompt.strip():
        raise BadPrompt("the prompt is empty: say what the region has to show")
    check_sampling_parameters(steps=steps, guidance=guidance, seed=seed, strength=strength)
    if feather is not None and not 0 <= feather <= MAX_SIDE:
        raise BadSettings(f"feather {feather:g} is out of range: choose a number of pixels from 0 on")
    if side is not None and not MIN_SIDE <= side <= MAX_SIDE:
        raise BadSettings(f"native_side {side} is out of range: choose {MIN_SIDE} to {MAX_SIDE} pixels")


def _editor(pipe: Any) -> Any:
    """What repaints: a pipeline over the same components, with a solver of its own, that takes a picture."""
    name = type(pipe).__name__
    if not all(hasattr(pipe, part) for part in ("vae", "vae_scale_factor", "scheduler")):
        raise BadSettings(f"edit_region needs a diffusers pipeline of latent diffusion: {name} is none")
    known = inspect.signature(type(pipe).__call__).parameters
    if hasattr(pipe, "controlnet") or "control_image" in known:
        raise BadSettings(f"edit_region has no picture to control {name} by: use the pipeline without its ControlNet")
    editor = copy.copy(pipe)
    editor.set_progress_bar_config(disable=True)
    editor.scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    edits = "mask_image" in known or ("image" in known and any(word in name for word in EDITORS))
    return editor if edits and "prompt" in known else inpainting(editor)


def _weight(where: Where, width: int, height: int, feather: float) -> Alpha:
    """(height, width) in [0, 1], above 0 in what is to be repainted. Raises BadLayout."""
    if isinstance(where, Region):
        return alpha([where], width, height, feather)
    if isinstance(where, Box):
        return box_alpha(where, width, height, feather)
    if isinstance(where, Image.Image):
        return _masked(np.asarray(ImageChops.multiply(*where.convert("LA").split())), width, height, feather)
    if isinstance(where, np.ndarray) and where.ndim >= 2 and where.shape[-1] != 2:
        return _masked(where, width, height, feather)
    try:
        numbers = np.asarray(where, np.float32)
    except (TypeError, ValueError):
        raise BadLayout(f"a region cannot be a {type(where).__name__}: {PLACES}") from None
    if not np.isfinite(numbers).all() or numbers.min(initial=1) < 0 or numbers.max(initial=0) > 1:
        raise BadLayout("the region lies outside of the picture: its numbers have to be fractions from 0 to 1")
    if numbers.shape == (4,):
        try:
            return box_alpha(
                Box(**dict(zip(("x0", "y0", "x1", "y1"), numbers.tolist(), strict=True))), width, height, feather
            )
        except ValidationError as error:
            raise BadLayout(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    if numbers.ndim != 2 or numbers.shape[1] != 2 or len(numbers) < 3:
        raise BadLayout(f"a region of shape {numbers.shape} is not known: {PLACES}")
    inside = Image.new("L", (width, height))
    ImageDraw.Draw(inside).polygon([(x * width, y * height) for x, y in numbers.tolist()], fill=255)
    return _masked(np.asarray(inside), width, height, feather)


def _masked(mask: npt.NDArray[Any], width: int, height: int, feather: float) -> Alpha:
    """A mask as weights; one of black and white is feathered inwards. Raises BadLayout."""
    if mask.shape != (height, width):
        size = f"{mask.shape[1]}x{mask.shape[0]} pixels" if mask.ndim == 2 else f"shape {mask.shape}"
        raise BadLayout(f"the mask has {size}, the picture {width}x{height}: make it as large, with one channel")
    weight: Alpha = mask.astype(np.float32) / np.float32(255 if mask.dtype == np.uint8 else 1)
    if not np.isfinite(weight).all() or weight.min() < 0 or weight.max() > 1:
        raise BadLayout("the mask has values that are not weights: give numbers from 0 to 1, booleans, or bytes")
    if not weight.any():
        raise BadLayout("the mask is empty: mark what is to be repainted with white")
    return _feathered(weight > 0, feather) if set(np.unique(weight)) <= {0.0, 1.0} else weight


def _feathered(inside: npt.NDArray[np.bool_], feather: float) -> Alpha:
    """1 in the middle, less towards the edge, above 0 in all that is inside, however thin it is."""
    box = _bounds(inside)
    feather = min(feather, RIM * min(box.width * inside.shape[1], box.height * inside.shape[0]))
    blurred = Image.fromarray(inside.astype(np.uint8) * 255).filter(ImageFilter.BoxBlur(feather / 2))
    soft = np.where(inside, np.maximum(np.asarray(blurred), 1), 0).astype(np.float32)
    scaled: Alpha = soft / soft.max()
    return scaled


def _padded(source: Image.Image, weight: Alpha, cell: int) -> tuple[Image.Image, Alpha]:
    """Both with their last row and column repeated up to whole cells; nothing of that is repainted."""
    pad = ((0, -source.height % cell), (0, -source.width % cell))
    pixels = np.pad(np.asarray(source), (*pad, (0, 0)), mode="edge")
    return Image.fromarray(pixels), np.pad(weight, pad)


def _bounds(weight: npt.NDArray[Any]) -> Box:
    """The smallest box around all that is above 0."""
    rows, columns = np.flatnonzero(weight.any(1)), np.flatnonzero(weight.any(0))
    height, width = weight.shape
    return Box(x0=columns[0] / width, y0=rows[0] / height, x1=(columns[-1] + 1) / width, y1=(rows[-1] + 1) / height)


def _led(prompt: str, inside: Alpha) -> Region:
    """The region that attention follows: the weights, as coarse as attention is."""
    height, width = inside.shape
    scale = min(1.0, MASK_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    mask = np.asarray(Image.fromarray(inside).resize(size, Image.Resampling.BOX)).clip(0, 1)
    return Region(prompt, mask=(mask / mask.max()).astype(float))
