"""Plain words, for any model: the base prompt, and a line for each region that says where it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from muralist.tools.layout import Layout, Region

from .elements import Element, layout_of
from .positions import SPAN, box_in, ninth, span
from .reading import reader

MARK = "- "
SHAPED = ", in a shape of its own"


def words(layout: Layout) -> str:
    """The layout in plain words, with the edges of every region in percent of the canvas, rounded outwards.

    Parts stand below their region, set in.
    """
    return "\n".join([_flat(layout.base_prompt), *_lines(layout.regions)])


def write(layout: Layout, width: int = 1, height: int = 1) -> str:
    """`words`, as the other formats are called."""
    return words(layout)


@reader("plain")
def read(prompt: str, width: int = 1, height: int = 1) -> Layout:
    """The layout of such words, parts as regions. Raises BadLayout."""
    base_prompt, *lines = prompt.split("\n")
    found = []
    for line in lines:
        span = SPAN.search(line)
        if span is None or not line.lstrip().startswith(MARK):
            raise ValueError(f"'{line[:60]}' says of nothing where it is")
        said = line[span.end() :].removeprefix(SHAPED).removeprefix(":")
        found.append(Element(said.strip(), box_in(line[: span.end()])))
    return layout_of(base_prompt, "", found)


def _lines(regions: Sequence[Region], depth: int = 0) -> Iterator[str]:
    for region in regions:
        shape = SHAPED if region.masked else ""
        yield f"{'  ' * depth}{MARK}{ninth(region.box)}, {span(region.box)}{shape}: {_flat(region.prompt)}"
        yield from _lines(region.parts, depth + 1)


def _flat(text: str) -> str:
    """On one line."""
    return " ".join(text.split())
