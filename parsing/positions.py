"""Phrases that say where something is: relative to another thing, or on the canvas itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from muralist.tools.predicates import PREDICATES, SIDES, PredicateName, by_comma
from muralist.tools.scene import Place

from .numbers import number
from .verbs import is_noun_like
from .words import BOUNDS, CANVAS, DEFINITE, DETERMINERS, POSITION_VERBS, PREPOSITIONS

_VERTICAL = {"top": "top", "upper": "top", "uppermost": "top", "bottom": "bottom", "lower": "bottom"}
_HORIZONTAL = {"left": "left", "right": "right", "left-hand": "left", "right-hand": "right",
               "leftmost": "left", "rightmost": "right", "lefthand": "left", "righthand": "right"}  # fmt: skip
_MIDDLE = frozenset("centre center middle central".split())
_TRAILING = frozenset("hand side corner part half edge third area section portion region hand-side".split())
_BEFORE = frozenset("in at on to near from towards toward by into along across".split())
_EMPHATIC = frozenset("right just directly exactly straight smack bang".split())
"""Before a position phrase these only stress it: right in the middle."""
_INTENSIFIERS = frozenset("very far extreme immediate direct exact dead".split())
_CORNERS: dict[tuple[str, str], Place] = {
    ("top", "left"): "top left", ("top", ""): "top", ("top", "right"): "top right", ("", "left"): "left",
    ("", ""): "centre", ("", "right"): "right", ("bottom", "left"): "bottom left", ("bottom", ""): "bottom",
    ("bottom", "right"): "bottom right",
}  # fmt: skip

_HANGING = frozenset(
    "hung hang hangs hanging dangled dangles dangling dangle suspended swung swinging swings dripped dripping".split()
)
_PARTITIVES = frozenset("back edge surface tip rim end brink foot base face arm seat".split())
"""Parts that stand for the whole where something else is placed by them: on the edge of a table."""

_PHRASES: dict[tuple[str, ...], PredicateName] = {
    tuple(phrase.split()): each.name
    for each in PREDICATES.values()
    for phrase in by_comma(f"{each.phrases}, {each.alone}")
}
_LONGEST = max(map(len, _PHRASES))
_ALONE = frozenset(tuple(phrase.split()) for each in PREDICATES.values() for phrase in by_comma(each.alone))
"""What needs no object: with a cup underneath."""
_UPRIGHT: dict[tuple[str, ...], Place] = {
    ("up", "top"): "top", ("up", "high"): "top", ("high", "up"): "top",
    ("down", "below"): "bottom", ("down", "low"): "bottom", ("low", "down"): "bottom",
}  # fmt: skip


@dataclass(frozen=True)
class Position:
    """A phrase of `length` words that either names a place or leads to the objects of `predicates`.

    `about_pronoun` marks forms such as `to its left`, whose object is what was spoken of before; `alone` those that may
    do without an object, or, of a place, that it may be relative to what was spoken of before: `to the left`. What
    follows a `heading` stands at its place: `left: a cat`, `the left one is a cat`.
    """

    length: int
    predicates: tuple[PredicateName, ...] = ()
    place: Place | None = None
    about_pronoun: bool = False
    alone: bool = False
    heading: bool = False


def read_position(words: Sequence[str], at: int) -> Position | None:
    """The position phrase that starts at word `at`, the longest there is; None if none does."""
    if at >= len(words):
        return None
    stressed = _stressed(words, at) if words[at] in _EMPHATIC else None
    return stressed or _sided(words, at) or _from_above(words, at) or _fixed(words, at)


def _stressed(words: Sequence[str], at: int) -> Position | None:
    """`right in the middle`, `just behind the dog`; but `right of` is a phrase of its own."""
    if at + 1 >= len(words) or words[at + 1] in {"of", "to"}:
        return None
    inner = read_position(words, at + 1) if words[at + 1] in PREPOSITIONS else None
    return None if inner is None else replace(inner, length=inner.length + 1)


def _from_above(words: Sequence[str], at: int) -> Position | None:
    """`hung from a hook` is below it, what `shone down on the sea` is above it; what sat down on it is on it."""
    before = words[at - 1] if at else ""
    if words[at] == "from" and before in _HANGING:
        return Position(1, ("below",))
    if list(words[at : at + 2]) in (["down", "on"], ["down", "upon"], ["down", "at"]) and before not in POSITION_VERBS:
        return Position(2, ("above",))
    return None


def leads_on(words: Sequence[str], at: int) -> bool:
    """True if a phrase such as `adjacent to` begins here, so that its first word is no noun."""
    found = (_stressed(words, at) if words[at] in _EMPHATIC else None) or _fixed(words, at)
    return list(words[at : at + 3]) == ["side", "by", "side"] or (found is not None and found.length > 1)


def _fixed(words: Sequence[str], at: int) -> Position | None:
    for length in range(min(_LONGEST, len(words) - at), 0, -1):
        phrase = tuple(words[at : at + length])
        predicate = _PHRASES.get(phrase)
        if predicate is not None:
            return Position(length + _part_of(words, at + length), (predicate,), alone=phrase in _ALONE)
    return None


def _part_of(words: Sequence[str], at: int) -> int:
    """Length of `the edge of`, or 0."""
    begin = at + (at < len(words) and words[at] in DEFINITE | {"one"})
    return begin + 2 - at if begin + 1 < len(words) and words[begin] in _PARTITIVES and words[begin + 1] == "of" else 0


def _sided(words: Sequence[str], at: int) -> Position | None:
    """`[in the] top left [corner] [of …]`: a place, unless `of` something other than the picture follows."""
    if (upright := _UPRIGHT.get(tuple(words[at : at + 2]))) and _is_over(words, at + 2):
        return Position(2, place=upright)
    end = at
    prepositional = end < len(words) and words[end] in _BEFORE
    end += prepositional
    article = words[end] if end < len(words) and words[end] in DEFINITE | {"a", "an"} else ""
    end += bool(article)
    while end < len(words) and words[end] in _INTENSIFIERS:
        end += 1
    vertical, horizontal, middle, sides = "", "", False, 0
    while end < len(words):
        parts = words[end].split("-") if words[end] not in _HORIZONTAL else [words[end]]
        if not all(part in _VERTICAL or part in _HORIZONTAL or part in _MIDDLE for part in parts):
            break
        for part in parts:
            vertical = vertical or _VERTICAL.get(part, "")
            horizontal = horizontal or _HORIZONTAL.get(part, "")
            middle = middle or part in _MIDDLE
        sides += 1
        end += 1
    if not sides:
        return None
    while end < len(words) and words[end] in _TRAILING:
        end += 1
    if end < len(words) and words[end] == "of":
        canvas = end + 1 + (end + 1 < len(words) and words[end + 1] in DEFINITE | {"a"})
        if canvas < len(words) and words[canvas] in CANVAS and not is_noun_like(words, canvas + 1):
            return Position(canvas + 1 - at, place=_CORNERS[vertical, horizontal])
        if words[at:end] == ["on", "top"]:
            return Position(end + 1 - at, ("on",))
        return Position(end + 1 - at, _relative(vertical, horizontal))
    if article in {"its", "their", "his", "her"} and prepositional:
        return Position(end - at, _relative(vertical, horizontal), about_pronoun=True)
    if words[at:end] == ["on", "top"]:
        return Position(end - at, ("on",), about_pronoun=True)
    place = _CORNERS[vertical, horizontal]
    if not prepositional and article and list(words[end : end + 1]) == ["one"]:
        return Position(end + 1 - at, place=place, heading=True)
    if end < len(words) and words[end] == ":":
        return Position(end + 1 - at, place=place, heading=True)
    bracketed = at > 0 and words[at - 1] == "(" and list(words[end : end + 1]) == [")"]
    if middle and (words[at] == "dead" or bracketed):
        return Position(end - at, place=place)
    if not (prepositional or article or middle) and _stands_free(words, at, end, bool(horizontal)):
        return Position(end - at, place=place)
    if not prepositional or (middle and not article):
        return None
    if not article and horizontal == "right" and not vertical:
        return None
    return Position(end - at, _relative(vertical, horizontal), place, alone=words[at] == "to")


def _is_over(words: Sequence[str], at: int) -> bool:
    return at >= len(words) or not words[at][0].isalnum() or words[at] in BOUNDS - DETERMINERS


def _stands_free(words: Sequence[str], at: int, end: int, horizontal: bool) -> bool:
    """`a cat left`, `a cup (left)`, and in front of its thing `top left a cat`: a side without a preposition."""
    if at and words[at - 1][0].isalnum() and words[at - 1] not in {"and", "&"}:
        return horizontal and words[at - 1] not in BOUNDS and _is_over(words, end)
    ahead = end < len(words) and (words[end] in DETERMINERS or number(words[end]) is not None)
    ahead = ahead or (end == at + 2 and horizontal and is_noun_like(words, end))  # top left lamp, bottom right chair
    return ahead or (bool(at) and horizontal and _is_over(words, end))


def _relative(vertical: str, horizontal: str) -> tuple[PredicateName, ...]:
    found = [SIDES[side] for side in (vertical, horizontal) if side]
    return tuple(found) or ("inside",)
