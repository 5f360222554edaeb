"""From words to things and how they stand to each other: one pass from left to right.

Coordinated things (`a cat and a dog on a mat`) share what is said behind them.
"""

from __future__ import annotations

from itertools import pairwise

from .asking import doing, is_it
from .clause import VERB_RELATIONS, Clause
from .coordination import bounded
from .correction import Correcting
from .making import read_making
from .noun_phrase import read_noun_phrase
from .numbers import read_bounds
from .positions import read_position
from .reading import Reading
from .verbs import is_infinitive, is_noun_like
from .words import (
    ADVERBS,
    AUXILIARIES,
    BE,
    CLAUSE_WORDS,
    CONJUNCTIONS,
    DETERMINERS,
    DIRECTIONS,
    ENDS,
    FILLERS,
    MEANT,
    OPENERS,
    ORDINALS,
    POSITION_VERBS,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVES,
)

_COMMAS = frozenset(",:()[]–—-/|+")


class Reader(Correcting):
    """Reads the words of a prompt."""

    def read(self) -> Reading:
        """Go through all words once."""
        at = 0
        while at < len(self.words):
            at = max(at + 1, self._step(at))
        self._end_clause()
        self.reading.share()
        self.reading.put_behind()
        self.reading.count_alike()
        return self.reading

    def _step(self, at: int) -> int:
        word, clause = self.words[at], self.clause
        if (corrected := self._correction(at)) is not None:
            return corrected
        if not word[0].isalnum():
            return self._punctuation(at, word)
        for special in (
            self._exchange,
            self._refer,
            self._denial,
            self._order,
            self._stated_background,
            self._formation,
        ):
            if (end := special(at)) is not None:
                return end
        if self.words[at : at + 3] in (["the", "color", "of"], ["the", "colour", "of"]) and self._has_colour(at + 3):
            return self.reading.cover(at, at + 3)
        if word in ORDINALS and at + 1 < len(self.words) and self.words[at + 1] in DETERMINERS:
            return at + 1  # first a cat, then a dog
        if (bounds := read_bounds(self.words, at)) > at:
            return bounds  # at least two cats
        part_of = self.words[at + 1 : at + 2] in (["a"], ["an"]) and self.words[at + 2 : at + 3] != ["dozen"]
        if word in {"half", "quarter"} and part_of:
            return at + 1  # half an apple
        if (position := read_position(self.words, at)) is not None and not self._names_doer(at):
            return self._position(at, position)
        if self.words[at : at + 3] in (["as", "well", "as"], ["in", "addition", "to"]):
            clause.link = "and"
            return self.reading.cover(at, at + 3)
        if self.words[at : at + 2] == ["as", "well"] and bounded(self.words, at + 2):
            return self.reading.cover(at, at + 2)
        if word in CONJUNCTIONS:
            clause.link = "and" if clause.link != "," else ", and"
            return self.reading.cover(at, at + 1)
        if word in CLAUSE_WORDS:
            self._end_clause()
            return self.reading.cover(at, at + 1)
        if clause.nearest and (making := read_making(self.words, at)) is not None:
            action, end = making
            self.reading.add(action, clause.nearest if clause.link == "verb" else clause.nearest[-1:])
            return self.reading.cover(at, end)
        if word in RELATIVES:
            self._relative_clause(at)
            return self.reading.cover(at, at + 1)
        if word in AUXILIARIES:
            clause.nearest, clause.link, clause.closed = list(clause.group), "verb", False
            clause.predicative = word in BE
            return self.reading.cover(at, at + 1)
        if word in PRONOUNS and not (word == "her" and is_noun_like(self.words, at + 1)):
            clause.group = clause.group or list(self.topic)
            clause.nearest = list(clause.group)
            return self.reading.cover(at, at + 1)
        if word in FILLERS or (word in OPENERS and not clause.group) or self.words[at : at + 2] == ["can", "you"]:
            return self.reading.cover(at, at + 1)
        if word == "to" and is_infinitive(self.words, at + 1):
            return self.reading.cover(at, at + 1) + 1
        if word in ADVERBS:
            return self._adverb(at, word)
        if word in PREPOSITIONS:
            if clause.link in {",", ", and"}:
                clause.host = list(clause.group)
            if word == "with":
                clause.owner, clause.brought = list(clause.group), []
                clause.on_ground = not clause.group and self.reading.background is not None
            clause.link = "with"
            return self._background_of(at) or (at + 1 if word in MEANT else self.reading.cover(at, at + 1))
        if clause.takes_for_verb(self.words, at):
            return self._verb(at, word)
        return self._noun_phrase(at)

    def _punctuation(self, at: int, word: str) -> int:
        if word in ENDS:
            self._end_clause()
        elif word in _COMMAS:
            self.clause.link = ","
        return self.reading.cover(at, at + 1)

    def _end_clause(self) -> None:
        self.reading.covered -= self.clause.ahead
        if (order := self.clause.order) is not None:
            if len(self.clause.group) < 2:
                self.reading.covered -= set(range(order.start, order.end))
            for first, second in pairwise(self.clause.group):
                self.reading.relate([first], (order.predicate,), [second])
        if not self.clause.anaphoric:
            self.topic = self.clause.group or self.topic
        self.clause, self.referent = Clause(), []

    def _relative_clause(self, at: int) -> None:
        """`… that is above …` speaks of the thing before it."""
        if self.clause.nearest and at + 1 < len(self.words):
            self.clause.group = self.clause.nearest[-1:]
            self.clause.nearest = list(self.clause.group)

    def _verb(self, at: int, word: str) -> int:
        clause = self.clause
        participle = word.endswith(("ing", "ed")) and clause.link != "verb"
        if clause.group and (not participle or clause.link in {"and", ",", ", and"}):
            clause.nearest = list(clause.group)
        clause.link, clause.predicative, clause.closed = "verb", False, False
        if word in VERB_RELATIONS and clause.nearest:
            return self._relate(at, at + 1, (VERB_RELATIONS[word],))
        action, end = doing(self.words, at)
        if action and (nouns := self.reading.nouns(clause.nearest)):
            self.reading.claims.append(is_it(nouns, action))
            clause.closed = True
            self.reading.covered.update(place for place in range(at, end) if self.words[place] in DIRECTIONS)
            return self.reading.cover(at, at + 1)
        return self.reading.cover(at, at + 1) if word in POSITION_VERBS else at + 1

    def _has_colour(self, at: int) -> bool:
        """`the colour of the car is red`: said of the car."""
        phrase = read_noun_phrase(self.words, at)
        return (
            phrase is not None and phrase.definite and self.words[phrase.end : phrase.end + 1] in (["is"], ["should"])
        )

    def _names_doer(self, at: int) -> bool:
        """`followed by a dog`: who does it, not where something is."""
        before = self.words[at - 1] if at else ""
        return self.words[at] == "by" and before.endswith("ed") and before not in POSITION_VERBS

    def _adverb(self, at: int, word: str) -> int:
        """`asleep`, `alone` say of a thing how it is; where `far` and `apart` are cannot be told."""
        if (nouns := self.reading.nouns(self.clause.nearest)) and word in {"asleep", "awake", "alone"}:
            self.reading.claims.append(is_it(nouns, word))
            return self.reading.cover(at, at + 1)
        return at + 1
