"""MOSS-Image: a JSON layout whose boxes are pixels from the centre of the canvas, y first: `[y0, x0, y1, x1]`.

Source: the documentation of ComfyUI's node MOSSImageLayoutPrompt, and the cards of the model's diffusers ports. They
give the fields in words: the caption of the whole, an entry with label, caption and rectangle for each box, and the
format of the boxes; the keys here are those words.
"""

from __future__ import annotations

import re
from typing import Any

from muralist.tools.layout import Box, Layout, every

from .elements import Element, layout_of
from .reading import box_of, dumped, outwards, parsed, reader

ORDER = "yxyx"
PEOPLE = re.compile(
    r"^(?:an?|the|one)?\s*(?:[\w-]+ ){0,3}?(?:man|woman|boy|girl|child|baby|person|lady|knight|wizard|character)\b",
    re.IGNORECASE,
)
"""What is labelled as a character; all else is an object, or text."""


def write(layout: Layout, width: int, height: int) -> str:
    """The layout for a picture of that size, in pixels; boxes are rounded outwards."""
    found = [Element(region.prompt, region.box) for region in every(layout.regions)]
    items = [_written(element, width, height) for element in found]
    return dumped({"caption": layout.base_prompt, "items": items, "bbox_format": ORDER})


def _written(element: Element, width: int, height: int) -> dict[str, Any]:
    label = "text" if element.lettering else "character" if PEOPLE.match(element.prompt) else "object"
    text = {"text": "\n".join(element.texts)} if element.lettering else {}
    palette = {"color_palette": element.palette} if element.palette else {}
    return {
        "label": label,
        "caption": element.prompt,
        **text,
        "bbox": bbox(element.box, width, height),
        **palette,
    }


def bbox(box: Box, width: int, height: int) -> list[int]:
    """`[y0, x0, y1, x1]` in pixels from the centre: the top left corner is `[-height / 2, -width / 2]`."""
    y0, y1 = outwards((box.y0 - 0.5) * height, (box.y1 - 0.5) * height)
    x0, x1 = outwards((box.x0 - 0.5) * width, (box.x1 - 0.5) * width)
    return [y0, x0, y1, x1]


@reader("MOSS-Image")
def read(prompt: str, width: int, height: int) -> Layout:
    """The layout of a picture of that size, in pixels. Raises BadLayout."""
    caption = parsed(prompt)
    if (order := caption.get("bbox_format", ORDER)) != ORDER:
        raise ValueError(f"its boxes are in the order {order}: {ORDER} is known")
    found = []
    for each in caption["items"]:
        y0, x0, y1, x1 = (float(edge) for edge in each["bbox"])
        box = box_of(y0 / height + 0.5, x0 / width + 0.5, y1 / height + 0.5, x1 / width + 0.5)
        found.append(Element(str(each["caption"]), box))
    return layout_of(str(caption["caption"]), "", found)
