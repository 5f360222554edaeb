"""Second thoughts: `a red boat, no wait, a blue boat`, `on grass. Actually, make that sand`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muralist.tools.words import ARTICLES, GROUNDS

from .asking import is_not
from .coordination import bounded
from .noun_phrase import NounPhrase, read_noun_phrase, read_thing
from .numbers import number
from .positions import Position, read_position
from .reading import Denied, Thing, ground_of
from .referring import Referring
from .surroundings import is_around
from .words import EXCHANGING

_CUES = tuple(
    tuple(cue.split())
    for cue in """
    no wait, wait no, wait, i meant, i mean, or rather, or better, make that, make it that, scratch that, strike that,
    correction, on second thought, on second thoughts, oops, sorry, change that to, forget that, better make it,
    better yet, not that but, let's make it, let's make that, actually make it, no make it, no let's say, or make it
    """.replace("\n", " ").split(",")
)
"""Any of these says that what stands before was wrong."""
_AROUND = frozenset(
    "no wait sorry actually rather oh hmm well or but ah er um i meant mean to say make that it let's".split()
)
"""Words that come with one of them, before it or behind."""


def read_corrections(words: Sequence[str]) -> dict[int, int]:
    """Where each correction begins and what stands behind it; nothing can be corrected at the head of a prompt."""
    found: dict[int, int] = {}
    at = 1
    while at < len(words):
        end = _correction(words, at)
        if end > at:
            found[at] = end
        at = max(end, at + 1)
    return found


def _correction(words: Sequence[str], at: int) -> int:
    """The word behind a run of corrections that begins at word `at` and holds a cue; `at` if there is none."""
    if words[at - 1][0].isalnum() and words[at] not in {"or", "wait", "oops", "sorry", "correction", "scratch"}:
        return at
    begin, said = at, False
    while at < len(words):
        if (end := _cue(words, at)) > at:
            said, at = True, end
        elif words[at] in _AROUND or (at > begin and not words[at][0].isalnum() and words[at] != "("):
            at += 1
        else:
            break
    parted = words[begin] == "rather" and words[begin - 1] != "or" and at < len(words) and words[at] in ARTICLES
    parted = parted or (words[begin] == "no" and words[begin + 1 : begin + 2] == [","] and words[at : at + 1] != ["no"])
    return at if (said or parted) and at < len(words) else begin


def _cue(words: Sequence[str], at: int) -> int:
    """The word behind the cue that begins at `at`, commas inside it left aside; `at` if none does."""
    ahead = [word for word in words[at : at + 5] if word != ","]
    if ahead[:2] == ["make", "it"] and len(ahead) > 2 and number(ahead[2]):
        return at + 2
    for cue in _CUES:
        if tuple(ahead[: len(cue)]) == cue and words[at] != ",":
            end, left = at, len(cue)
            while left:
                left -= words[end] != ","
                end += 1
            return end
    return at


class Correcting(Referring):
    """Reads what takes the place of what was said before; `corrections` are where that is said."""

    def __init__(
        self,
        words: Sequence[str],
        skip: set[int],
        spoken: Sequence[NounPhrase] = (),
        corrections: Mapping[int, int] | None = None,
    ) -> None:
        super().__init__(words, skip, spoken)
        self.corrections = corrections or {}

    def _correction(self, at: int) -> int | None:
        """Where reading goes on behind a correction; None if none stands here, or it is not clear of what."""
        things, begin = self.reading.things, self.corrections.get(at)
        if begin is None or not things:
            return begin
        known = self.clause.nearest[-1:] or [max(range(len(things)), key=lambda one: things[one].end)]
        if (position := read_position(self.words, begin)) is not None:
            return self._elsewhere(at, begin, position, known[0])
        phrase = read_noun_phrase(self.words, begin, predicative=True)
        if phrase is None and (amount := number(self.words[begin])):
            self.reading.number(known[0], amount)
            return self._quoting(at, known[0], begin + 1)
        if phrase is None:
            return begin
        if phrase.noun in GROUNDS and not phrase.determiner and self.reading.background is not None:
            return self._other_ground(at, phrase)
        alike = [one for one, thing in enumerate(things) if phrase.noun and thing.is_a(phrase)]
        if phrase.noun and not alike and not self.clause.nearest and len(things) > 1:
            return phrase.end  # a cat on a mat. No wait, a dog: in place of either
        wrong = (alike or known)[-1]
        if phrase.noun in {"", "one", "ones"}:
            kinds = {look.kind for look in phrase.attributes}
            looks = [look for look in things[wrong].attributes if look.kind not in kinds]
            things[wrong].attributes = [*looks, *phrase.attributes]
        else:
            self._replace(things[wrong], phrase)
        return self._quoting(at, wrong, phrase.end)

    def _replace(self, thing: Thing, phrase: NounPhrase) -> None:
        """The thing is another one, or there are more of it; what it was must not be there."""
        before, wrong = thing.noun, range(thing.start, phrase.start)
        thing.noun, thing.head, thing.count, thing.counted = phrase.noun, phrase.head, phrase.count, phrase.said_count
        if phrase.determiner or phrase.said_count or phrase.attributes:
            thing.attributes = list(phrase.attributes)
        if before not in {other.noun for other in self.reading.things}:
            self.reading.absent.append(Denied((before,), wrong, wrong))
        else:
            self.reading.retracted.update(wrong)

    def _exchange(self, at: int) -> int | None:
        """`change the cat to a dog`, `replace the cup with a vase`; of what nobody named, it must not be there."""
        words = self.words
        if words[at] not in EXCHANGING or (before := read_thing(words, at + 1)) is None:
            return None
        if words[before.end : before.end + 1] == [] or words[before.end] not in {"to", "into", "with", "for", "by"}:
            return None
        after = read_thing(words, before.end + 1)
        if after is None or after.noun == before.noun:
            return None
        known = [one for one, thing in enumerate(self.reading.things) if thing.is_a(before)]
        if known:
            self._replace(self.reading.things[known[-1]], after)
            return self._quoting(at, known[-1], after.end)
        self.reading.absent.append(Denied((before.noun,), range(at, after.start), range(at, after.start)))
        self.clause.join(self._mention(after))
        return self.reading.cover(at, after.end)

    def _quoting(self, at: int, thing: int, end: int) -> int:
        """The thing quotes all that was said of it, up to word `end`."""
        self.reading.things[thing].end = end
        self.clause.nearest, self.clause.group = [thing], self.clause.group or [thing]
        return self.reading.cover(at, end)

    def _elsewhere(self, at: int, begin: int, position: Position, thing: int) -> int:
        """`on the left, no, on the right`; a relation is read anew, with what it led to where nothing follows."""
        reading, end = self.reading, begin + position.length
        ground = read_noun_phrase(self.words, end) if position.place is None else None
        if ground and reading.background and is_around(self.words[begin], position.predicates, ground):
            return self._other_ground(at, ground)
        subject = next((subject for subject, _, _ in reading.relations[-1:]), None)
        if position.place is not None and (before := reading.things[thing].place) is not None:
            reading.claims.append(is_not(reading.nouns([thing]), f"at the {before}"))
            reading.things[thing].place = position.place
            return reading.cover(at, end)
        if not position.predicates or subject is None or not self.clause.landmark:
            return begin
        *reading.relations, (_, _, objects) = reading.relations
        if bounded(self.words, end) and read_noun_phrase(self.words, end) is None:
            reading.relate([subject], position.predicates, list(objects))
            return reading.cover(at, end)
        self.clause.nearest = [subject]
        return reading.cover(at, begin)

    def _other_ground(self, at: int, phrase: NounPhrase) -> int:
        reading = self.reading
        reading.claims.append(f"Is the ground not {reading.background}?")
        reading.background = ground_of(phrase)
        return reading.cover(at, phrase.end)
