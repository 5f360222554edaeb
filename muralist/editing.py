"""edit and aedit: a picture and a wish about it in, the picture with only that changed out."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from muralist.agent import Settings
from muralist.graphs import wiring
from muralist.graphs.running import new_run
from muralist.tools.errors import BadSettings
from muralist.tools.limits import MAX_SIDE, MIN_SIDE, SIDE_STEP

from .drawing import adraw, settings_from, waited_for
from .folder import apart_from
from .result import Result


async def aedit(
    image: Image.Image | Path | str,
    wish: str,
    *,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Result:
    """Do a wish about a picture: check it, repaint the regions where it does not hold, and check again.

    `image`: a picture or its file, width and height multiples of 8 from 64 to 2048. `wish`: changes, such as "make the
    turtles blue", "remove the cup and add a red car" or "move the cat to the left", or what has to be there, such as
    "a red apple to the left of a green cup". The loop is that of `adraw`, whose arguments `options` are (no `layout`,
    `width` or `height`), but the first picture is the given one: the inspector finds what is on it. What the wish does
    not speak of is kept, and asked for; only what does not hold is repainted. Pixels outside of the repainted regions
    (`Result.repainted`) keep their bytes. If `out` is where the given file lies, and writing there would replace it, a
    folder beside `out` is taken: the result's `path` tells.

    Raises what `adraw` does, BadPrompt for a wish that cannot be done or names what is not there, and BadSettings for
    a file that holds no picture or one of another size.
    """
    picture = await asyncio.to_thread(_opened, image)
    seed, out = options.pop("seed", 0), options.pop("out", None)
    overrides = {name: options.pop(name) for name in set(options) - {"scene", "on_event"}}
    chosen = settings_from(settings, {**overrides, "width": picture.width, "height": picture.height})
    run = new_run(chosen, seed)
    source = await wiring.store(chosen).put_image(run.run_id, picture, {"action": "given"})
    if out is not None and not isinstance(image, Image.Image):
        out = await asyncio.to_thread(apart_from, image, out)
    run = run.changed(source=source)
    return await adraw(wish, run=run, seed=seed, out=out, cancel=cancel, settings=chosen, **options)


def edit(
    image: Image.Image | Path | str, wish: str, *, cancel: threading.Event | None = None, **options: Any
) -> Result:
    """`aedit` for callers without an event loop, and inside one; takes its arguments. Ctrl-C as with `draw`."""
    return waited_for(aedit, image, wish, cancel=cancel, **options)


def _opened(image: Image.Image | Path | str) -> Image.Image:
    """The picture in RGB. Raises BadSettings."""
    if not isinstance(image, Image.Image):
        try:
            with Image.open(Path(image).expanduser()) as file:
                image = file.convert("RGB")
        except FileNotFoundError:
            raise BadSettings(f"there is no picture {image}: give the path of a PNG, JPEG or WebP file") from None
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise BadSettings(f"{image} is no picture ({error}): give a PNG, JPEG or WebP file") from None
    if any(side % SIDE_STEP or not MIN_SIDE <= side <= MAX_SIDE for side in image.size):
        raise BadSettings(
            f"the picture has {image.width}x{image.height} pixels: crop or resize it to multiples of {SIDE_STEP} from "
            f"{MIN_SIDE} to {MAX_SIDE}"
        )
    return image.convert("RGB")
