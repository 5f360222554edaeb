"""A painter behind the OpenAI images protocol: OpenAI's own, vLLM-Omni, SGLang or another that speaks it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from muralist.diffusion.engine.settings import load as engine_settings
from muralist.diffusion.layout_prompts import FORMATS
from muralist.diffusion.location import CELL
from muralist.diffusion.painter import check_prompts, check_source
from muralist.diffusion.retouch import FEATHER, alpha, paste
from muralist.diffusion.sampling_parameters import check_sampling_parameters
from muralist.intake.decoding import picture as decoded
from muralist.tools.abilities import Abilities
from muralist.tools.errors import BackboneError, BadImage, BadPrompt
from muralist.tools.interrupting import unless
from muralist.tools.limits import MAX_SIDE, MIN_SIDE
from muralist.tools.metering import Price, price_of
from muralist.tools.png import png
from muralist.tools.ports import OnStep, PaintSpec, Vocabulary
from muralist.tools.profile import Profile
from muralist.tools.scene import Scene

from .canvas import FIXED, Canvas, canvas_of
from .capabilities import capabilities_of
from .prompt import format_of, prompt_of
from .reply import BOUNDS
from .request import ImageRequest
from .settings import HostedSettings, load

PREFIX = "openai:"
"""How backbones are named that are painted so: `openai:gpt-image-2`."""
MOST_WORDS = 32_000
"""Characters of a prompt that the protocol takes."""

log = logging.getLogger(__name__)


class HostedPainter:
    """A `Painter` that asks a service for every picture: as many at once as are wanted, each by a request of its own.

    The layout is told in the model's own format where it has one, else in words. Edits are sent with a mask, and what
    comes back is pasted onto the source, all else of which keeps its bytes. A picture is painted at the nearest size
    that the service has, and scaled.
    """

    vocabulary: Vocabulary | None = None

    def __init__(
        self, model: str, *, settings: HostedSettings, seconds: float = 120, price: Price | None = None
    ) -> None:
        self.model = model
        self.settings = settings
        self.address = settings.address
        self.seconds = seconds
        self.price = price
        self._format = settings.images_layout or format_of(model)
        self._known = capabilities_of(self.address.base_url, model)

    @classmethod
    def of(cls, model: str, *, seconds: float, prices: Mapping[str, Price], money: float | None) -> HostedPainter:
        """The painter in this environment; `seconds` for a picture, unless MURALIST_PICTURE_SECONDS says otherwise.

        Raises BadSettings, also if `money` is bounded and `prices` does not say what a picture costs.
        """
        price = price_of(model, prices, money, paints=True)
        return cls(model, settings=load(), seconds=engine_settings().picture_seconds or seconds, price=price)

    @property
    def name(self) -> str:
        """The backbone's name."""
        return f"{PREFIX}{self.model}"

    @property
    def abilities(self) -> Abilities:
        """A negative prompt is said in words where the service has no field for it."""
        extra = self.settings.images_extra
        return Abilities(
            places=FORMATS[self._format].places,
            seeded="seed" in extra,
            steps="num_inference_steps" in extra,
            metered=True,
        )

    @property
    def profile(self) -> Profile:
        """What services paint best: the first of the sizes that they have, and what most of their models take."""
        sizes = (*self.settings.sizes, FIXED[0])
        width, height = next(size for size in sizes if all(MIN_SIDE <= side <= MAX_SIDE for side in size))
        return Profile(kind=self.model, width=width, height=height)

    @property
    def conditions(self) -> dict[str, Any]:
        """For the record of a run: equal bytes are not to be expected without seeds."""
        known: dict[str, Any] = {"backbone": self.name, "seeded": self.abilities.seeded}
        return known | ({"notes": sorted(self._known.notes)} if self._known.notes else {})

    def admit(self, scene: Scene) -> Scene:
        """The scene as it is: no list of words is known."""
        return scene

    def check(self, spec: PaintSpec) -> None:
        """Raise BadSettings, BadLayout or BadPrompt if the spec cannot be painted; asks nobody."""
        check_sampling_parameters(steps=spec.steps, guidance=spec.guidance, seed=spec.seed)
        check_source(spec)
        check_prompts(spec.layout)
        if (length := len(self._prompt(spec, self._canvas(spec)))) > MOST_WORDS:
            raise BadPrompt(f"as a prompt, the plan has {length} characters: at most {MOST_WORDS} are taken")

    async def paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        """One RGB picture of the spec's size; partial pictures, where the service streams them, count as steps.

        Raises what `check` does, Refused with the service's reason, Outage if it cannot be reached, is overloaded or
        too slow, EndpointError if it does not let us in or does not speak the protocol, BackboneError for what is no
        usable picture, OutOfBudget, and Cancelled soon after `cancel` is set: the request is given up then.
        """
        self.check(spec)
        return await unless(cancel, self._paint(spec, on_step))

    async def _paint(self, spec: PaintSpec, on_step: OnStep) -> Image.Image:
        from .images_client import ImagesClient  # takes longer to import than all else

        canvas, steps = self._canvas(spec), self.settings.images_partial + 1
        client = ImagesClient(self.model, self.settings, self.seconds, self.price)
        request = await asyncio.to_thread(self._request, spec, canvas)
        data = await client.send(request, lambda part: on_step(min(part, steps - 1), steps))
        try:
            reply = (await asyncio.to_thread(decoded, data, BOUNDS)).picture
        except BadImage as error:
            raise BackboneError(f"{self.address.where} answered with a picture that cannot be used: {error}") from None
        picture = await asyncio.to_thread(self._finished, reply, spec, canvas)
        on_step(steps, steps)
        return picture

    def _canvas(self, spec: PaintSpec) -> Canvas:
        return canvas_of(self.model, (spec.width, spec.height), self.settings.sizes)

    def _request(self, spec: PaintSpec, canvas: Canvas) -> ImageRequest:
        image = mask = None
        if spec.source is not None:
            image = png(canvas.holding(spec.source))
            mask = png(canvas.mask(Image.fromarray(np.uint8(255) * (_weight(spec) > 0))))
        return ImageRequest(self._prompt(spec, canvas), canvas.size, image, mask, self._extra(spec))

    def _prompt(self, spec: PaintSpec, canvas: Canvas) -> str:
        return prompt_of(spec, canvas, self._format, denies="negative_prompt" not in self.settings.images_extra)

    def _extra(self, spec: PaintSpec) -> dict[str, Any]:
        """What the service takes besides."""
        away = ", ".join(filter(None, [spec.negative_prompt, *spec.absent]))
        values: dict[str, Any] = {
            "seed": spec.seed,
            "num_inference_steps": spec.steps,
            "guidance_scale": spec.guidance,
            "negative_prompt": away,
        }
        taken: dict[str, Any] = {name: values[name] for name in self.settings.images_extra if values[name] != ""}
        return {**taken, **self.settings.images_options}

    def _finished(self, reply: Image.Image, spec: PaintSpec, canvas: Canvas) -> Image.Image:
        """The picture out of the reply; of an edit, on its source."""
        picture, note = canvas.picture_in(reply)
        if note:
            log.warning("%s: %s", self.name, note)
            self._known.notes.add(note)
        return picture if spec.source is None else paste(spec.source, picture, _weight(spec))


def _weight(spec: PaintSpec) -> Any:
    """(height, width) in [0, 1], above 0 in what is repainted."""
    return alpha(spec.layout.regions, spec.width, spec.height, FEATHER * CELL)
