"""What has been understood so far: things, how they stand to each other, and what is all around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from muralist.tools.errors import BadPrompt
from muralist.tools.predicates import PREDICATES, PredicateName
from muralist.tools.scene import Attribute, Place

from .noun_phrase import NounPhrase
from .numbers import MOST
from .words import BACKDROPS

_CORNERS: tuple[Place, ...] = ("top left", "top right", "bottom left", "bottom right")
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
    counted: bool = False
    """True if the number was said."""

    @property
    def kinds(self) -> set[str]:
        """In what respects it is said how it looks."""
        return {look.kind for look in self.attributes}

    def is_a(self, phrase: NounPhrase) -> bool:
        """True if the phrase may speak of it."""
        return phrase.noun in {self.noun, self.head}


@dataclass(frozen=True)
class Denied:
    """What is not to be there, the words that say so, and those that a caption does without."""

    names: tuple[str, ...]
    said: range
    left_out: range


@dataclass
class Reading:
    """Things are numbered in order of mention; `covered` are the words that something rests on, `claims` questions.

    `shared` are looks of all things that have none of that kind; `retracted` words that others took the place of.
    """

    things: list[Thing] = field(default_factory=list)
    relations: list[tuple[int, PredicateName, tuple[int, ...]]] = field(default_factory=list)
    background: str | None = None
    absent: list[Denied] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    covered: set[int] = field(default_factory=set)
    distant: set[int] = field(default_factory=set)
    shared: list[Attribute] = field(default_factory=list)
    retracted: set[int] = field(default_factory=set)
    _parted: int | None = None

    def cover(self, start: int, end: int) -> int:
        """Count these words as understood; gives the word behind them."""
        self.covered.update(range(start, end))
        return end

    def knows(self, phrase: NounPhrase) -> bool:
        """True if something of that noun was spoken of."""
        return any(thing.is_a(phrase) for thing in self.things)

    def mention(self, phrase: NounPhrase, quoted_from: int | None = None) -> int:
        """The thing a phrase speaks of: one that is known already behind `the`, else a new one.

        It quotes the phrase, or from an earlier word on, where that has the noun. Raises BadPrompt if it asks for more
        of them than a scene may hold.
        """
        _check_number(phrase.count, phrase.noun)
        self.cover(phrase.start, phrase.end)
        if phrase.definite and (known := self._recall(phrase)) is not None:
            return known
        if phrase.ordinal and (several := [at for at in self._several() if self.things[at].is_a(phrase)]):
            one = self._take(several[-1], 1, phrase.end)  # the second cat of two cats
            self.describe([one], phrase)
            return one
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
                start=phrase.start if quoted_from is None else quoted_from,
                end=phrase.end,
                counted=phrase.said_count,
            )
        )
        return len(self.things) - 1

    def _several(self) -> list[int]:
        return [at for at, thing in enumerate(self.things) if thing.count > 1]

    def _take(self, at: int, amount: int, end: int) -> int:
        """Some of several become a thing of their own, which stands as the rest does and quotes the words to `end`."""
        whole = self.things[at]
        self.things.append(replace(whole, count=amount, end=end))
        whole.count -= amount
        for subject, predicate, objects in list(self.relations):
            if subject == at:
                self._add(len(self.things) - 1, predicate, objects)
        return len(self.things) - 1

    def number(self, at: int, amount: int) -> None:
        """Say how many of a thing there are. Raises BadPrompt as `mention` does."""
        thing = self.things[at]
        _check_number(amount, thing.noun)
        thing.count, thing.counted = amount, True

    def _recall(self, phrase: NounPhrase) -> int | None:
        """The latest thing of that noun whose looks do not differ from what the phrase says."""
        said = {attribute.value for attribute in phrase.attributes}
        for known in range(len(self.things) - 1, -1, -1):
            thing = self.things[known]
            looks = {attribute.value for attribute in thing.attributes}
            if thing.is_a(phrase) and (said <= looks or not looks):
                thing.attributes = thing.attributes or list(phrase.attributes)
                return known
        return None

    def nouns(self, things: Sequence[int]) -> list[tuple[str, int]]:
        """Noun and number of each, for a question about them."""
        return [(self.things[thing].noun, self.things[thing].count) for thing in things]

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

    @property
    def has_several(self) -> bool:
        """True if some of what was mentioned may be said to look otherwise than the rest."""
        return self._parted is not None or bool(self._several())

    def colour_each(self, at: int, looks: Sequence[Attribute]) -> list[int]:
        """`three keys: red, blue and green`: one of each colour, if so many there are or no number was said."""
        whole = self.things[at]
        fits = whole.count > 1 and (not whole.counted or whole.count == len(looks))
        if not fits or len(looks) < 2 or any(look.kind != "colour" for look in looks):
            for look in looks:
                self.add(look, [at])
            return [at]
        each = [replace(whole, count=1, attributes=[*whole.attributes, look]) for look in looks]
        self.things[at : at + 1] = each[:1]
        self.things += each[1:]
        return [at, *range(len(self.things) - len(each) + 1, len(self.things))]

    def part(self, phrase: NounPhrase) -> int:
        """`two dogs, one black and one white`: some of several look otherwise; gives the word behind the phrase."""
        return self.describe([self.take(phrase.count, phrase.end)], phrase)

    def take(self, amount: int | None, end: int, looks: Sequence[Attribute] = ()) -> int:
        """So many of several as a thing of their own, which looks so and quotes the words to `end`; else the rest."""
        whole = self._whole()
        part = whole if amount is None or self.things[whole].count <= amount else self._take(whole, amount, end)
        for look in looks:
            self.add(look, [part])
        return part

    def _whole(self) -> int:
        if self._parted is None and (several := self._several()):
            self._parted = several[-1]
        if self._parted is None:
            raise AssertionError("nothing is several: ask has_several before")
        return self._parted

    def several(self) -> Thing:
        """Those of which some may look otherwise, as `has_several` says."""
        return self.things[self._whole() if self.is_parted else self._several()[-1]]

    @property
    def is_parted(self) -> bool:
        """True once some of several were said to look otherwise than the rest."""
        return self._parted is not None

    def share(self) -> None:
        """Give every thing the looks that all have, unless it looks otherwise."""
        for look in self.shared:
            self.add(
                look,
                [at for at, thing in enumerate(self.things) if look.kind not in {a.kind for a in thing.attributes}],
            )

    def is_related(self, at: int) -> bool:
        """True if a relation speaks of the thing."""
        return any(at == subject or at in objects for subject, _, objects in self.relations)

    def put_in_corners(self, at: int, end: int, each: bool) -> bool:
        """One in every corner, or with `each` as many as there are; False if their number leaves it open."""
        thing = self.things[at]
        thing.count = thing.count if thing.counted else 1
        if thing.place is not None or (thing.counted and thing.count % len(_CORNERS) and not each):
            return False
        amount = thing.count // 4 if thing.count % 4 == 0 else thing.count
        thing.end = end
        for place in _CORNERS[1:]:
            self.things.append(replace(thing, count=amount, place=place))
        thing.count, thing.place = amount, _CORNERS[0]
        return True

    def relate(self, subjects: list[int], predicates: tuple[PredicateName, ...], objects: list[int]) -> None:
        """Each subject stands so to each object; `between` takes the first and the last of them."""
        for subject in dict.fromkeys(subjects):
            others = [thing for thing in dict.fromkeys(objects) if thing != subject]
            for predicate in predicates if others else ():
                if PREDICATES[predicate].objects == 1:
                    for other in others:
                        self._add(subject, predicate, (other,))
                elif len(others) > 1 or self.things[others[0]].count > 1:
                    self._add(subject, predicate, (others[0], others[-1]))
                else:
                    self._add(subject, "next to", (others[0],))

    def _add(self, subject: int, predicate: PredicateName, objects: tuple[int, ...]) -> None:
        if (subject, predicate, objects) not in self.relations:
            self.relations.append((subject, predicate, objects))

    def surround(self, phrase: NounPhrase) -> int:
        """Take the phrase, without the word `background`, as what is all around; gives the word behind it."""
        text = ground_of(phrase)
        if text:
            self._surround(text)
            self.cover(phrase.start, phrase.end)
        return phrase.end

    def _surround(self, text: str) -> None:
        if text in {"ground", "floor"} and self.background:
            return  # snow on the ground
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
        self._keep(kept)

    def count_alike(self) -> None:
        """`a cat, another cat`: things that nothing tells apart are one entity with a number."""
        bound = {thing for subject, _, objects in self.relations for thing in (subject, *objects)}
        kept: list[int] = []
        for at, thing in enumerate(self.things):
            same = next((one for one in kept if one not in bound and at not in bound and self._alike(one, at)), None)
            if same is None:
                kept.append(at)
            else:
                self.things[same].count += thing.count
                self.things[same].end = max(self.things[same].end, thing.end)
        self._keep(kept)

    def _alike(self, one: int, two: int) -> bool:
        first, second = self.things[one], self.things[two]
        looks = [sorted(look.value for look in thing.attributes) for thing in (first, second)]
        placed = first.place or second.place
        fits = first.count + second.count <= MOST
        return first.noun == second.noun and looks[0] == looks[1] and not placed and fits

    def _keep(self, kept: list[int]) -> None:
        self.things = [self.things[thing] for thing in kept]
        self.relations = [
            (kept.index(subject), predicate, tuple(map(kept.index, objects)))
            for subject, predicate, objects in self.relations
        ]


def _check_number(count: int, noun: str) -> None:
    if count > MOST:
        raise BadPrompt(
            f"{count} times '{noun}' is more than can be placed and checked: ask for at most {MOST}, or for 'many' "
            "where the number does not matter"
        )


def ground_of(phrase: NounPhrase) -> str:
    """What a phrase says of the ground, without the words `background`, `ground` and `floor`: a snowy ground."""
    words = [attribute.value for attribute in phrase.attributes]
    words += [word for word in phrase.noun.split() if word not in BACKDROPS]
    bare = [word for word in words if word not in {"ground", "floor"}]
    return " ".join(bare or words).removeprefix("of ")
