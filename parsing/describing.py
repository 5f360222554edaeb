"""Describing words in front of a noun, or behind a copula: which there are, and of what kind."""

from __future__ import annotations

from collections.abc import Sequence

from muralist.tools.plurals import singular
from muralist.tools.scene import Attribute

from .lexicon import COLOURS, COMPOUNDS, GROWN, MATERIALS, PHRASES, PICTURED, SHADES, TINTS, WOODS, listed, spelling
from .morphology import by_form, names_colour
from .positions import leads_on
from .verbs import ends_noun, is_adverb, is_noun_like, is_verb_form
from .words import ED_MODIFIERS, PARTICIPLES

ALSO_NOUNS = MATERIALS | frozenset(
    """
    orange diamond square gold silver teardrop cream rainbow spiral olive lavender copper bronze charcoal rose violet
    giant miniature antique salmon coral amber light dark cartoon anime manga watercolor watercolour good kind
    """.split()
)
"""Describing words that are nouns when nothing follows them: a red orange."""


def read_describing(words: Sequence[str], at: int, predicative: bool = False) -> tuple[list[Attribute], list[int], int]:
    """Attributes in front of the noun, the word each ends on, and where the noun begins."""
    attributes: list[Attribute] = []
    places: list[int] = []
    while at < len(words):
        joined = words[at] in {"and", ",", "but"} and bool(attributes)
        begin = at + joined
        found = _attribute(words, begin, predicative)
        if found is None or (joined and not _leads_to_noun(words, begin)):
            break
        attribute, end = found
        attributes.append(attribute)
        places.append(end - 1)
        at = end
        if at < len(words) and words[at] in {"colored", "coloured", "color", "colour"}:
            at += 1
    return attributes, places, at


def joined(words: Sequence[str], looks: list[Attribute], ends: list[int]) -> list[Attribute]:
    """The looks, with colours that `and` joins as one: a black and white cat. `ends` are the words they end on."""
    rows: list[list[Attribute]] = []
    links: list[list[str]] = []
    for at, look in enumerate(looks):
        link = words[ends[at - 1] + 1] if at else ""
        if link in {"and", ","} and look.kind == rows[-1][-1].kind == "colour":
            rows[-1].append(look)
            links[-1].append(link)
        else:
            rows.append([look])
            links.append([])
    merged: list[Attribute] = []
    for row, joints in zip(rows, links, strict=True):
        if "and" in joints:
            *first, last = (look.value for look in row)
            row = [Attribute(kind="colour", value=f"{', '.join(first)} and {last}"[:100])]
        merged += row
    return merged


def _attribute(words: Sequence[str], at: int, predicative: bool = False) -> tuple[Attribute, int] | None:
    """One property and the word behind it; a guess by a word's form needs a noun behind it, or a copula before it."""
    if at >= len(words):
        return None
    word = spelling(words[at])
    following = spelling(words[at + 1]) if at + 1 < len(words) else ""
    if (styled := _styled(words, at)) > at:
        return Attribute(kind="other", value=" ".join(words[at:styled])[:100]), styled
    if (kind := PHRASES.get((word, following))) is not None:
        value = f"{word}-shaped" if following == "shaped" else f"{word} {following}"
        return Attribute(kind=kind, value=value), at + 2
    if (
        (word, following) in COMPOUNDS
        or (word, singular(following)) in COMPOUNDS
        or (word in WOODS and following in GROWN)
    ):
        return None
    if word in SHADES | TINTS and following in COLOURS - {"cream"}:
        return Attribute(kind="colour", value=f"{word} {following}"), at + 2
    parts = [spelling(part) for part in word.split("-")]
    if len(parts) > 1 and parts[-1] in {"colored", "coloured"} and listed(word) is None:
        parts = parts[:-1]
        return Attribute(kind="colour", value=" ".join(parts)[:100]), at + 1
    if len(parts) > 1 and names_colour(parts):
        return Attribute(kind="colour", value=" ".join(parts)), at + 1
    if is_adverb(word) and _modified(following) and is_noun_like(words, at + 2):
        return Attribute(kind="other", value=f"{word} {following}"[:100]), at + 2
    if (kind := listed(word)) is not None:
        return Attribute(kind=kind, value=word[:100]), at + 1
    guess = None if word in ED_MODIFIERS else by_form(word)
    if guess is not None and (predicative or _before_noun(words, at + 1)):
        return Attribute(kind=guess, value=word[:100]), at + 1
    return None


def _styled(words: Sequence[str], at: int) -> int:
    """The word behind `anime style`, `comic book style` if a noun follows; `at` if not."""
    for end in (at + 1, at + 2):
        named = all(is_noun_like(words, place) for place in (*range(at, end), end + 1))
        if list(words[end : end + 1]) == ["style"] and named:
            return end + 1
        if " ".join(words[at : end + 1]) in PICTURED and is_noun_like(words, end + 1):
            return end + 1 if end == at + 1 else at
    return at


def _modified(word: str) -> bool:
    """What an adverb may stand before: brightly lit, freshly baked."""
    return word.endswith("ed") or word in PARTICIPLES or listed(word) is not None or by_form(word) is not None


def _before_noun(words: Sequence[str], at: int) -> bool:
    """True if a noun comes next, with more describing words before it or without."""
    if at < len(words) and words[at] in {"and", ",", "but"}:
        return _leads_to_noun(words, at + 1)
    return is_noun_like(words, at) and not leads_on(words, at) and not ends_noun(words, at)


def _leads_to_noun(words: Sequence[str], at: int) -> bool:
    """True if describing words from `at` on end in a noun, so that `black and white cat` is one cat."""
    last = ""
    while at < len(words):
        joined = bool(last) and words[at] in {"and", ","} and at + 1 < len(words)
        if not _may_describe(words[at + joined]):
            break
        last = words[at + joined]
        at += 1 + joined
    if not is_noun_like(words, at):
        return last in ALSO_NOUNS or (bool(last) and listed(last) is None and not last.endswith("ing"))
    return bool(last) and not is_verb_form(words, at)


def _may_describe(word: str) -> bool:
    return word in SHADES | TINTS or listed(word) is not None or by_form(word) is not None
