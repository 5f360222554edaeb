"""What several things share: the noun of `a red and a blue cup`, the colours of `three keys: red, blue and green`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muralist.tools.scene import Attribute
from muralist.tools.words import ARTICLES

from .lexicon import listed
from .noun_phrase import NounPhrase, read_noun_phrase
from .verbs import is_gerund
from .words import BOUNDS


def bounded(words: Sequence[str], at: int) -> bool:
    """True where nothing that belongs to what stands before comes at `at`."""
    return at >= len(words) or not words[at][0].isalnum() or words[at] in BOUNDS


def read_looks(words: Sequence[str], at: int) -> tuple[list[Attribute], int]:
    """Looks that no noun follows, `red, blue and green`, and the word behind them; an empty list if there are none."""
    looks: list[Attribute] = []
    end = begin = at
    while True:
        phrase = read_noun_phrase(words, begin, predicative=True)
        if phrase is None or phrase.noun or phrase.determiner or phrase.said_count or not bounded(words, phrase.end):
            return looks, end
        if looks and is_gerund(words, begin) and listed(words[begin]) is None:
            return looks, end  # the cat is grey and purring
        looks += phrase.attributes
        end = begin = phrase.end
        begin += list(words[begin : begin + 1]) == [","]
        begin += list(words[begin : begin + 1]) == ["and"]
        if begin == end:
            return looks, end


def with_noun_of_next(words: Sequence[str], phrase: NounPhrase) -> NounPhrase | None:
    """A phrase without a noun takes that of the next one: `a red and a blue cup`. Its words reach to that noun."""
    if phrase.noun or not phrase.attributes or not (phrase.determiner in ARTICLES or phrase.said_count):
        return None
    at = phrase.end
    at += list(words[at : at + 1]) == [","]
    at += list(words[at : at + 1]) == ["and"]
    following = read_noun_phrase(words, at) if at > phrase.end else None
    if following is not None and not following.noun:
        following = with_noun_of_next(words, following)
    if following is None or not (following.determiner in ARTICLES or following.said_count):
        return None
    return replace(phrase, noun=following.noun, head=following.head, end=following.end)


def each_colour(phrase: NounPhrase) -> list[NounPhrase]:
    """`red and blue cups`, where no number is said, are a red one and a blue one; any other phrase is itself."""
    joined = [attribute for attribute in phrase.attributes if " and " in attribute.value]
    if phrase.count < 2 or phrase.said_count or phrase.determiner or len(joined) != 1:
        return [phrase]
    (colours,) = joined
    each = colours.value.replace(" and ", ", ").split(", ")
    rest = [attribute for attribute in phrase.attributes if attribute is not colours]
    return [replace(phrase, attributes=(Attribute(kind="colour", value=colour), *rest), count=1) for colour in each]
