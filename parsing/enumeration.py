"""Marks of a list: `a) … b) …`, `1. … 2. …`, and headings such as `objects:`."""

from __future__ import annotations

from collections.abc import Sequence

from .words import ENDS

_LABELS = frozenset(
    """
    object objects thing things item items subject subjects element elements content contents prompt scene picture image
    foreground list description main characters
    """.split()
)
_CLOSING = frozenset(").:")


def read_marks(words: Sequence[str]) -> set[int]:
    """The words that only number or head what is listed; they part it as a comma does."""
    return _numbering(words) | _headings(words)


def _numbering(words: Sequence[str]) -> set[int]:
    """Two letters or digits at least that follow each other, each before the same mark."""
    for first in ("a", "1", "i"):
        for mark in _CLOSING:
            found = _row(words, first, mark)
            if len(found) > 1:
                return {place for at in found for place in range(at - (words[at - 1 : at] == ["("]), at + 2)}
    return set()


def _row(words: Sequence[str], first: str, mark: str) -> list[int]:
    found: list[int] = []
    row = ("i", "ii", "iii", "iv", "v", "vi") if first == "i" else [chr(ord(first) + step) for step in range(8)]
    for at in range(len(words) - 2):
        if len(found) < len(row) and words[at] == row[len(found)] and words[at + 1] == mark:
            found.append(at)
    return found


def _headings(words: Sequence[str]) -> set[int]:
    """`objects:`, `main subject:` at the head of a sentence or a list."""
    found: set[int] = set()
    for at, word in enumerate(words):
        if word != ":":
            continue
        begin = at
        while begin and words[begin - 1] in _LABELS | {"the"}:
            begin -= 1
        if begin < at and (not begin or words[begin - 1] in ENDS | {","}):
            found.update(range(begin, at + 1))
    return found
