"""From words to things and how they stand to each other: one pass from left to right.

A position phrase belongs to the nearest thing before it; behind a verb, or behind `and` or a comma, it belongs to what
the clause is about. Coordinated things (`a cat and a dog on a mat`) share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from muralist.tools.scene import Place, Predicate

from .lexicon import kind_of
from .noun_phrase import NounPhrase, read_noun_phrase
from .positions import Position, read_position
from .reading import Reading
from .verbs import is_adverb, is_gerund, is_noun_like, is_verb_form
from .words import (
    ABSTRACT,
    AUXILIARIES,
    BACKDROPS,
    BE,
    CLAUSE_WORDS,
    CONJUNCTIONS,
    FILLERS,
    GROUNDS,
    NEGATIONS,
    OPENERS,
    PARTS,
    POSITION_VERBS,
    PREPOSITIONS,
    PRONOUNS,
    RELATIVES,
    SETTINGS,
    SKIES,
    VERB_STEMS,
)

_ENDS = frozenset(".;!?\n")
_COMMAS = frozenset(",:()–—-/|")
_INTO_SETTING = frozenset("in at into through across along throughout around amid during".split())
_VERB_RELATIONS: dict[str, Predicate] = {
    "riding": "on", "rides": "on", "ride": "on", "rode": "on", "facing": "next to", "touching": "next to",
    "covering": "on", "topping": "on",
}  # fmt: skip


@dataclass
class _Clause:
    """What a sentence or a part of one is about."""

    group: list[int] = field(default_factory=list)
    nearest: list[int] = field(default_factory=list)
    last_subjects: list[int] = field(default_factory=list)
    waiting: list[tuple[tuple[Predicate, ...], list[int]]] = field(default_factory=list)
    waiting_place: Place | None = None
    link: str = ""
    closed: bool = False
    predicative: bool = False


class Reader:
    """Reads the words of a prompt; `skip` are those already understood as style."""

    def __init__(self, words: Sequence[str], skip: set[int]) -> None:
        # A word that is skipped bounds phrases like a full stop inside a sentence would.
        self.words = [" " if at in skip else word for at, word in enumerate(words)]
        self.reading = Reading(covered=set(skip))
        self.clause = _Clause()
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
            return at + 1 if word == "not" or phrase is None else phrase.end
        if (position := read_position(self.words, at)) is not None:
            return self._position(at, position)
        if word in CONJUNCTIONS:
            clause.link = "and" if clause.link != "," else ", and"
            return self.reading.cover(at, at + 1)
        if word in CLAUSE_WORDS:
            self._end_clause()
            return self.reading.cover(at, at + 1)
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
        if word in FILLERS or (word in OPENERS and not clause.group):
            return self.reading.cover(at, at + 1)
        if word in PREPOSITIONS:
            clause.link = "with"
            return self._background_of(at) or self.reading.cover(at, at + 1)
        if self._is_verb(at):
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
        self.clause = _Clause()

    def _relative_clause(self, at: int) -> None:
        """`… that is above …` speaks of the thing before it."""
        if self.clause.nearest and at + 1 < len(self.words):
            self.clause.group = self.clause.nearest[-1:]
            self.clause.nearest = list(self.clause.group)

    def _is_verb(self, at: int) -> bool:
        word, clause = self.words[at], self.clause
        following = self.words[at + 1] if at + 1 < len(self.words) else ""
        if is_adverb(word) and not (following.endswith("ed") and is_noun_like(self.words, at + 2)):
            return True
        if clause.link == "verb" and clause.predicative and word.endswith("ing") and kind_of(word) is None:
            return len(word) > 4
        if word in _VERB_RELATIONS and clause.group:
            return True
        if clause.link == "verb" and clause.predicative and not is_verb_form(self.words, at):
            return False
        if is_verb_form(self.words, at):
            return (
                bool(clause.group or clause.waiting) or word in POSITION_VERBS or not is_noun_like(self.words, at + 1)
            )
        behind_thing = bool(clause.nearest) and clause.link in {"", "and", "verb"}
        stems = {word, word[:-1], word[:-2]} if word.endswith("s") else {word}
        return behind_thing and bool(stems & VERB_STEMS) and (clause.link != "and" or following in PREPOSITIONS)

    def _verb(self, at: int, word: str) -> int:
        clause = self.clause
        participle = word.endswith(("ing", "ed")) and clause.link != "verb"
        if not participle and clause.group:
            clause.nearest = list(clause.group)
        clause.link, clause.predicative, clause.closed = "verb", False, False
        if word in _VERB_RELATIONS and clause.nearest:
            return self._relate(at, at + 1, (_VERB_RELATIONS[word],))
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
        if phrase.noun in ABSTRACT and not phrase.attributes:
            return phrase.end
        objects, stop = self._objects(phrase, predicates)
        if words[at] == "at":
            predicates = ("next to",)
        self.reading.cover(at, end)
        clause.link, clause.closed, clause.predicative = "", True, False
        if subjects:
            self.reading.relate(subjects, predicates, objects)
            clause.last_subjects, clause.nearest = subjects, objects[-1:]
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
            return self.reading.describe(clause.group, phrase)
        if not phrase.noun and phrase.said_count and clause.nearest:
            return self.reading.part(phrase)
        if not phrase.noun or (phrase.noun in ABSTRACT and not phrase.attributes and not phrase.said_count):
            return phrase.end
        if clause.link == "with" and phrase.head in PARTS:
            return phrase.end
        if phrase.head in BACKDROPS:
            return self._surround(phrase)
        thing = self.reading.mention(phrase)
        for predicates, objects in clause.waiting:
            self.reading.relate([thing], predicates, objects)
        if clause.waiting_place:
            self.reading.things[thing].place = self.reading.things[thing].place or clause.waiting_place
        self._join(thing)
        return phrase.end

    def _join(self, thing: int) -> None:
        """Add the thing to what the clause is about, or start anew."""
        clause = self.clause
        if clause.link in {"and", ", and"} and not clause.closed and clause.group:
            clause.group.append(thing)
            clause.nearest = list(clause.group)
        elif clause.link in {"with", "verb"} and clause.group:
            clause.nearest = [thing]
        elif clause.link == "," and not clause.closed and clause.group:
            clause.group.append(thing)
            clause.nearest = [thing]
        else:
            self.topic = clause.group or self.topic
            clause.group, clause.nearest, clause.last_subjects = [thing], [thing], []
        clause.closed = clause.closed and clause.link in {"with", "verb"}
        clause.waiting, clause.waiting_place = [], None
        clause.link, clause.predicative = "", False

    def _as_background(self, at: int, predicates: tuple[Predicate, ...], phrase: NounPhrase) -> int | None:
        """Where reading goes on if the phrase says what is all around, such as `on grass`; else None."""
        head, word = phrase.head, self.words[at]
        if phrase.noun in BACKDROPS and not phrase.attributes:
            return self._nearest_as_background(at, phrase)
        dressed = bool(phrase.attributes) and bool(phrase.determiner)
        around = (
            head in BACKDROPS
            or (
                word in _INTO_SETTING
                and predicates in {(), ("inside",), ("next to",)}
                and (head in SETTINGS or head in GROUNDS)
            )
            or (predicates == ("on",) and head in SETTINGS and not (dressed and (phrase.definite or head in GROUNDS)))
            or (word in {"under", "beneath", "against", "below"} and head in SKIES)
        )
        if not around or (phrase.definite and self.reading.knows(phrase)):
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
        if self.words[at] not in _INTO_SETTING:
            return None
        phrase = read_noun_phrase(self.words, at + 1)
        return None if phrase is None else self._as_background(at, (), phrase)
