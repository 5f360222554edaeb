"""What has been understood so far: things, how they stand to each other, and what is all around."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from muralist.tools.errors import BadPrompt
from muralist.tools.scene import Attribute, Place, Predicate

from .noun_phrase import NounPhrase
from .numbers import MOST
from .words import BACKDROPS

_MOST_ATTRIBUTES = 8
_LONGEST_BACKGROUND = 300


@dataclass
class Thing:
    """An entity in the making; `start` and `end` (exclusive) are the words it quotes."""

    noun: str
    head: str
    attributes: list[Attribute]
    count: int
    start: int
    end: int
    place: Place | None = None


@dataclass
class Reading:
    """Things are numbered in order of mention; `covered` are the words that something rests on."""

    things: list[Thing] = field(default_factory=list)
    relations: list[tuple[int, Predicate, tuple[int, ...]]] = field(default_factory=list)
    background: str | None = None
    covered: set[int] = field(default_factory=set)
    distant: set[int] = field(default_factory=set)
    _parted: int | None = None

    def cover(self, start: int, end: int) -> int:
        """Count these words as understood; gives the word behind them."""
        self.covered.update(range(start, end))
        return end

    def knows(self, phrase: NounPhrase) -> bool:
        """True if something of that noun was spoken of."""
        return any(phrase.noun in {thing.noun, thing.head} for thing in self.things)

    def mention(self, phrase: NounPhrase) -> int:
        """The thing a phrase speaks of: one that is known already behind `the`, else a new one.

        Raises BadPrompt if it asks for more of them than a scene may hold.
        """
        if phrase.count > MOST:
            raise BadPrompt(
                f"{phrase.count} times '{phrase.noun}' is more than can be placed and checked: ask for at most {MOST}, "
                "or for 'many' where the number does not matter"
            )
        self.cover(phrase.start, phrase.end)
        if phrase.definite and (known := self._recall(phrase)) is not None:
            return known
        if phrase.count > 1:
            self._parted = None
        if phrase.unread is not None:
            self.covered.discard(phrase.unread)
        attributes = list(dict.fromkeys((attribute.kind, attribute.value) for attribute in phrase.attributes))
        self.things.append(
            Thing(
                noun=phrase.noun,
                head=phrase.head,
                attributes=[Attribute(kind=kind, value=value) for kind, value in attributes],
                count=phrase.count,
                start=phrase.start,
                end=phrase.end,
            )
        )
        return len(self.things) - 1

    def _recall(self, phrase: NounPhrase) -> int | None:
        """The latest thing of that noun whose looks do not differ from what the phrase says."""
        said = {attribute.value for attribute in phrase.attributes}
        for known in range(len(self.things) - 1, -1, -1):
            thing = self.things[known]
            looks = {attribute.value for attribute in thing.attributes}
            if phrase.noun in {thing.noun, thing.head} and (said <= looks or not looks):
                thing.attributes = thing.attributes or list(phrase.attributes)
                return known
        return None

    def add(self, attribute: Attribute, subjects: list[int]) -> None:
        """One more property of each of them."""
        for subject in subjects:
            self.things[subject].attributes = [*self.things[subject].attributes, attribute][:_MOST_ATTRIBUTES]

    def describe(self, subjects: list[int], phrase: NounPhrase) -> int:
        """`the cup is red`; gives the word behind the phrase."""
        for subject in subjects:
            thing = self.things[subject]
            new = [attribute for attribute in phrase.attributes if attribute not in thing.attributes]
            thing.attributes = [*thing.attributes, *new][:_MOST_ATTRIBUTES]
        return self.cover(phrase.start, phrase.end)

    def part(self, phrase: NounPhrase) -> int:
        """`two dogs, one black and one white`: some of several look otherwise; gives the word behind the phrase."""
        several = [at for at, thing in enumerate(self.things) if thing.count > 1]
        if self._parted is None and several:
            self._parted = several[-1]
        whole = self._parted
        if whole is None:
            return phrase.end
        if self.things[whole].count <= phrase.count:
            return self.describe([whole], phrase)
        self.things.append(replace(self.things[whole], count=phrase.count, end=phrase.end))
        self.things[whole].count -= phrase.count
        for subject, predicate, objects in list(self.relations):
            if subject == whole:
                self._add(len(self.things) - 1, predicate, objects)
        return self.describe([len(self.things) - 1], phrase)

    def relate(self, subjects: list[int], predicates: tuple[Predicate, ...], objects: list[int]) -> None:
        """Each subject stands so to each object; `between` takes the first and the last of them."""
        for subject in dict.fromkeys(subjects):
            others = [thing for thing in dict.fromkeys(objects) if thing != subject]
            for predicate in predicates if others else ():
                if predicate != "between":
                    for other in others:
                        self._add(subject, predicate, (other,))
                elif len(others) > 1 or self.things[others[0]].count > 1:
                    self._add(subject, "between", (others[0], others[-1]))
                else:
                    self._add(subject, "next to", (others[0],))

    def _add(self, subject: int, predicate: Predicate, objects: tuple[int, ...]) -> None:
        if (subject, predicate, objects) not in self.relations:
            self.relations.append((subject, predicate, objects))

    def surround(self, phrase: NounPhrase) -> int:
        """Take the phrase, without the word `background`, as what is all around; gives the word behind it."""
        words = [attribute.value for attribute in phrase.attributes]
        words += [word for word in phrase.noun.split() if word not in BACKDROPS]
        text = " ".join(words).removeprefix("of ")
        if text:
            self._surround(text)
            self.cover(phrase.start, phrase.end)
        return phrase.end

    def _surround(self, text: str) -> None:
        self.background = ", ".join(filter(None, [self.background, text]))[:_LONGEST_BACKGROUND]

    def put_behind(self) -> None:
        """Make distant things background, unless nothing else would be left or something refers to them."""
        bound = {thing for subject, _, objects in self.relations for thing in (subject, *objects)}
        distant = sorted(self.distant - bound)
        kept = [thing for thing in range(len(self.things)) if thing not in distant]
        if not kept:
            return
        for at in distant:
            thing = self.things[at]
            self._surround(" ".join([*(attribute.value for attribute in thing.attributes), thing.noun]))
        self.things = [self.things[thing] for thing in kept]
        self.relations = [
            (kept.index(subject), predicate, tuple(map(kept.index, objects)))
            for subject, predicate, objects in self.relations
        ]
