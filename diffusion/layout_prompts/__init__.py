"""Native layouts: one `Layout`, written as a model was taught to read it. Nothing here imports torch.

The formats differ in what hurts most: the order of the axes, the origin, the scale. Each is a module with `write` and
`read`, which gives the layout back to within one of the format's units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from muralist.tools.layout import Layout

from . import fibo, flux2, ideogram, moss, prose
from .prose import words

__all__ = ["FORMATS", "Format", "FormatName", "words"]

FormatName = Literal["ideogram", "fibo", "flux2", "moss", "words"]


@dataclass(frozen=True)
class Format:
    """How a layout becomes a prompt, for a picture of a width and a height in pixels, and how it is read back."""

    write: Callable[[Layout, int, int], str]
    read: Callable[[str, int, int], Layout]
    places: Literal["boxes", "words"]
    negative_prompt: bool = True
    """Whether the models that read it take a negative prompt beside it."""


FORMATS: Mapping[FormatName, Format] = {
    "ideogram": Format(ideogram.write, ideogram.read, "boxes", negative_prompt=False),
    "fibo": Format(fibo.write, fibo.read, "words"),
    "flux2": Format(flux2.write, flux2.read, "words", negative_prompt=False),
    "moss": Format(moss.write, moss.read, "boxes"),
    "words": Format(prose.write, prose.read, "words"),
}
"""By name; `families.FAMILIES` says which of them a pipeline takes."""
