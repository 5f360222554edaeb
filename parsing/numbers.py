"""How many: number words and digits."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 16
"""Largest count an entity may have."""

NUMBER_WORDS = {
    "one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "thousand": 1000,
    "dozen": 12, "twin": 2, "several": 3, "few": 3, "many": 5, "numerous": 5, "multiple": 3,
}  # fmt: skip

_BOUNDS = frozenset({("more", "than"), ("fewer", "than"), ("less", "than"), ("at", "least"), ("at", "most")})

TENS = range(20, 100, 10)
"""What a smaller number is added to: twenty-one, twenty one."""


def number(word: str) -> int | None:
    """The count that a number word or digits name, or None; `several` is taken for a few, `2x` for 2."""
    if word.isdecimal():
        return int(word[:6])
    if word.strip("x").isdecimal():
        return number(word.strip("x"))
    head, _, tail = word.partition("-")
    if tail and NUMBER_WORDS.get(head, 0) in TENS and NUMBER_WORDS.get(tail, 10) < 10:
        return NUMBER_WORDS[head] + NUMBER_WORDS[tail]
    return NUMBER_WORDS.get(word)


def read_bounds(words: Sequence[str], at: int) -> int:
    """The word behind `more than` or `at least`, if a number follows; `at` if not: such bounds are no count."""
    bounds = tuple(words[at : at + 2])
    return at + 2 if bounds in _BOUNDS and at + 2 < len(words) and number(words[at + 2]) is not None else at
