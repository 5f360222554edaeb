"""Ideogram 4: a JSON caption whose elements have boxes `[y_min, x_min, y_max, x_max]`, 0 to 1000 from the top left.

Source: `docs/prompting.md` of the model's own repository, and `Ideogram4Pipeline`'s prompt enhancer. The order of the
keys is part of the format, and so are capitals in colours; letters to be read are elements of a type of their own.
"""

from __future__ import annotations

from typing import Any

from muralist.tools.layout import Box, Layout

from .elements import Element, elements, layout_of
from .reading import box_of, dumped, outwards, parsed, reader

SCALE = 1000
COLOURS = 5
"""Of an element's palette, at most."""


def write(layout: Layout, width: int = 1, height: int = 1) -> str:
    """The caption; boxes are rounded outwards. Its size in pixels makes no difference."""
    found, background = elements(layout)
    return dumped({
        "high_level_description": layout.base_prompt,
        "compositional_deconstruction": {
            "background": background,
            "elements": [each for element in found for each in _written(element)],
        },
    })  # fmt: skip


def _written(element: Element) -> list[dict[str, Any]]:
    """A thing, and after it, without a box, the letters on it; or letters that stand for themselves."""
    palette = {"color_palette": element.palette[:COLOURS]} if element.palette else {}
    box = {"bbox": bbox(element.box)}
    if element.lettering:
        text = "\n".join(element.texts)
        return [{"type": "text", **box, "text": text, "desc": element.prompt, **palette}]
    thing = {"type": "obj", **box, "desc": element.prompt, **palette}
    return [thing, *({"type": "text", "text": text, "desc": f"On {element.prompt}"} for text in element.texts)]


def bbox(box: Box) -> list[int]:
    """`[y_min, x_min, y_max, x_max]`, 0 to 1000."""
    (y0, y1), (x0, x1) = outwards(SCALE * box.y0, SCALE * box.y1), outwards(SCALE * box.x0, SCALE * box.x1)
    return [y0, x0, y1, x1]


@reader("Ideogram 4")
def read(prompt: str, width: int = 1, height: int = 1) -> Layout:
    """The layout of a caption: elements without a box are left out. Raises BadLayout."""
    caption = parsed(prompt)
    composition = caption["compositional_deconstruction"]
    background = str(composition["background"])
    found = [
        Element(str(each["desc"]), box_of(*(float(edge) / SCALE for edge in each["bbox"])))
        for each in composition["elements"]
        if each.get("bbox") is not None
    ]
    return layout_of(str(caption.get("high_level_description") or background), background, found)
