"""FLUX.2: a JSON prompt without boxes or negative prompts; where in the frame a subject is, is told in prose.

Source: "JSON Structured Prompting" in the prompting guide for FLUX.2 (docs.bfl.ml). Letters to be read stay in
quotation marks, colours in #RRGGBB. The edges are told in percent, so that they can be read back.
"""

from __future__ import annotations

from typing import Any

from muralist.tools.layout import Layout

from .elements import Element, elements, layout_of, palette
from .positions import box_in, ninth, span
from .reading import dumped, parsed, reader


def write(layout: Layout, width: int = 1, height: int = 1) -> str:
    """The prompt. Its size in pixels makes no difference."""
    found, background = elements(layout)
    colours = palette(layout.base_prompt)
    return dumped({
        "scene": layout.base_prompt,
        "subjects": [_subject(element) for element in found],
        **({"color_palette": colours} if colours else {}),
        "background": background,
    })  # fmt: skip


def _subject(element: Element) -> dict[str, Any]:
    colours = {"color_palette": element.palette} if element.palette else {}
    position = f"{ninth(element.box)} of the frame, {span(element.box)}"
    return {"description": element.prompt, "position": position, **colours}


@reader("FLUX.2")
def read(prompt: str, width: int = 1, height: int = 1) -> Layout:
    """The layout of a prompt: where a position gives no percentages, a square in the ninth told. Raises BadLayout."""
    caption = parsed(prompt)
    found = [Element(str(each["description"]), box_in(str(each.get("position") or ""))) for each in caption["subjects"]]
    return layout_of(str(caption["scene"]), str(caption.get("background") or ""), found)
