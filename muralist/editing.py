"""edit and aedit: a picture and a wish about it in, the picture with only that changed out."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from PIL import Image

from muralist.agent import Settings
from muralist.runs.stopping import Stop
from muralist.tools.colour_modes import upright
from muralist.tools.errors import BadSettings, Cancelled
from muralist.tools.limits import MAX_SIDE, MIN_SIDE, SIDE_STEP
from muralist.tools.run import Run

from .drawing import service_of, waited_for
from .folder import apart_from
from .painting import begun_and_painted
from .result import Result

ANIMATED = ("GIF", "PNG", "WEBP")
"""Kinds of files whose further frames are an animation; those of a camera's file are smaller copies, or depth."""
AS_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I;16B")
"""Modes that `final.png` can have."""


async def aedit(
    image: Image.Image | Path | str,
    wish: str,
    *,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Result:
    """Do a wish about a picture: check it, repaint the regions where it does not hold, and check again.

    `image`: a picture or its file of mode 1, L, LA, P, RGB, RGBA or I;16, width and height multiples of 8 from 64 to
    2048. It is painted and handed over upright: its EXIF orientation is applied, and gone. `wish`: changes, such as
    "make the turtles blue", "remove the cup and add a red car" or "move the cat to the left", or what has to be there,
    such as "a red apple to the left of a green cup". The loop is that of `adraw`, whose arguments `options` are (no
    `layout`, `width` or `height`), but the first picture is the given one: the inspector finds what is on it. What the
    wish does not speak of is kept, and asked for; only what does not hold is repainted.

    Pixels outside of the repainted regions (`Result.repainted`) keep their values. Mode, depth, alpha, palette, colour
    profile and EXIF of `Result.image` and `final.png` are those of the file (see `tools/colour_modes.py`); the pictures
    in between are RGB. If `out` is where the given file lies, and writing there would replace it, a folder beside `out`
    is taken: the result's `path` tells.

    Raises what `adraw` does, BadPrompt for a wish that cannot be done or names what is not there, and BadSettings for
    a file that holds no picture, an animated one, or one of another size or mode.
    """
    picture = await asyncio.to_thread(opened, image)
    seed, scene = options.pop("seed", 0), options.pop("scene", None)
    out, on_event, decide = (options.pop(name, None) for name in ("out", "on_event", "decide"))
    service = service_of(settings, options)
    if out is not None and not isinstance(image, Image.Image):
        out = await asyncio.to_thread(apart_from, image, out)

    async def begin(stop: Stop) -> Run:
        if stop.is_set():
            raise Cancelled("stopped before anything was begun")
        return await service.open(wish, seed=seed, scene=scene, source=picture, on_event=on_event)

    return await begun_and_painted(service, begin, cancel=cancel, out=out, on_event=on_event, decide=decide)


def edit(
    image: Image.Image | Path | str, wish: str, *, cancel: threading.Event | None = None, **options: Any
) -> Result:
    """`aedit` for callers without an event loop, and inside one; takes its arguments. Ctrl-C as with `draw`."""
    return waited_for(aedit, image, wish, cancel=cancel, **options)


def opened(image: Image.Image | Path | str) -> Image.Image:
    """The picture upright, in its own mode. Raises BadSettings."""
    if not isinstance(image, Image.Image):
        try:
            with Image.open(Path(image).expanduser()) as file:
                return _checked(file)
        except FileNotFoundError:
            raise BadSettings(f"there is no picture {image}: give the path of a PNG, JPEG or WebP file") from None
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # a decoder's, if damaged
            raise BadSettings(f"{image} is no picture ({error}): give a PNG, JPEG or WebP file") from None
    return _checked(image)


def _checked(image: Image.Image) -> Image.Image:
    if image.format in ANIMATED and getattr(image, "n_frames", 1) > 1:
        raise BadSettings("the picture is animated: give one still picture")
    picture = upright(image)
    if picture.mode not in AS_PNG:
        raise BadSettings(f"a {picture.mode} picture cannot be kept in a PNG file: convert it to RGB")
    if any(side % SIDE_STEP or not MIN_SIDE <= side <= MAX_SIDE for side in picture.size):
        raise BadSettings(
            f"the picture has {picture.width}x{picture.height} pixels: crop or resize it to multiples of {SIDE_STEP} "
            f"from {MIN_SIDE} to {MAX_SIDE}"
        )
    return picture
