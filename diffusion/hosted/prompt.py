"""What a service is told: the base prompt, the layout in a format that its model reads, and what must not be there."""

from __future__ import annotations

from collections.abc import Sequence

from muralist.diffusion.layout_prompts import FORMATS, FormatName, words
from muralist.tools.layout import Box, Layout, Region
from muralist.tools.ports import PaintSpec

from .canvas import Canvas

KNOWN: dict[str, FormatName] = {
    "ideogram-4": "ideogram", "ideogram4": "ideogram", "fibo": "fibo", "flux.2": "flux2", "flux-2": "flux2",
    "moss-image": "moss",
}  # fmt: skip
"""The format that a model was taught, by a part of its name."""
EDITS = (
    "Repaint only what the mask marks, in the picture's own style, light and perspective. Everything else stays as it "
    "is. What to paint:"
)
BETTER = " (the same thing in the same place and pose, better formed)"


def format_of(model: str) -> FormatName:
    """The format of a layout for a model of that name: plain words unless it was taught another one."""
    return next((name for part, name in KNOWN.items() if part in model.lower()), "words")


def prompt_of(spec: PaintSpec, canvas: Canvas, name: FormatName, *, denies: bool = True) -> str:
    """The prompt for the canvas that holds the picture. An edit is told in plain words: it has no layout of a whole.

    `denies`: with what must not be there; false where the service has a field for that.
    """
    denied = _denied(spec.absent, spec.negative_prompt) if denies else []
    layout = spec.layout
    if spec.source is not None:
        edited = [_edited(region) for region in layout.regions]
        layout = layout.model_copy(update={"base_prompt": EDITS, "regions": edited})
        return "\n".join([words(_within(layout, canvas.window)), *denied])
    if not spec.regional:
        return "\n".join([layout.base_prompt.strip(), *denied])
    if name == "words":
        return "\n".join([words(_within(layout, canvas.window)), *denied])
    base_prompt = " ".join([*denied, layout.base_prompt])  # in front: how a base prompt ends says what all stands on
    layout = _within(layout.model_copy(update={"base_prompt": base_prompt}), canvas.window)
    return FORMATS[name].write(layout, *canvas.size)


def _denied(absent: Sequence[str], negative_prompt: str) -> list[str]:
    said = [f"There is none of these: {', '.join(absent)}."] if absent else []
    return said + ([f"Avoid: {negative_prompt.strip()}."] if negative_prompt.strip() else [])


def _edited(region: Region) -> Region:
    return region if region.strength == 1 else region.model_copy(update={"prompt": region.prompt + BETTER})


def _told(region: Region) -> str:
    """Its prompt, with what must not be in it: no format, and no service, has a place of its own for that."""
    return f"{region.prompt} (without {region.negative_prompt.strip()})" if region.negative_prompt else region.prompt


def _within(layout: Layout, window: Box) -> Layout:
    """A layout in fractions of `window`, in fractions of the canvas that holds that, each region told in full."""
    return layout.model_copy(update={"regions": _mapped(layout.regions, window)})


def _mapped(regions: Sequence[Region], window: Box) -> list[Region]:
    return [
        region.model_copy(
            update={
                "prompt": _told(region),
                "x0": window.x0 + region.x0 * window.width,
                "y0": window.y0 + region.y0 * window.height,
                "x1": min(1.0, window.x0 + region.x1 * window.width),
                "y1": min(1.0, window.y0 + region.y1 * window.height),
                "parts": _mapped(region.parts, window),
            }
        )
        for region in regions
    ]
