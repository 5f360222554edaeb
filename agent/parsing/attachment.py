"""From words to things and how they stand to each other: one pass from left to right.

A position phrase belongs to the nearest thing before it; behind a verb, or behind `and` or a comma, it belongs to what
the clause is about. Coordinated things (`a cat and a dog on a mat`) share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from muralist.tools.scene import Place, Predicate

from .clause import VERB_RELATIONS, Clause
from .making import read_making
from .noun_phrase import NounPhrase, is_abstract, read_noun_phrase
from .positions import Position, read_position
from .reading import Reading
from .surroundings import COVERED, INTO_SETTING, holds_nothing, is_around, is_worn
from .verbs import is_gerund, is_infinitive, is_noun_like, is_verb_form
from .words import (
    AUXILIARIES,
    BACKDROPS,
    BE,
    CLAUSE_WORDS,
    CONJUNCTIONS,
    FILLERS,
    NEGATIONS,
    OPENERS,
    PARTS,
    POSITION_VERBS,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVES,
    SURFACES,
)

_ENDS = frozenset(".;!?\n")
_COMMAS = frozenset(",:()–—-/|")


class Reader:
    """Reads the words of a prompt; `skip` are those already understood as style."""

    def __init__(self, words: Sequence[str], skip: set[int]) -> None:
        # A word that is skipped bounds phrases like a full stop inside a sentence would.
        self.words = [" " if at in skip else word for at, word in enumerate(words)]
        self.reading = Reading(covered=set(skip))
        self.clause = Clause()
        self.topic: list[int] = []

    def read(self) -> Reading:
        """Go through all words once."""
        at = 0
        while at < len(self.words):
            at = max(at + 1, self._step(at))
        self.reading.put_behind()
        return self.reading

    def _step(self, at: int) -> int:
        word, clause = self.words[at], self.clause
        if not word[0].isalnum():
            return self._punctuation(at, word)
        if word in NEGATIONS:
            phrase = read_noun_phrase(self.words, at + 1)
            return at + 1 if phrase is None or (word == "not" and phrase.noun) else phrase.end
        if (position := read_position(self.words, at)) is not None:
            return self._position(at, position)
        if word in CONJUNCTIONS:
            clause.link = "and" if clause.link != "," else ", and"
            return self.reading.cover(at, at + 1)
        if word in CLAUSE_WORDS:
            self._end_clause()
            return self.reading.cover(at, at + 1)
        if clause.nearest and (making := read_making(self.words, at)) is not None:
            told, end = making
            self.reading.add(told, clause.nearest if clause.link == "verb" else clause.nearest[-1:])
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
        if word in PREPOSITIONS:
            clause.link = "with"
            return self._background_of(at) or self.reading.cover(at, at + 1)
        if clause.takes_for_verb(self.words, at):
            return self._verb(at, word)
        return self._noun_phrase(at)

    def _punctuation(self, at: int, word: str) -> int:
        if word in _ENDS:
            self._end_clause()
        elif word in _COMMAS:
            self.clause.link = ","
        return self.reading.cover(at, at + 1)

    def _end_clause(self) -> None:
        self.topic = self.clause.group or self.topic
        self.clause = Clause()

    def _relative_clause(self, at: int) -> None:
        """`… that is above …` speaks of the thing before it."""
        if self.clause.nearest and at + 1 < len(self.words):
            self.clause.group = self.clause.nearest[-1:]
            self.clause.nearest = list(self.clause.group)

    def _verb(self, at: int, word: str) -> int:
        clause = self.clause
        participle = word.endswith(("ing", "ed")) and clause.link != "verb"
        if not participle and clause.group:
            clause.nearest = list(clause.group)
        clause.link, clause.predicative, clause.closed = "verb", False, False
        if word in VERB_RELATIONS and clause.nearest:
            return self._relate(at, at + 1, (VERB_RELATIONS[word],))
        if word in POSITION_VERBS:
            self.reading.cover(at, at + 1)
        return at + 1

    def _position(self, at: int, position: Position) -> int:
        end = at + position.length
        if position.place is not None:
            return self._place(at, end, position.place)
        if position.about_pronoun:
            others = [thing for thing in self.clause.group if thing not in self.clause.nearest] or self.topic
            self.reading.relate(list(self.clause.nearest), position.predicates, others[:1])
            return self.reading.cover(at, end)
        predicates = position.predicates
        # `above and to the left of X`: both hold.
        while end + 1 < len(self.words) and self.words[end] in {"and", ","}:
            more = read_position(self.words, end + 1)
            if more is None or not more.predicates:
                break
            predicates, end = (*predicates, *more.predicates), end + 1 + more.length
        return self._relate(at, end, predicates)

    def _place(self, at: int, end: int, place: Place) -> int:
        clause = self.clause
        ahead = clause.link in {",", "and", ", and"} and self._begins_thing(end)
        if not clause.group or (ahead and not clause.predicative):
            clause.waiting_place = place
            clause.link = "ahead"
        else:
            for thing in clause.nearest[-1:] if clause.link != "verb" else clause.nearest:
                self.reading.things[thing].place = self.reading.things[thing].place or place
            clause.closed = True
        return self.reading.cover(at, end)

    def _begins_thing(self, at: int) -> bool:
        at += at < len(self.words) and self.words[at] in {"there", "is", "are", "stands", "sits"}
        return at < len(self.words) and read_noun_phrase(self.words, at) is not None

    def _relate(self, at: int, end: int, predicates: tuple[Predicate, ...]) -> int:
        """A relation phrase from `at` to `end`, then its objects."""
        clause, words = self.clause, self.words
        coordinated = clause.link in {"and", ",", ", and"} and clause.last_subjects
        subjects = list(clause.last_subjects if coordinated else clause.nearest)
        pronoun = end < len(words) and words[end] in PRONOUNS and not is_noun_like(words, end + 1)
        if pronoun:
            others = [thing for thing in clause.group if thing not in subjects] or self.topic
            self.reading.relate(subjects, predicates, others if words[end] in {"them", "they"} else others[-1:])
            return self.reading.cover(at, end + 1)
        phrase = read_noun_phrase(words, end)
        if phrase is None or (phrase.end == end + 1 and is_gerund(words, end)):
            return end  # absorbed in creating something: nothing that one could be inside of
        if (behind := self._as_background(at, predicates, phrase)) is not None:
            return behind
        if not phrase.noun:
            # `a car in red`: looks, not a second thing.
            self.reading.cover(at, end)
            return self.reading.describe(subjects, phrase)
        if is_abstract(phrase) or (words[at] == "in" and holds_nothing(phrase)):
            return phrase.end
        if words[at] == "in" and (is_worn(phrase) or words[at - 1] in COVERED):
            self.reading.mention(phrase)
            return max(self.reading.cover(at, end), phrase.end)
        objects, stop = self._objects(phrase, predicates)
        if words[at] == "at" and predicates == ("inside",):
            predicates = ("next to",)
        self.reading.cover(at, end)
        clause.link, clause.closed, clause.predicative = "", True, False
        if subjects:
            self.reading.relate(subjects, predicates, objects)
            clause.last_subjects = subjects
            # What is on the wall above the couch is itself above the couch.
            bare = phrase.definite and not phrase.attributes and phrase.head in SURFACES
            clause.nearest = list(subjects) if bare else objects[-1:]
        else:
            clause.waiting.append((predicates, objects))
            clause.link = "ahead"
        return stop

    def _objects(self, phrase: NounPhrase, predicates: tuple[Predicate, ...]) -> tuple[list[int], int]:
        """The thing or things a relation leads to: two for `between`, and a closing `… and a dog`."""
        phrases, words, at = [phrase], self.words, phrase.end
        while at + 1 < len(words) and words[at] == "and" and not is_verb_form(words, at + 1):
            more = read_noun_phrase(words, at + 1)
            if more is None or not more.noun:
                break
            phrases.append(more)
            at = more.end
        closing = at >= len(words) or words[at] in _ENDS
        if "between" in predicates:
            phrases = phrases[:2]
        elif not closing:
            phrases = phrases[:1]
        objects = [self.reading.mention(each) for each in phrases]
        for each, following in pairwise(phrases):
            self.reading.cover(each.end, following.start)
        return objects, phrases[-1].end

    def _noun_phrase(self, at: int) -> int:
        """A thing that no position phrase led to."""
        clause = self.clause
        phrase = read_noun_phrase(self.words, at, predicative=clause.predicative)
        if phrase is None:
            return at + 1
        if clause.predicative and not phrase.noun and not phrase.determiner:
            clause.closed = True
            return self.reading.describe(clause.group, phrase)
        if not phrase.noun and phrase.said_count and clause.nearest:
            return self.reading.part(phrase)
        part = clause.link == "with" and phrase.head in PARTS
        if part or not phrase.noun or (is_abstract(phrase) and not phrase.said_count):
            if clause.link == "with":
                clause.link = ""  # what comes next is no part of it: a woman with long hair holds a dog
            return phrase.end
        if phrase.head in BACKDROPS:
            return self._surround(phrase)
        thing = self.reading.mention(phrase)
        for predicates, objects in clause.waiting:
            self.reading.relate([thing], predicates, objects)
        if clause.waiting_place:
            self.reading.things[thing].place = self.reading.things[thing].place or clause.waiting_place
        if not clause.continues:
            self.topic = clause.group or self.topic
        clause.join(thing)
        return phrase.end

    def _as_background(self, at: int, predicates: tuple[Predicate, ...], phrase: NounPhrase) -> int | None:
        """Where reading goes on if the phrase says what is all around, such as `on grass`; else None."""
        if phrase.noun in BACKDROPS and not phrase.attributes:
            return self._nearest_as_background(at, phrase)
        if not is_around(self.words[at], predicates, phrase) or (phrase.definite and self.reading.knows(phrase)):
            return None
        self.reading.cover(at, phrase.start)
        return self._surround(phrase)

    def _surround(self, phrase: NounPhrase) -> int:
        self.clause.closed, self.clause.link = True, ""
        return self.reading.surround(phrase)

    def _nearest_as_background(self, at: int, phrase: NounPhrase) -> int:
        """`mountains in the background`: the last thing is no thing but what is behind all."""
        self.reading.distant.update(self.clause.nearest[-1:])
        self.clause.group = [thing for thing in self.clause.group if thing not in self.reading.distant]
        self.clause.nearest, self.clause.closed = list(self.clause.group), True
        return self.reading.cover(at, phrase.end)

    def _background_of(self, at: int) -> int | None:
        """`of`, `with` and the like lead to an ordinary thing; nothing to do unless a setting follows."""
        if self.words[at] not in INTO_SETTING:
            return None
        phrase = read_noun_phrase(self.words, at + 1)
        return None if phrase is None else self._as_background(at, (), phrase)
