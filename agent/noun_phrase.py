"""Noun phrases: determiner, number, describing words, noun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muralist.tools.scene import Attribute

from .lexicon import COLOURS, COMPOUNDS, MATERIALS, SHADES, TINTS, kind_of, spelling
from .numbers import MOST, PLURAL_ONLY, is_plural, number, singular
from .verbs import ends_noun, is_noun_like, is_verb_form
from .words import ARTICLES, DEFINITE, DETERMINERS, ED_MODIFIERS, ED_NOUNS, GROUPS, IRREGULAR_PAST

_NOUNS_TOO = MATERIALS | frozenset(
    """
    orange diamond square gold silver teardrop cream rainbow spiral olive lavender copper bronze charcoal rose violet
    giant miniature antique salmon coral amber light dark
    """.split()
)
"""Describing words that are nouns when nothing follows them: a red orange."""

_DEGREES = frozenset({"very", "quite", "really", "extremely", "rather", "slightly", "somewhat"})
_LONGEST_NOUN = 6


@dataclass(frozen=True)
class NounPhrase:
    """Words `start` to `end` (exclusive): one thing or several alike, or without a noun only how something looks."""

    start: int
    end: int
    noun: str
    head: str
    attributes: tuple[Attribute, ...]
    count: int
    determiner: str
    said_count: bool
    too_many: bool = False

    @property
    def definite(self) -> bool:
        return self.determiner in DEFINITE


def read_noun_phrase(words: Sequence[str], start: int, predicative: bool = False) -> NounPhrase | None:
    """The noun phrase that begins at `start`; None if the words there are none.

    After a copula (`predicative`), describing words without a noun stay what they are: the car is orange.
    """
    at, determiner, count, group = _determiners(words, start)
    attributes, places, at = _describing(words, at)
    nouns = _nouns(words, at, determiner, count)
    bare = not nouns or (nouns[0] in IRREGULAR_PAST and len(nouns) == 1)
    if bare and places and words[places[-1]] in _NOUNS_TOO and (determiner or not predicative):
        at = places[-1]
        attributes = [attribute for attribute, place in zip(attributes, places, strict=True) if place != at]
        nouns = [words[at]]
    at += len(nouns)
    if not nouns and (not attributes or (determiner in ARTICLES and not attributes)):
        return None
    said = count is not None
    written = head = nouns[-1] if nouns else ""
    if nouns and (determiner not in ARTICLES | {"another", "each", "every"} or said or group):
        drinking = head == "glasses" and not group and (len(nouns) > 1 or said)
        head = "glass" if drinking else singular(head)
    tail = _of(words, at) if nouns else at
    noun = " ".join([*nouns[:-1], *([head] if head else []), *words[at:tail]])
    if group == 2 and written in PLURAL_ONLY:
        count = 1
    if count is None:
        several = is_plural(written) and determiner not in ARTICLES
        count = group or ((3 if determiner == "some" else 2) if several else 1)
    if tail == start:
        return None
    return NounPhrase(
        start=start, end=tail, noun=noun[:100].strip(), head=head, attributes=tuple(attributes[:8]),
        count=max(1, min(MOST, count)), determiner=determiner, said_count=said, too_many=count > MOST,
    )  # fmt: skip


def _determiners(words: Sequence[str], at: int) -> tuple[int, str, int | None, int]:
    """Where the describing words begin, the first determiner, the count if said, and what a collective stands for."""
    determiner, count, group = "", None, 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word in GROUPS and following == "of":
            group, count = GROUPS[word], count if count and count > 1 else None
            count = GROUPS[word] if word in {"pair", "couple", "trio", "dozen"} else count
            at += 2
        elif word == "dozen" and count and count > 1:
            count, at = count * 12, at + 1
        elif (amount := number(word)) is not None and amount > 0:
            count, at = amount, at + 1
        elif word in DETERMINERS:
            determiner, at = determiner or word, at + 1
        elif word in _DEGREES or (word == "of" and determiner in {"all", "some", "both", "each"}):
            at += 1
        else:
            break
    return at, determiner, count, group


def _describing(words: Sequence[str], at: int) -> tuple[list[Attribute], list[int], int]:
    """Attributes in front of the noun, the word each ends on, and where the noun begins."""
    attributes: list[Attribute] = []
    places: list[int] = []
    while at < len(words):
        joined = words[at] in {"and", ",", "but"} and bool(attributes)
        begin = at + joined
        found = _attribute(words, begin)
        if found is None or (joined and not _leads_to_noun(words, begin)):
            break
        attribute, end = found
        attributes.append(attribute)
        places.append(end - 1)
        at = end
        if at < len(words) and words[at] in {"colored", "coloured", "color", "colour"}:
            at += 1
    return attributes, places, at


def _attribute(words: Sequence[str], at: int) -> tuple[Attribute, int] | None:
    """One property and the word behind it."""
    if at >= len(words):
        return None
    word = spelling(words[at])
    following = spelling(words[at + 1]) if at + 1 < len(words) else ""
    if (word, following) in COMPOUNDS:
        return None
    if (word in SHADES | TINTS and following in COLOURS - {"cream"}) or (word, following) == ("hot", "pink"):
        return Attribute(kind="colour", value=f"{word} {following}"), at + 2
    parts = [spelling(part) for part in word.split("-")]
    if len(parts) > 1 and parts[-1] in COLOURS and all(p in COLOURS | SHADES | TINTS | {"and"} for p in parts):
        return Attribute(kind="colour", value=" ".join(parts)), at + 1
    if len(parts) > 1 and parts[-1] in {"colored", "coloured"} and parts[0] in COLOURS:
        return Attribute(kind="colour", value=" ".join(parts[:-1])), at + 1
    if word.endswith("ly") and following.endswith("ed") and kind_of(word) is None and is_noun_like(words, at + 2):
        return Attribute(kind="other", value=f"{word} {following}"[:100]), at + 2
    kind = kind_of(word)
    if kind is not None:
        return Attribute(kind=kind, value=word[:100]), at + 1
    if word.endswith("ed") and word not in ED_NOUNS | ED_MODIFIERS and len(word) > 4 and is_noun_like(words, at + 1):
        return Attribute(kind="other", value=word[:100]), at + 1
    return None


def _leads_to_noun(words: Sequence[str], at: int) -> bool:
    """True if describing words from `at` on end in a noun, so that `black and white cat` is one cat."""
    while (found := _attribute(words, at)) is not None:
        at = found[1]
        while at < len(words) and words[at] in {"and", ","} and _attribute(words, at + 1) is not None:
            at += 1
    return is_noun_like(words, at) and not is_verb_form(words, at)


def _nouns(words: Sequence[str], at: int, determiner: str, count: int | None) -> list[str]:
    nouns: list[str] = []
    sure = determiner in ARTICLES or count == 1
    while len(nouns) < _LONGEST_NOUN and is_noun_like(words, at):
        word = words[at]
        if nouns and ends_noun(words, at, not sure and is_plural(nouns[-1]), sure, counted=bool(count and count > 1)):
            break
        if nouns and number(word) is not None:
            break
        nouns.append(word)
        at += 1
    return nouns


def _of(words: Sequence[str], at: int) -> int:
    """Where the noun ends once `of …` is added to it: a slice of cake, the petals of the rose."""
    end = at
    while end + 1 < len(words) and words[end] == "of":
        begin, determiner, count, _ = _determiners(words, end + 1)
        _, _, behind = _describing(words, begin)
        nouns = _nouns(words, behind, determiner, count)
        if not nouns and behind == begin:
            return end
        end = behind + len(nouns)
    return end
