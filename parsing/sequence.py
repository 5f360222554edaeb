"""In which order the things of a clause stand: `from left to right: …`, `… from top to bottom`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from muralist.tools.predicates import ROWS, PredicateName


class Order(NamedTuple):
    """Each thing stands so to the one that is named next; words `start` to `end` (exclusive) say it."""

    predicate: PredicateName
    start: int
    end: int


def read_order(words: Sequence[str], at: int) -> Order | None:
    """The order that is said at word `at`; without `from` only where nothing stands before it."""
    end = at + (words[at] == "from")
    if end == at and at and words[at - 1][0].isalnum():
        return None
    sides: list[str] = []
    for joined in ("to", ""):
        end += list(words[end : end + 1]) == ["the"]
        sides += words[end : end + 1]
        end += 1
        if joined and list(words[end : end + 1]) != [joined]:
            return None
        end += bool(joined)
    predicate = ROWS.get((sides[0], sides[-1])) if len(sides) > 1 else None
    return None if predicate is None else Order(predicate, at, end)
