"""What is said not to be: `no car`, `without a hat`, `neither a cat nor a dog`, `not on grass`, `isn't red`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .asking import Nouns, deed, doing, is_not, is_true, quoted
from .coordination import bounded, read_looks
from .noun_phrase import NounPhrase, read_noun_phrase, read_thing
from .numbers import read_bounds
from .positions import Position, read_position
from .reading import Denied, ground_of
from .standing import Standing
from .surroundings import INTO_SETTING, is_around, is_time
from .words import AUXILIARIES, BE, CANVAS, DEFINITE, ENDS, PRONOUNS, RELATIVES, VERB_STEMS

_PHRASES = tuple(
    tuple(phrase.split())
    for phrase in """
    instead of, rather than, in place of, leave out, leaving out, leave off, leave away, free of, devoid of, get rid of
    """.replace("\n", " ").split(",")
)
_LEAVING_OUT = frozenset("avoid avoiding exclude excluding omit omitting minus lacking sans".split())
_TAKING_OUT = frozenset("remove skip drop ban forget delete erase lose ditch hide".split())
"""Verbs that leave something out where an object follows; some of them are nouns too."""
_MAKING = frozenset(
    "draw paint show include contain have add put use want need be see any like ever to have having all".split()
)
"""Verbs between `not` and what is not to be there: do not draw a cat."""
_ANY = frozenset({"anything", "anywhere"})
_LEADING = _ANY | frozenset({",", "and", "but", "with", "on", "there", "do", "does", "should", "must"}) | BE | RELATIVES
_TRAILING = frozenset({",", "and"})
"""Words that only join a denial to what stands before it, or at the head of a sentence to what stands behind."""
_SPOKEN_OF = PRONOUNS | RELATIVES | DEFINITE | BE
"""Words between `none of` and how those look."""


def denies(words: Sequence[str], at: int) -> int:
    """How many words from `at` on say that what follows is not to be; 0 if none do."""
    said = [len(phrase) for phrase in _PHRASES if tuple(words[at : at + len(phrase)]) == phrase]
    if said:
        return max(said)
    word = words[at]
    if word in {"except", "but"} and at and words[at - 1] in _ANY:
        return 1 + (list(words[at + 1 : at + 2]) == ["for"])
    if word in _TAKING_OUT and list(words[at + 1 : at + 2]) in (["the"], ["any"], ["all"]):
        return 1
    if word in {"no", "without", "neither", "zero", "0"}:
        return 1
    if not (negates(word) or word in _LEAVING_OUT):
        return 0
    end = at + 1
    while end < len(words) and words[end] in _MAKING:
        end += 1
    return end - at


def negates(word: str) -> bool:
    """True for `not` and what ends in it, which may also deny a look, a deed or a place."""
    return word in {"not", "never"} or word.endswith("n't")


_UNWANTED = frozenset("wanted allowed needed welcome permitted required desired".split())


def read_denied(words: Sequence[str], begin: int) -> list[NounPhrase]:
    """The things from `begin` on: one, or several that `or`, `nor` or another `no` joins, or `and` without articles."""
    first = read_thing(words, begin)
    if first is None:
        return []
    found, sure = [first], 1
    while True:
        at = found[-1].end
        comma = list(words[at : at + 1]) == [","]
        at += comma
        alike = not first.determiner and list(words[at : at + 1]) == ["and"]
        again = list(words[at : at + 1]) == ["and"] and list(words[at + 1 : at + 2]) in (["no"], ["without"])
        joined = again or alike or list(words[at : at + 1]) in (["or"], ["nor"])
        following = read_thing(words, at + joined + again) if joined or comma else None
        if following is None or (alike and not again and (following.determiner or following.said_count)):
            return found[:sure]
        found.append(following)
        sure = len(found) if joined else sure


def name_of(phrase: NounPhrase) -> str:
    """What the phrase speaks of, in the singular: `blue car`."""
    return " ".join([*(attribute.value for attribute in phrase.attributes), phrase.noun])[:300]


def extent(words: Sequence[str], at: int, end: int) -> range:
    """The words that a caption leaves out, since a painter paints whatever is named: those that join, too."""
    start = at
    while start and words[start - 1] in _LEADING:
        start -= 1
    head = not start or not words[start - 1][0].isalnum()
    while end < len(words) and (words[end] == "but" or (head and words[end] in _TRAILING)):
        end += 1
    if start and words[start - 1] in ENDS and end < len(words) and words[end] in ENDS:
        end += 1
    return range(start, end)


class Denying(Standing):
    """Reads what is not to be there, where things are not to be, and how they are not to look."""

    def _denial(self, at: int) -> int | None:
        """`no car`, `not on grass`, `isn't red`: what is not to be, where it is not to be, how it is not to look."""
        words, reading = self.words, self.reading
        if words[at] in {"nobody", "no-one"} or words[at : at + 2] == ["no", "one"]:
            return self._nobody(at, at + 1 + (words[at] == "no"))
        if words[at] in {"leave", "leaving"} and (phrase := read_thing(words, at + 1)) is not None:
            out = words[phrase.end : phrase.end + 1] in (["out"], ["off"], ["away"])
            return self._deny((name_of(phrase),), at, phrase.end + 1) if out else None
        if words[at] == "nothing" and words[at + 1 : at + 2] in (["but"], ["else"], ["more"], ["less"]):
            return reading.cover(at, at + 2)
        if words[at] == "not" and words[at + 1 : at + 2] in (["only"], ["just"]):
            return reading.cover(at, at + 2)
        if words[at] in {"none", "neither"} and (end := self._neither(at)) is not None:
            return end
        begin = at + denies(words, at)
        if begin == at:
            return self._excepted(at) if words[at] == "except" else None
        if negates(words[at]) and words[begin : begin + 1] != [] and words[begin] in _UNWANTED:
            return self._unwanted(begin + 1)
        if negates(words[at]) and begin < len(words):
            nouns = reading.nouns((self.clause.nearest or self.topic)[-1:])
            if nouns and (end := self._denied_deed(at, begin, nouns)) is not None:
                return end
            if (position := read_position(words, begin)) is not None:
                return self._denied_position(at, begin, position)
            if words[begin] in INTO_SETTING:
                return self._denied_position(at, begin, Position(1))
        if begin < len(words) and (negates(words[at]) or words[at] in {"instead", "rather"}):
            nouns = reading.nouns((self.clause.nearest or self.topic)[-1:])
            looks, end = read_looks(words, begin)
            if looks and nouns:
                verb, plain = words[at], not negates(words[at]) or words[at] == "not"
                how = [is_not(nouns, look.value) if plain else is_true(nouns, verb, look.value) for look in looks]
                reading.claims += how
                return reading.cover(at, end)
        if (bounds := read_bounds(words, begin)) > begin:
            return bounds
        if words[begin : begin + 1] in (["more"], ["others"], ["other"]) and bounded(words, begin + 1):
            reading.claims.append(f"Are there no {words[begin]}?")
            return reading.cover(at, begin + 1)
        phrases = read_denied(words, begin)
        if not phrases:
            return begin
        end = phrases[-1].end
        if negates(words[at]) and self.clause.predicative and self.clause.group:
            return end  # the dog is not a poodle
        if len(phrases) == 1 and (further := self._further(end)) > end:
            reading.claims.append(f"Is there no {quoted(words, phrases[0].start, further)}?")
            return reading.cover(at, further)
        others = [phrase for phrase in phrases if phrase.determiner in {"other", "another"}]
        reading.claims += [f"Is there no other {name_of(phrase)}?" for phrase in others]
        if reading.things:
            before = reading.things[-1].noun  # a cup, but not a blue one
            phrases = [replace(each, noun=before) if each.noun in {"one", "ones"} else each for each in phrases]
        return self._deny(tuple(name_of(phrase) for phrase in phrases if phrase not in others), at, end)

    def _denied_deed(self, at: int, begin: int, nouns: Nouns) -> int | None:
        """`not wearing a hat`, `doesn't bark`; None if no verb is denied."""
        words = self.words
        action, end = doing(words, begin)
        if action:
            plain = words[at] == "not"
            self.reading.claims.append(is_not(nouns, action) if plain else is_true(nouns, f"is {words[at]}", action))
            return self.reading.cover(at, end)
        auxiliary = words[at - 1] if at and words[at] == "not" else words[at]
        if words[begin] not in VERB_STEMS or not (auxiliary.endswith("n't") or auxiliary in AUXILIARIES - BE):
            return None
        action, end = deed(words, begin)
        verb = words[at] if auxiliary == words[at] else f"{auxiliary} not"
        self.reading.claims.append(is_true(nouns, verb, action))
        return self.reading.cover(at, end)

    def _nobody(self, at: int, end: int) -> int:
        """`nobody` is no person; `nobody riding it` is asked."""
        action, behind = doing(self.words, end)
        if not action:
            return self._deny(("person",), at, end)
        nouns = self.reading.nouns(self.clause.nearest[-1:])
        if nouns and self.words[behind : behind + 1] == ["it"]:
            action, behind = f"{action} the {nouns[0][0]}", behind + 1
        self.reading.claims.append(f"Is nobody {action}?")
        return self.reading.cover(at, behind)

    def _unwanted(self, end: int) -> int:
        """`dogs are not wanted`: the thing just named must not be there."""
        clause, things = self.clause, self.reading.things
        if clause.group != [len(things) - 1] or self.reading.is_related(clause.group[0]):
            return end
        unwanted = things.pop()
        clause.group, clause.nearest = [], []
        return self._deny((unwanted.noun,), unwanted.start, end)

    def _excepted(self, at: int) -> int:
        """`all cups are blue except the small one`: what is meant of it remains open."""
        begin = at + 1 + (self.words[at + 1 : at + 2] == ["for"])
        phrase = read_noun_phrase(self.words, begin)
        return begin if phrase is None else phrase.end

    def _neither(self, at: int) -> int | None:
        """`neither red nor blue` is asked, `none of them black` is not understood; None where no looks follow."""
        words, begin = self.words, at + 1
        if words[begin : begin + 1] == ["of"]:
            begin = next((place for place in range(begin + 1, len(words)) if words[place] not in _SPOKEN_OF), begin)
        looks, end = read_looks(words, begin)
        joined = False
        while looks and words[end : end + 1] in (["nor"], ["or"]):
            joined = begin == at + 1
            looks, end = read_looks(words, end + 1)
        nouns = self.reading.nouns((self.clause.nearest or self.topic)[-1:])
        if not looks or not nouns:
            return None
        if not joined:
            return end
        self.reading.claims.append(is_true(nouns, "is", " ".join(words[at:end])))
        return self.reading.cover(at, end)

    def _deny(self, names: tuple[str, ...], at: int, end: int) -> int:
        self.reading.absent.append(Denied(names, range(at, end), extent(self.words, at, end)))
        return self.reading.cover(at, end)

    def _further(self, at: int) -> int:
        """Where what is said of a denied thing's position ends: no cat next to the dog; `at` if nothing is."""
        position = read_position(self.words, at) if at < len(self.words) else None
        if position is None:
            return at
        end = at + position.length
        if position.place is not None or position.about_pronoun:
            return end
        if end < len(self.words) and self.words[end] in PRONOUNS:
            return end + 1
        phrase = read_noun_phrase(self.words, end)
        if phrase is None:
            return end if position.alone else at
        if phrase.noun in CANVAS:
            return at
        around = is_around(self.words[at], position.predicates, phrase) or is_time(self.words[at], phrase)
        return at if around else phrase.end

    def _denied_position(self, at: int, begin: int, position: Position) -> int:
        """`not on grass` is a ground that must not be; any other position is asked for as it is said."""
        words, reading, end = self.words, self.reading, begin + position.length
        phrase = read_noun_phrase(words, end) if position.place is None else None
        if phrase is not None and is_time(words[begin], phrase):
            reading.claims.append(f"Is it not {' '.join(words[begin : phrase.end])}?")
            return reading.cover(at, phrase.end)
        if phrase is not None and is_around(words[begin], position.predicates, phrase):
            ground = ground_of(phrase)
            return self._deny((ground,), at, phrase.end) if ground else phrase.end
        nouns = reading.nouns((self.clause.nearest or self.topic)[-1:])
        if not nouns or (phrase is None and position.place is None):
            return end
        where = quoted(words, begin, end)
        plain = words[at] == "not"
        if phrase is not None and phrase.noun:
            self._mention(phrase)
            where, end = f"{where} the {phrase.noun}", phrase.end
        reading.claims.append(is_not(nouns, where) if plain else is_true(nouns, words[at], where))
        return reading.cover(at, end)
