"""edit and aedit: a picture and a wish in, the picture with only that changed out."""

from __future__ import annotations

import asyncio
import secrets
import threading
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from muralist.agent import Settings
from muralist.graphs import wiring
from muralist.tools.errors import BadSettings
from muralist.tools.limits import MAX_SIDE, MIN_SIDE, SIDE_STEP
from muralist.tools.ports import OnStep, Painter, PaintSpec
from muralist.tools.scene import Scene

from .drawing import adraw, settings_from, waited_for
from .result import Result


class Given:
    """A `Painter` whose first picture is one that the caller has; from then on only regions of it are repainted."""

    def __init__(self, picture: Image.Image, painter: Painter) -> None:
        self.picture, self.painter = picture, painter
        self._seed: int | None = None

    @property
    def name(self) -> str:
        """Of what repaints."""
        return self.painter.name

    @property
    def conditions(self) -> dict[str, Any]:
        return {"from_picture": True, **getattr(self.painter, "conditions", {})}

    def admit(self, scene: Scene) -> None:
        """What is not there already has to be painted."""
        self.painter.admit(scene)

    def check(self, spec: PaintSpec) -> None:
        """As the painter that repaints."""
        self.painter.check(spec)

    async def paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        """The picture; or, with a source, what the painter makes of it. BadSettings for a whole picture anew."""
        if spec.source is not None:
            return await self.painter.paint(spec, on_step, cancel)
        if self._seed not in (None, spec.seed):
            raise BadSettings("the picture is given and not painted anew: call inspect_and_edit with edits")
        self._seed = spec.seed
        return self.picture


async def aedit(
    image: Image.Image | Path | str,
    wish: str,
    *,
    cancel: threading.Event | None = None,
    settings: Settings | None = None,
    **options: Any,
) -> Result:
    """Have a picture show what is wished for: check it, repaint the regions where it does not, and check again.

    `image`: a picture or its file, width and height multiples of 8 from 64 to 2048. `wish`: what the picture has to
    show in the end, such as "a red apple to the left of a green cup"; what it does not speak of stays as it is. The
    loop is that of `adraw`, whose arguments `options` are (no `layout`, `width` or `height`), but the first picture is
    the given one: the inspector finds what is on it, and only what does not hold is repainted. Pixels outside of the
    repainted regions keep their bytes.

    Raises what `adraw` does, and BadSettings for a file that holds no picture or one of another size.
    """
    picture = await asyncio.to_thread(_opened, image)
    overrides = {name: options.pop(name) for name in set(options) - {"seed", "out", "on_event"}}
    chosen = settings_from(settings, {**overrides, "width": picture.width, "height": picture.height})
    given = Given(picture, wiring.painter(chosen))
    name = f"{chosen.backbone} from picture {secrets.token_hex(4)}"  # graphs know painters by name
    wiring.PAINTERS[name] = lambda _: given
    try:
        return await adraw(wish, cancel=cancel, settings=chosen.model_copy(update={"backbone": name}), **options)
    finally:
        del wiring.PAINTERS[name]


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
