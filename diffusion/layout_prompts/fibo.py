"""Bria FIBO and FIBO 2: a JSON caption; where things are is told in words, of ninths of the canvas.

Source: the caption schema of Bria's own repository (`vlm/gemini_api.py`), its examples, and `BriaFibo2Pipeline`. Empty
values are left out, as in training; `preference_score` and `aesthetic_score` are what Bria's own inference sets, and
FIBO 2 takes them out.
"""

from __future__ import annotations

from typing import Any

from muralist.tools.layout import Layout

from .elements import Element, elements, layout_of
from .positions import beside, ninth, size, square_at
from .reading import dumped, parsed, reader

SCORES = {"preference_score": "very high", "aesthetic_score": "very high"}


def write(layout: Layout, width: int = 1, height: int = 1) -> str:
    """The caption. Its size in pixels makes no difference."""
    found, background = elements(layout)
    things = [each for each in found if not each.lettering]
    letters = [entry for element in found for entry in _letters(element)]
    caption = {
        "short_description": layout.base_prompt,
        "objects": [_thing(each, things) for each in things],
        "background_setting": background,
        "aesthetics": SCORES,
        "text_render": letters,
    }
    return dumped({key: value for key, value in caption.items() if value})


def _thing(element: Element, things: list[Element]) -> dict[str, Any]:
    nearest = min(
        (each for each in things if each is not element), key=lambda each: _apart(element, each), default=None
    )
    related = {} if nearest is None else {"relationship": f"{beside(element.box, nearest.box)} {_named(nearest)}"}
    colours = {"shape_and_color": ", ".join(element.palette)} if element.palette else {}
    return {
        "description": element.prompt,
        "location": ninth(element.box),
        **related,
        "relative_size": _size(element),
        **colours,
    }


def _letters(element: Element) -> list[dict[str, Any]]:
    """An entry for each text; what letters that stand for themselves look like is told beside them."""
    where = {"location": ninth(element.box), "size": _size(element)}
    if not element.lettering:
        return [{"text": text, **where, "size": "small"} for text in element.texts]
    return [{"text": "\n".join(element.texts), **where, "appearance_details": element.prompt}]


def _size(element: Element) -> str:
    named = size(element.box)
    return "large within frame" if named == "large" else named


def _apart(one: Element, other: Element) -> float:
    (x, y), (other_x, other_y) = one.box.centre, other.box.centre
    return (x - other_x) ** 2 + (y - other_y) ** 2


def _named(element: Element) -> str:
    """Its prompt up to the first comma."""
    return element.prompt.split(",")[0]


@reader("FIBO")
def read(prompt: str, width: int = 1, height: int = 1) -> Layout:
    """The layout of a caption: squares of the sizes told, in the ninths told. Raises BadLayout."""
    caption = parsed(prompt)
    found = [
        Element(str(each["description"]), square_at(str(each["location"]), str(each.get("relative_size") or "")))
        for each in caption.get("objects") or []
    ]
    found += [
        Element(str(each["appearance_details"]), square_at(str(each["location"]), str(each.get("size") or "")))
        for each in caption.get("text_render") or []
        if each.get("appearance_details")
    ]
    return layout_of(str(caption["short_description"]), str(caption.get("background_setting") or ""), found)
