"""What every format is written from: a layout's regions as elements, and the ground that they stand on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from muralist.tools.layout import Box, Layout, Region, every

CANVAS = Box(x0=0, y0=0, x1=1, y1=1)
QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)")
"""Words in quotation marks; an apostrophe within a word opens and closes none."""
LETTERING = re.compile(
    r"^(?:an? |the |some |large |big |small |bold )*"
    r"(?:\"|“|'|(?:words?|text|letters|lettering|title|headline|heading|caption|slogan|inscription)\b)",
    re.IGNORECASE,
)
COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
SETTING = re.compile(r",\s*(?:on|in|against)\s+((?![^,]*\bstyle\b)[^,]+)$")
"""How a base prompt ends that says what all stands on: ", on wet sand"."""


@dataclass(frozen=True)
class Element:
    """A region as a format takes it: its rectangle; a free-form mask is told as the rectangle around it."""

    prompt: str
    box: Box

    @property
    def texts(self) -> list[str]:
        """What is to be read there: the prompt's words in quotation marks, letter by letter."""
        return [next(filter(None, found.groups())) for found in QUOTED.finditer(self.prompt)]

    @property
    def lettering(self) -> bool:
        """Whether it is nothing but letters, such as 'the words "GRAND OPENING"', and no thing that bears some."""
        return bool(self.texts) and LETTERING.match(self.prompt) is not None

    @property
    def palette(self) -> list[str]:
        """The colours that the prompt gives as #RRGGBB, in capitals, each once. Colours by name stay in the prompt."""
        return palette(self.prompt)


def palette(prompt: str) -> list[str]:
    """The colours that a prompt gives as #RRGGBB, in capitals, each once."""
    return list(dict.fromkeys(found.upper() for found in COLOUR.findall(prompt)))


def elements(layout: Layout) -> tuple[list[Element], str]:
    """A layout's elements, parts after their region, and what is behind them.

    That is the first region that fills the whole canvas, which then is no element; or how the base prompt ends ("…, on
    sand"); or the base prompt.
    """
    regions = every(layout.regions)
    ground = next((region for region in regions if region.box == CANVAS), None) if len(regions) > 1 else None
    found = [Element(region.prompt, region.box) for region in regions if region is not ground]
    return found, setting(layout.base_prompt) if ground is None else ground.prompt


def setting(base_prompt: str) -> str:
    """Where the whole takes place, as far as the base prompt ends with it; else the base prompt itself."""
    found = SETTING.search(base_prompt)
    return found[1] if found else base_prompt


def layout_of(base_prompt: str, background: str, found: list[Element]) -> Layout:
    """The way back: a background of its own is a region that fills the canvas, and comes first."""
    own = background and background not in (base_prompt, setting(base_prompt))
    placed = [Element(background, CANVAS), *found] if own else found
    return Layout(
        base_prompt=base_prompt,
        regions=[Region(each.prompt, each.box.x0, each.box.y0, each.box.x1, each.box.y1) for each in placed],
    )
