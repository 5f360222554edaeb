"""Things as they are mentioned: what a noun phrase speaks of, how it looks, and what is all around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muralist.tools.scene import Attribute, Predicate
from muralist.tools.words import GROUNDS

from .clause import Clause
from .coordination import bounded, each_colour, read_looks, with_noun_of_next
from .noun_phrase import NounPhrase, is_abstract, read_noun_phrase
from .numbers import number
from .reading import Reading
from .surroundings import INTO_SETTING, is_around, is_time
from .words import BACKDROPS, BE, DEFINITE, PARTS

_OUTSTANDING = frozenset({"", ",", "and", ", and"})
"""Links behind which a thing of its own may begin."""


class Mentioning:
    """What has been read, and what the present clause is about; `skip` are words already understood as style."""

    def __init__(self, words: Sequence[str], skip: set[int]) -> None:
        # A word that is skipped bounds phrases like a full stop inside a sentence would.
        self.words = [" " if at in skip else word for at, word in enumerate(words)]
        self.reading = Reading(covered=set(skip))
        self.clause = Clause()
        self.topic: list[int] = []
        self.referent: list[int] = []
        """What the last pronoun of the sentence spoke of."""

    def _noun_phrase(self, at: int) -> int:
        """A thing that no position phrase led to."""
        clause = self.clause
        phrase = read_noun_phrase(self.words, at, predicative=clause.predicative)
        if phrase is None:
            return self._number_alone(at)
        end = phrase.end
        if not phrase.noun and phrase.said_count and clause.nearest and self.reading.has_several:
            return self.reading.part(phrase)
        if (shared := with_noun_of_next(self.words, phrase)) is not None:
            phrase = shared
        if not phrase.noun:
            return self._looks_alone(phrase)
        part = clause.link == "with" and phrase.head in PARTS
        if part or (is_abstract(phrase) and not phrase.said_count):
            if clause.link == "with":
                clause.link = ""  # what comes next is no part of it: a woman with long hair holds a dog
            return phrase.end
        bare = phrase.noun in GROUNDS and not phrase.determiner and not phrase.said_count
        if phrase.head in BACKDROPS or (bare and clause.link in _OUTSTANDING and not clause.waiting):
            return self._surround(phrase)
        things = self._mention(phrase)
        led = clause.led if clause.continues and clause.link == "and" else []
        for predicates, objects in clause.waiting or led:
            self.reading.relate(things, predicates, objects)
        if clause.waiting_place:
            for thing in things:
                self.reading.things[thing].place = self.reading.things[thing].place or clause.waiting_place
        if not clause.continues and not clause.anaphoric:
            self.topic = clause.group or self.topic
        clause.led = clause.waiting or led
        clause.join(things)
        return end

    def _mention(self, phrase: NounPhrase) -> list[int]:
        """The things a phrase speaks of: one of each colour of `red and blue cups`; `a blue one` is another cup."""
        things = self.reading.things
        if phrase.noun in {"one", "ones"} and things:
            before = things[-1]
            return [self.reading.mention(replace(phrase, noun=before.noun, head=before.head), before.start)]
        return [self.reading.mention(each) for each in each_colour(phrase)]

    def _looks_alone(self, phrase: NounPhrase) -> int:
        """Looks without a noun: `it is red`, `a cat, black`, `two cups, both red`; else they are not understood."""
        clause = self.clause
        if phrase.determiner in {"both", "all", "each"}:
            subjects = clause.group or self.topic
        elif clause.predicative:
            subjects = clause.group
        elif phrase.determiner or not bounded(self.words, phrase.end):
            subjects = []
        else:
            subjects = clause.nearest[-1:] or self.topic[-1:]
        clause.closed = clause.closed or clause.predicative
        return self._described(phrase, subjects)

    def _described(self, phrase: NounPhrase, subjects: Sequence[int]) -> int:
        """Add a phrase's looks, and all that are listed with them, to the subjects, if there are any."""
        looks, end = read_looks(self.words, phrase.start)
        looks, end = (looks, end) if looks else (list(phrase.attributes), phrase.end)
        self._add_looks(subjects, looks)
        return self.reading.cover(phrase.start, end) if subjects else end

    def _add_looks(self, subjects: Sequence[int], looks: Sequence[Attribute]) -> None:
        for subject in list(subjects):
            new = [look for look in looks if look not in self.reading.things[subject].attributes]
            each = self.reading.colour_each(subject, new)
            if subject in self.clause.group:
                self.clause.group += each[1:]

    def _number_alone(self, at: int) -> int:
        """`cats, two`: how many of what stands before."""
        amount = number(self.words[at])
        several = [thing for thing in self.clause.nearest[-1:] if self.reading.things[thing].count > 1]
        if not amount or not several or not bounded(self.words, at + 1) or self.reading.things[several[0]].counted:
            return at + 1
        self.reading.number(several[0], amount)
        return self.reading.cover(at, at + 1)

    def _stated_background(self, at: int) -> int | None:
        """`background: snow`, `the background is snow`."""
        words = self.words
        begin = at + (words[at] in DEFINITE | {"a"})
        if begin >= len(words) or words[begin] not in BACKDROPS:
            return None
        begin += 1
        if words[begin : begin + 1] == [":"] or (begin < len(words) and words[begin] in BE):
            begin += 1
        elif at and words[at - 1][0].isalnum():
            return None
        phrase = read_noun_phrase(words, begin)
        if phrase is None or (begin == at + 1 and phrase.determiner):
            return None
        self.reading.cover(at, begin)
        return self._surround(phrase)

    def _as_background(self, at: int, predicates: tuple[Predicate, ...], phrase: NounPhrase) -> int | None:
        """Where reading goes on if the phrase says what is all around, such as `on grass`; else None."""
        if is_time(self.words[at], phrase):
            return self._at_time(at, phrase)
        if phrase.noun in BACKDROPS and not phrase.attributes:
            return self._nearest_as_background(at, phrase)
        if not is_around(self.words[at], predicates, phrase) or (phrase.definite and self.reading.knows(phrase)):
            return None
        self.reading.cover(at, phrase.start)
        return self._surround(phrase)

    def _at_time(self, at: int, phrase: NounPhrase) -> int:
        """`at sunset`, `in the rain`: no ground, but something that can be seen."""
        begin = at if self.words[at] in {"in", "at", "on", "under", "by", "during"} else phrase.start
        told = " ".join(self.words[begin : phrase.end])
        self.reading.claims.append(f"Is it {told}?" if begin == at else f"Is it in {told}?")
        self.clause.closed, self.clause.link = True, ""
        return self.reading.cover(at, phrase.end)

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
