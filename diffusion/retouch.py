"""Region editing: repaint the regions of a layout on a picture, and leave everything else as it is."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from muralist.tools.errors import BackboneError, BadSettings
from muralist.tools.layout import Box, Layout, Region

from .cells import cell_span
from .families import FAMILIES, denoiser
from .guidance import guided
from .native_size import bearable
from .patching import patched
from .regional import regional
from .seams import Alpha, Pixels, cleared, matched

Blend = Callable[[Pixels, Pixels, Alpha], Pixels]
"""(source, painted, alpha): `painted` in the shades of what surrounds it."""

Attend = Callable[[Any, Sequence[Region], float], AbstractContextManager[None]]
"""(pipe, regions, base ratio): within it, `pipe` paints each region by its own prompt."""

FEATHER = 0.5
"""Width of a box's soft rim in latent cells; it lies inside the box."""

RIM = 1 / 8
"""The most of a box's side that the rim may take."""

INSET = 0.08
"""How far inside its box a thing is told of, in sides of the box, so that its outline ends inside, too."""
ALONE = 0.14
"""The same of what is painted by itself: nothing else holds it in its box."""

CLEARING = 0.5
"""Strength at which a place is painted that is to show nothing of its own, once it was filled with its surroundings:
from pure noise, a denoiser likes to make up what could stand there."""

FITTING = 0.5
"""Strength at which something new is fitted into its surroundings, once it was painted without them: a denoiser that
sees an empty canvas around its box likes to leave the box empty, too."""

CANVAS = Box(x0=0, y0=0, x1=1, y1=1)
"""The whole picture."""

CONTEXT = 0.25
"""How much of its surroundings a small box is repainted with, in longer sides of the box, on every side."""


def alpha(regions: Sequence[Region], width: int, height: int, feather: float) -> Alpha:
    """The union of the regions' boxes, each rising from 0 at its edge to 1 within `feather` pixels inside.

    Outside of every box it is exactly 0; at the canvas's own edges there is no rim. A region with a mask takes that
    instead of its box.
    """
    union = np.zeros((height, width), np.float32)
    for region in regions:
        if region.mask is not None:
            rows = Image.fromarray(np.array(region.mask, np.float32))
            np.maximum(union, np.asarray(rows.resize((width, height), Image.Resampling.BILINEAR)), out=union)
            continue
        np.maximum(union, box_alpha(region.box, width, height, feather), out=union)
    return union


def box_alpha(box: Box, width: int, height: int, feather: float) -> Alpha:
    """`alpha` of one box."""
    across = _ramp(*cell_span(box.x0, box.x1, width), width, feather)
    down = _ramp(*cell_span(box.y0, box.y1, height), height, feather)
    return np.minimum(down[:, None], across[None, :])


def _ramp(start: int, end: int, length: int, feather: float) -> Alpha:
    """One axis of a box: how far inside each pixel's centre lies, in feathers, at most 1."""
    feather = max(1.0, min(feather, RIM * (end - start)))
    centres = np.arange(length, dtype=np.float32) + 0.5
    from_start = (centres - start) / feather if start > 0 else np.ones(length, np.float32)
    from_end = (end - centres) / feather if end < length else np.ones(length, np.float32)
    return np.clip(np.minimum(from_start, from_end), 0, 1)


def touched_cells(alpha: Alpha, cell: int) -> Image.Image:
    """The mask for the inpainting pipeline, mode L: white over every latent cell that holds a pixel to be changed."""
    height, width = alpha.shape
    cells = alpha.reshape(height // cell, cell, width // cell, cell).max((1, 3)) > 0
    return Image.fromarray(cells.repeat(cell, 0).repeat(cell, 1).astype(np.uint8) * 255, "L")


def paste(source: Image.Image, painted: Image.Image, alpha: Alpha, blend: Blend = matched) -> Image.Image:
    """`painted` over `source` by alpha, in its shades; where alpha is 0 the source's bytes are kept."""
    old = np.asarray(source.convert("RGB"))
    new = blend(old.astype(np.float32), np.asarray(painted.convert("RGB"), np.float32), alpha)
    weight = alpha[..., None]
    mixed = np.rint(np.clip(old * (1 - weight) + new * weight, 0, 255)).astype(np.uint8)
    return Image.fromarray(np.where(weight > 0, mixed, old))


def inpainting(pipe: Any) -> Any:
    """The stock inpainting pipeline over the same components; no weights are copied. BadSettings if there is none.

    It may set the solver's configuration to rights: give a pipeline whose solver nobody else uses.
    """
    import diffusers

    if isinstance(pipe, diffusers.StableDiffusionXLPipeline):
        zeros = pipe.config.force_zeros_for_empty_prompt
        made = diffusers.StableDiffusionXLInpaintPipeline(**pipe.components, force_zeros_for_empty_prompt=zeros)
    elif isinstance(pipe, diffusers.StableDiffusionPipeline):
        made = diffusers.StableDiffusionInpaintPipeline(**pipe.components, requires_safety_checker=False)
    elif isinstance(pipe, diffusers.Flux2KleinPipeline):
        made = diffusers.Flux2KleinInpaintPipeline(**pipe.components, is_distilled=pipe.config.is_distilled)
    elif isinstance(pipe, diffusers.ChromaPipeline):
        made = diffusers.ChromaInpaintPipeline(**pipe.components)
    else:
        try:
            made = diffusers.AutoPipelineForInpainting.from_pipe(pipe)
        except ValueError:
            known = ", ".join(name for each in FAMILIES if each.repaints for name in each.pipelines)
            raise BadSettings(
                f"diffusers cannot repaint parts of a picture with a {type(pipe).__name__}: use {known}, or an editor"
            ) from None
    made.set_progress_bar_config(disable=True)
    return made


@dataclass(frozen=True)
class Pass:
    """Regions that are repainted together, within a window of the picture that is enlarged to the whole canvas."""

    window: Box
    regions: list[Region]
    outlines: list[Region]
    """The same regions in fractions of the whole picture."""
    strength: float = 1.0
    clears: bool = False
    """True if nothing of their own is to be seen there."""


def passes(layout: Layout) -> list[Pass]:
    """What is to be cleared before what is to be painted; of both, small boxes one by one, each in a window of its own,
    and then all large and free-form regions of one strength on the whole picture.

    A region without instances is cleared if it is told of nothing but what the base prompt tells of. A small thing on a
    large canvas is a few latent cells and a minor matter to the denoiser, which then likes to leave it out; enlarged,
    it is what the picture is of.
    """
    planned: list[Pass] = []
    for clears in (True, False):
        rest: dict[float, list[Region]] = {}
        for region in layout.regions:
            if (region.prompt == layout.base_prompt and not region.instances) != clears:
                continue
            window = window_of(region.box)
            if region.mask is None and window.width < 1:
                planned.append(Pass(window, [_within(region, window)], [region], region.strength, clears))
            else:
                rest.setdefault(region.strength, []).append(region)
        planned += [Pass(CANVAS, regions, regions, strength, clears) for strength, regions in rest.items()]
    return planned


def strokes(each: Pass, strength: float) -> Iterator[tuple[Pass, float, bool]]:
    """How a pass is painted: strokes with their strength, and whether it is without regard to what is around."""
    if each.clears:
        yield each, CLEARING * strength, False
    elif each.strength * strength == 1:
        yield each, 1.0, True
        yield each, FITTING, False
    else:
        yield each, each.strength * strength, False


def window_of(box: Box) -> Box:
    """The box with CONTEXT of its longer side around it, in the canvas's aspect ratio, shifted onto the canvas."""
    side = min(1.0, max(box.width, box.height) * (1 + 2 * CONTEXT))
    x0, y0 = (min(max(0.0, centre - side / 2), 1 - side) for centre in box.centre)
    return Box(x0=x0, y0=y0, x1=min(1.0, x0 + side), y1=min(1.0, y0 + side))


def _within(region: Region, window: Box) -> Region:
    """The region in fractions of the window."""
    edges = {
        "x0": (region.x0 - window.x0) / window.width,
        "y0": (region.y0 - window.y0) / window.height,
        "x1": (region.x1 - window.x0) / window.width,
        "y1": (region.y1 - window.y0) / window.height,
    }
    return region.model_copy(update={name: min(1.0, max(0.0, edge)) for name, edge in edges.items()})


def _inner(region: Region, inset: float = INSET) -> Region:
    """The region with its box drawn in, for its prompt; a mask stays as it is."""
    if region.mask is not None:
        return region
    across, down = inset * region.box.width, inset * region.box.height
    edges = {"x0": region.x0 + across, "y0": region.y0 + down, "x1": region.x1 - across, "y1": region.y1 - down}
    return region.model_copy(update=edges)


def retouch(
    pipe: Any, source: Image.Image, layout: Layout, *, steps: int, strength: float = 1.0, by_region: bool = True,
    guidance: float = 7.5, negative_prompt: str = "", absent: Sequence[str] = (),
    watch: Callable[[int, int], Any] | None = None, attend: Attend = regional, blend: Blend = matched, **options: Any,
) -> Image.Image:  # fmt: skip
    """Repaint the layout's regions on `source` (width and height multiples of a latent cell), pass by pass.

    Each is painted at the picture's size, or at the model's own if that has too many pixels for it.
    What is new is painted by itself first. Then, at every step, the cells outside of a pass's regions are set back to
    the noised source. The base prompt tells of what is around the regions; `by_region` false paints by it alone.
    `strength` in (0, 1] is the share of the noise schedule that is run through. Pixels outside of the regions keep
    their bytes. `options` go to the stock inpainting pipeline; `watch(number, total)` gives a stroke's
    callback_on_step_end; `attend` takes the place of `regional`, `blend` that of `seams.matched`. Raises BackboneError
    for values that are not numbers, BadSettings for a pipeline that cannot repaint.
    """
    inpaint = inpainting(pipe)
    planned = [stroke for each in passes(layout) for stroke in strokes(each, strength)]
    for number, (each, share, alone) in enumerate(planned):
        weight = alpha(each.outlines, *source.size, feather_of(pipe))
        inside = alpha(each.regions, *bearable(inpaint, *source.size), feather_of(pipe))
        if alone:
            inside = np.ones_like(inside)
        if each.clears and (weight > 0).all():
            share = strength  # there is no ground around to begin with
        elif each.clears:
            bare = cleared(np.asarray(source, np.float32), weight > 0)
            source = Image.fromarray(np.rint(bare).clip(0, 255).astype(np.uint8))
        # As many steps for every stroke, of a schedule that is the longer the less of it is run through.
        schedule = {"strength": share, "num_inference_steps": math.ceil(strength * steps / share)}
        insets = [_inner(region, ALONE if alone else INSET) for region in each.regions]
        callback = {} if watch is None else {"callback_on_step_end": watch(number, len(planned))}
        with attend(inpaint, insets, layout.base_ratio) if by_region else nullcontext():
            source = repainted(
                inpaint, source, each.window, inside, weight, blend=blend, prompt=layout.base_prompt,
                **schedule, **guided(inpaint, guidance, negative_prompt, absent), **callback, **options,
            )  # fmt: skip
    return source


def repainted(
    inpaint: Any, source: Image.Image, window: Box, inside: Alpha, weight: Alpha, *, blend: Blend = matched,
    **options: Any,
) -> Image.Image:  # fmt: skip
    """One pass: what `window` shows, brought to the size of `inside`, painted there, and put back by `weight`.

    `inside` holds the weights on the canvas that is painted (whole latent cells), `weight` those on the whole picture:
    pixels where it is 0 keep their bytes, whatever resizing did to them.
    """
    box = pixels_of(window, source)
    height, width = inside.shape
    options |= {
        "image": source.crop(box).resize((width, height), Image.Resampling.BICUBIC), "width": width, "height": height,
        "mask_image": touched_cells(inside, inpaint.vae_scale_factor),
    }  # fmt: skip
    known = inspect.signature(type(inpaint).__call__).parameters
    chosen = {name: value for name, value in options.items() if name in known}  # editors may take no mask
    with _told_of_no_embedded_guidance(inpaint):
        pixels = inpaint(output_type="np", **chosen).images[0]
    painted = source.copy()
    left, top, right, bottom = box
    painted.paste(to_image(pixels).resize((right - left, bottom - top), Image.Resampling.LANCZOS), (left, top))
    return paste(source, painted, weight, blend)


def _told_of_no_embedded_guidance(inpaint: Any) -> AbstractContextManager[None]:
    """Within, Chroma's denoiser says so in its configuration: the inpainting pipeline asks it, and no other does."""
    if type(inpaint).__name__ != "ChromaInpaintPipeline":
        return nullcontext()
    network = denoiser(inpaint)
    return patched(network, "_internal_dict", type(network.config)({**network.config, "guidance_embeds": False}))


def pixels_of(window: Box, picture: Image.Image) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a window."""
    return (
        round(window.x0 * picture.width),
        round(window.y0 * picture.height),
        round(window.x1 * picture.width),
        round(window.y1 * picture.height),
    )


def to_image(pixels: npt.NDArray[np.float32]) -> Image.Image:
    """(height, width, 3) in [0, 1] to RGB. Raises BackboneError for values that are not numbers."""
    if not np.isfinite(pixels).all():
        raise BackboneError(
            "the backbone painted values that are not numbers: its weights may be damaged; choose another guidance, "
            "seed or backbone"
        )
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))


def feather_of(pipe: Any) -> float:
    """Width of the soft rim in pixels."""
    return float(FEATHER * pipe.vae_scale_factor)
