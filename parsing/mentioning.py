"""Things as they are mentioned: what a noun phrase speaks of, how it looks, and what is all around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muralist.tools.predicates import PredicateName
from muralist.tools.scene import Attribute
from muralist.tools.words import ARTICLES, GROUNDS

from .clause import Clause
from .coordination import bounded, each_colour, read_looks, with_noun_of_next
from .lexicon import COLOURS
from .noun_phrase import NounPhrase, is_abstract, read_noun_phrase
from .numbers import number
from .reading import Reading
from .surroundings import INTO_SETTING, TIMES, is_around, is_floor, is_time
from .verbs import is_noun_like
from .words import AUXILIARIES, BACKDROPS, BE, CANVAS, DEFINITE, DETERMINERS, PARTS

_OUTSTANDING = frozenset({"", ",", "and", ", and"})
"""Links behind which a thing of its own may begin."""


_STATING = AUXILIARIES | {":", "to", "as", ",", " "}
"""Words between `the background` and what it is."""
_ENTIRE = frozenset({"whole", "entire", "complete", "full"})


class Mentioning:
    """What has been read, and what the present clause is about.

    `skip` are words already understood, such as those of style; `spoken` is what a word like `one` may mean although
    it is no thing of the picture.
    """

    def __init__(self, words: Sequence[str], skip: set[int], spoken: Sequence[NounPhrase] = ()) -> None:
        # A word that is skipped bounds phrases like a full stop inside a sentence would.
        self.words = [" " if at in skip else word for at, word in enumerate(words)]
        self.reading = Reading(covered=set(skip))
        self.spoken = spoken
        self.clause = Clause()
        self.topic: list[int] = []
        self.referent: list[int] = []
        """What the last pronoun of the sentence spoke of."""
        self.ranked: list[int] = []
        """Of what `the former` was one."""
        self.last_looks: Sequence[Attribute] = ()
        """How the thing looks of which that was told last."""

    def _noun_phrase(self, at: int) -> int:
        """A thing that no position phrase led to."""
        clause = self.clause
        as_predicate = clause.predicative or (at > 0 and self.words[at - 1] in {"it", "them"})  # make it orange
        phrase = read_noun_phrase(self.words, at, predicative=as_predicate)
        if phrase is None and self.spoken and not self.reading.things and (amount := number(self.words[at])):
            phrase = replace(self.spoken[-1], start=at, end=at + 1, noun="one", count=amount)
        if phrase is None:
            return self._number_alone(at)
        if phrase.head in TIMES and clause.predicative and not clause.group:
            return self._at_time(at, phrase)  # it's winter
        if phrase.noun in COLOURS and phrase.said_count and self.reading.has_several:
            colour = Attribute(kind="colour", value=phrase.noun)  # eight owls, four white, four orange
            phrase = replace(phrase, noun="", head="", attributes=(*phrase.attributes, colour))
        end = phrase.end
        if not phrase.noun and phrase.said_count and clause.nearest and self.reading.has_several:
            return self.reading.part(phrase)
        if (shared := with_noun_of_next(self.words, phrase)) is not None:
            phrase = shared
        elif not phrase.noun and phrase.said_count and clause.nearest and not phrase.determiner:
            phrase = replace(phrase, noun="one", head="one")  # one big cat, one small
        if not phrase.noun:
            return self._looks_alone(phrase)
        part = clause.link == "with" and phrase.head in PARTS
        if part or (is_abstract(phrase) and (not phrase.said_count or phrase.noun in {"side", "corner", "edge"})):
            if phrase.noun in CANVAS:
                self.reading.cover(phrase.end - 1, phrase.end)
            if clause.link == "with":
                clause.link = ""  # what comes next is no part of it: a woman with long hair holds a dog
            return phrase.end
        if phrase.noun in CANVAS and phrase.definite and {look.value for look in phrase.attributes} <= _ENTIRE:
            self.reading.cover(phrase.end - 1, phrase.end)
            return phrase.end  # fills the whole picture
        bare = phrase.noun in GROUNDS and not phrase.determiner and not phrase.said_count
        outstanding = (clause.link in _OUTSTANDING or not clause.group) and not clause.waiting
        if phrase.head in BACKDROPS or is_floor(phrase) or (bare and outstanding):
            return self._surround(phrase)
        only = phrase.determiner == "the" and not phrase.attributes and not clause.waiting
        if only and phrase.noun in GROUNDS - {"stone"}:
            return self._all_around(phrase)
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
        if phrase.noun in {"one", "ones"} and (things or self.spoken):
            if self._only_describes(phrase):
                self.reading.describe([len(things) - 1], phrase)
                return [len(things) - 1]
            if self._is_part(phrase):
                self.reading.cover(phrase.start, phrase.end)
                return [self.reading.take(phrase.count, phrase.end, phrase.attributes)]
            subject = (self.clause.group or self.topic)[-1:] if phrase.determiner == "another" else []
            before = things[subject[0] if subject else -1] if things else self.spoken[-1]
            return [self.reading.mention(replace(phrase, noun=before.noun, head=before.head), before.start)]
        if phrase.noun == "one":  # nothing that it could mean: it is quoted
            phrase = replace(phrase, noun=self.words[phrase.end - 1], head=self.words[phrase.end - 1])
        return [self.reading.mention(each) for each in each_colour(phrase)]

    def _only_describes(self, phrase: NounPhrase) -> bool:
        """`a cup, a red one, …`: the same cup, of which nothing was said yet."""
        things = self.reading.things
        bare = bool(things) and not things[-1].attributes and things[-1].count == phrase.count
        latest = self.clause.group == [len(things) - 1] and self.clause.link == ","
        return bare and latest and phrase.determiner in ARTICLES and bool(phrase.attributes)

    def _is_part(self, phrase: NounPhrase) -> bool:
        """`two cats, a black one and a white one`: one of those that were named, not one more."""
        if not self.reading.has_several or phrase.determiner not in ARTICLES or not phrase.attributes:
            return False
        whole = self.reading.several()
        free = whole.kinds.isdisjoint(look.kind for look in phrase.attributes)
        return self.reading.is_parted or (self.clause.link == "," and free)

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
            looks, end = read_looks(self.words, phrase.start)
            if len(looks) > 1 and len(clause.group) == len(looks) and {look.kind for look in looks} == {"colour"}:
                return self._respectively(phrase.start, looks, end)
        clause.closed = clause.closed or clause.predicative
        return self._described(phrase, subjects)

    def _respectively(self, at: int, looks: Sequence[Attribute], end: int) -> int:
        """`a dog and a cat, red and blue respectively`; without that word it is open which is which."""
        if self.words[end : end + 1] != ["respectively"]:
            return end
        for thing, look in zip(self.clause.group, looks, strict=True):
            self._add_looks([thing], [look])
        return self.reading.cover(at, end + 1)

    def _described(self, phrase: NounPhrase, subjects: Sequence[int]) -> int:
        """Add a phrase's looks, and all that are listed with them, to the subjects, if there are any."""
        looks, end = read_looks(self.words, phrase.start)
        looks, end = (looks, end) if looks else (list(phrase.attributes), phrase.end)
        self._add_looks(subjects, looks)
        return self.reading.cover(phrase.start, end) if subjects else end

    def _add_looks(self, subjects: Sequence[int], looks: Sequence[Attribute]) -> None:
        self.last_looks = looks
        for subject in list(subjects):
            new = [look for look in looks if look not in self.reading.things[subject].attributes]
            each = self.reading.colour_each(subject, new)
            if subject in self.clause.group:
                self.clause.group += each[1:]

    def _number_alone(self, at: int) -> int:
        """`cats, two`: how many of what stands before."""
        amount = number(self.words[at])
        times = "x" in self.words[at] and bool(amount)  # cups x2
        several = [thing for thing in self.clause.nearest[-1:] if times or self.reading.things[thing].count > 1]
        if not amount or not several or not bounded(self.words, at + 1) or self.reading.things[several[0]].counted:
            return at + 1
        self.reading.number(several[0], amount)
        self.reading.things[several[0]].end = at + 1
        return self.reading.cover(at, at + 1)

    def _stated_background(self, at: int) -> int | None:
        """`background: snow`, `the background should be snow`, `for the background snow`, `snow as the background`."""
        words = self.words
        begin = _backdrop(words, at + (words[at] in {"for", "as"}))
        if not begin:
            return self._stated_ground(at) or self._used_as_background(at)
        stated = begin
        while stated < len(words) and words[stated] in _STATING:
            stated += 1
        if stated > begin or words[at] in {"for", "as"}:
            begin = stated
        elif at and words[at - 1][0].isalnum() and words[at - 1] != "with":
            return None
        phrase = read_noun_phrase(words, begin)
        if phrase is None or (begin == at + 1 and phrase.determiner):
            return None
        self.reading.cover(at, begin)
        return self._surround(phrase)

    def _stated_ground(self, at: int) -> int | None:
        """`the ground is snow`, `the floor should be covered with grass`."""
        words, begin = self.words, at + 2
        if words[at] != "the" or words[at + 1 : at + 2] not in (["ground"], ["floor"]):
            return None
        while begin < len(words) and words[begin] in AUXILIARIES | {"covered", "made", "of", "with", "in"}:
            begin += 1
        phrase = read_noun_phrase(words, begin, predicative=False) if begin > at + 2 else None
        if phrase is None or phrase.noun not in GROUNDS or phrase.said_count:
            return None
        self._surround(phrase)
        return self.reading.cover(at, phrase.end)

    def _used_as_background(self, at: int) -> int | None:
        """`snow as the background`, `snow for a background`."""
        if not is_noun_like(self.words, at) and self.words[at] not in DETERMINERS:
            return None
        phrase = read_noun_phrase(self.words, at)
        if phrase is None or self.words[phrase.end : phrase.end + 1] not in (["as"], ["for"]):
            return None
        end = _backdrop(self.words, phrase.end + 1)
        if not end or read_noun_phrase(self.words, end) is not None:
            return None
        self._surround(phrase)
        return self.reading.cover(at, end)

    def _as_background(self, at: int, predicates: tuple[PredicateName, ...], phrase: NounPhrase) -> int | None:
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
        scenery = " ".join(self.words[begin : phrase.end])
        self.reading.claims.append(f"Is it {scenery}?" if begin == at else f"Is it in {scenery}?")
        self.clause.closed, self.clause.link = True, ""
        return self.reading.cover(at, phrase.end)

    def _surround(self, phrase: NounPhrase) -> int:
        self.clause.closed, self.clause.link = True, ""
        return self.reading.surround(phrase)

    def _all_around(self, phrase: NounPhrase) -> int:
        """`the sky is full of birds`, `a kite crosses the sky`: there is one sky, and how it looks belongs to it."""
        words, end = self.words, phrase.end
        if words[end : end + 1] and words[end] in BE:
            looks, stop = read_looks(words, end + 1)
            filled = words[end + 1 : end + 3] in (["full", "of"], ["filled", "with"], ["covered", "with"])
            if filled:
                self.reading.cover(end, end + 3)
                return max(self._surround(phrase), end + 3)
            if looks:
                self._surround(replace(phrase, attributes=(*looks,)))
                return self.reading.cover(end, stop)
        return self._surround(phrase)

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


def _backdrop(words: Sequence[str], at: int) -> int:
    """The word behind `the background` at word `at`; 0 if it does not stand there."""
    at += at < len(words) and words[at] in DEFINITE | {"a"}
    return at + 1 if at < len(words) and words[at] in BACKDROPS else 0
