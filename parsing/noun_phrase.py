"""Noun phrases: determiner, number, describing words, noun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muralist.tools.plurals import PLURAL_ONLY, is_plural, may_be_plural, singular
from muralist.tools.scene import Attribute
from muralist.tools.words import ARTICLES

from .describing import ALSO_NOUNS, joined, read_describing
from .lexicon import COLOURS, SIZES, TINTS, listed
from .morphology import graded
from .numbers import MOST, TENS, number
from .positions import leads_on
from .verbs import awaits_verb, ends_noun, is_noun_like, is_verb_form
from .words import (
    ABSTRACT,
    CONCRETE,
    DEFINITE,
    DETERMINERS,
    GROUPS,
    INDEFINITE,
    IRREGULAR_PAST,
    ORDINALS,
    PARTS,
)

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
    ordinal: bool = False
    """True of the second cat: of several, or besides another one."""
    unread: int | None = None
    """Where a number stands that counts nothing, or a degree of nothing else: a 1965 roadster, the tallest tree."""

    @property
    def definite(self) -> bool:
        return self.determiner in DEFINITE


def is_abstract(phrase: NounPhrase) -> bool:
    """`the moment`, `friendship`: nothing to paint, unless something is said of how it looks."""
    feeling = phrase.noun.endswith(("ness", "ship", "hood", "ism")) and not CONCRETE & {phrase.noun, phrase.head}
    return not phrase.attributes and (phrase.noun in ABSTRACT or feeling)


def read_noun_phrase(
    words: Sequence[str], start: int, predicative: bool = False, alone: bool = False
) -> NounPhrase | None:
    """The noun phrase that begins at `start`; None if the words there are none.

    After a copula (`predicative`), describing words without a noun stay what they are: the car is orange. `alone`
    leaves off what follows with `of`.
    """
    at, determiner, count, group = _determiners(words, start)
    described = at
    degree = at if is_noun_like(words, at + 1) and graded(words[at]) and listed(words[at]) is None else None
    at += degree is not None
    attributes, places, at = read_describing(words, at, predicative and not determiner)
    awaits = awaits_verb(words, start)
    nouns = [] if places and _is_predicate(words, at) else _nouns(words, at, determiner, count, awaits)
    bare = not nouns or (nouns[0] in IRREGULAR_PAST and len(nouns) == 1)
    if bare and places and _may_be_noun(words[places[-1]], attributes[-1], determiner, predicative):
        at = places[-1]
        attributes = [attribute for attribute, place in zip(attributes, places, strict=True) if place != at]
        nouns = [words[at]]
    attributes = joined(words, attributes, places)
    at += len(nouns)
    others = words[at - 1] == "another" or (count and words[at - 1] == "more")
    if (
        not nouns
        and not attributes
        and at > start
        and others
        and not is_noun_like(words, at)
        and list(words[at : at + 1]) != ["of"]
    ):
        nouns = ["one"]  # and behind it another; three more
    elif not nouns and not attributes:
        return None
    said = count is not None
    written = head = nouns[-1] if nouns else ""
    if nouns and (determiner not in ARTICLES | {"another", "each", "every"} or said or group):
        drinking = head == "glasses" and not group and (len(nouns) > 1 or said)
        head = "glass" if drinking else singular(head)
    tail = _of(words, at) if nouns and not alone else at
    noun = " ".join([*nouns[:-1], *([head] if head else []), *words[at:tail]])
    if written in INDEFINITE:
        *_, tail = read_describing(words, tail, predicative=True)  # something beautiful
    if group == 2 and written in PLURAL_ONLY:
        count = 1
    if count is None:
        several = is_plural(written) and determiner not in ARTICLES
        count = group or ((3 if determiner == "some" else 2) if several else 1)
    if tail == start:
        return None
    unread = degree
    if _is_measure(words, described, start):
        unread, count = described - 1, 1
    elif count > MOST and not may_be_plural(written):
        unread, count = next((place for place in range(start, tail) if number(words[place])), None), 1
    return NounPhrase(
        start=start, end=tail, noun=noun[:100].strip(), head=head, attributes=tuple(attributes[:8]),
        count=max(1, count), determiner=determiner, said_count=said, unread=unread,
        ordinal=not ORDINALS.isdisjoint(words[start:described]),
    )  # fmt: skip


def read_thing(words: Sequence[str], at: int) -> NounPhrase | None:
    """The noun phrase that begins at `at` if it names something that can be painted."""
    phrase = read_noun_phrase(words, at)
    return None if phrase is None or not phrase.noun or is_abstract(phrase) else phrase


def _is_measure(words: Sequence[str], at: int, start: int) -> bool:
    """`2.5 apples`, `two and a half apples`: a number that counts nothing."""
    if at > start + 2 and words[at - 1] in {"half", "quarter"}:
        return list(words[at - 3 : at - 1]) == ["and", "a"]
    return at > start and words[at - 1][0].isdecimal() and number(words[at - 1]) is None


def _is_predicate(words: Sequence[str], at: int) -> bool:
    """`the marble contrasted with …`: a verb, so that what describes is the noun."""
    return at < len(words) and words[at].endswith("ed") and is_verb_form(words, at) and not is_noun_like(words, at + 1)


def _may_be_noun(word: str, attribute: Attribute, determiner: str, predicative: bool) -> bool:
    """A describing word that no noun follows is one itself: a red orange, the remote; but not: the cup is orange."""
    if determiner and attribute.kind not in {"colour", "size", "shape"}:
        return True
    return word in ALSO_NOUNS and bool(determiner or not predicative)


def _determiners(words: Sequence[str], at: int) -> tuple[int, str, int | None, int]:
    """Where the describing words begin, the first determiner, the count if said, and what a collective stands for."""
    determiner, count, group = "", None, 0
    while at < len(words):
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word in GROUPS and following in {"of", "more"}:
            group, count = GROUPS[word], count if count and count > 1 else None
            count = GROUPS[word] if word in {"pair", "couple", "trio", "dozen"} else count
            at += 2
        elif list(words[at : at + 3]) == ["half", "a", "dozen"]:
            count, at = 6, at + 3
        elif count and list(words[at : at + 3]) in (["and", "a", "half"], ["and", "a", "quarter"]):
            at += 3
        elif determiner in {"another", "other"} and word == "one" and not is_noun_like(words, at + 1):
            break
        elif word == "dozen" and count and count > 1:
            count, at = count * 12, at + 1
        elif word[0].isdecimal() and not word[-1].isalpha() and number(word) is None and is_noun_like(words, at + 1):
            at += 1
        elif (amount := number(word)) is not None and amount > 0:
            count, at = (count + amount if count and count in TENS and amount < 10 else amount), at + 1
        elif word == "other" and determiner in DEFINITE:
            determiner, at = "another", at + 1
        elif word in DETERMINERS or (word == "own" and determiner in DEFINITE):
            determiner, at = determiner or word, at + 1
        elif determiner and word in ORDINALS and is_noun_like(words, at + 1):
            determiner, at = "another", at + 1  # a third cat, the second cat
            if list(words[at : at + 1]) == ["one"]:
                break
        elif _only_grades(word, determiner, count):
            at += 1
        else:
            break
    return at, determiner, count, group


def _only_grades(word: str, determiner: str, count: int | None) -> bool:
    """`very`, the `of` of `all of`, `more` and `x` behind a number: they change neither the number nor the thing."""
    if word == "of":
        return determiner in {"all", "some", "both", "each"} or bool(count)
    return word in _DEGREES or (word in {"more", "x"} and bool(count or determiner))


def _nouns(words: Sequence[str], at: int, determiner: str, count: int | None, awaits: bool) -> list[str]:
    """The nouns from `at` on; `awaits` says that the sentence still lacks its verb."""
    nouns: list[str] = []
    sure = determiner in ARTICLES or count == 1
    the = awaits and count is None and determiner in DEFINITE - {"these", "those"}
    while len(nouns) < _LONGEST_NOUN and is_noun_like(words, at):
        word = words[at]
        if leads_on(words, at) or list(words[at : at + 2]) in (["free", "of"], ["devoid", "of"]):
            break
        plural = bool(nouns) and not sure and is_plural(nouns[-1])
        single = sure or the or (awaits and bool(nouns) and nouns[-1] in PARTS)
        if nouns and ends_noun(words, at, plural, single, counted=bool(count and count > 1)):
            break
        if nouns and (number(word) is not None or word == nouns[-1] or word in (COLOURS | SIZES) - ALSO_NOUNS):
            break  # cat cat cat; red apple blue cup; tiny key huge chair; make the cup red
        if nouns and determiner in DEFINITE and word in COLOURS and nouns[-1] not in TINTS and _is_last(words, at):
            break  # make the cup orange
        if nouns and not (INDEFINITE | {"one", "ones"}).isdisjoint((word, nouns[-1])):
            break
        nouns.append(word)
        at += 1
    return nouns


def _is_last(words: Sequence[str], at: int) -> bool:
    return not is_noun_like(words, at + 1)


def _of(words: Sequence[str], at: int) -> int:
    """Where the noun ends once `of …` is added to it: a slice of cake, the petals of the rose."""
    while at + 1 < len(words) and words[at] == "of" and list(words[at + 1 : at + 3]) != ["the", "same"]:
        inner = read_noun_phrase(words, at + 1, alone=True)
        if inner is None or not inner.noun:
            break
        at = inner.end
    return at
