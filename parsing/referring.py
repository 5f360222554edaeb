"""Words that mean a thing that was named elsewhere, and say how it looks: `the other is brown`, `so is the chair`."""

from __future__ import annotations

from muralist.tools.plurals import is_plural
from muralist.tools.scene import Attribute, AttributeKind

from .coordination import bounded, read_looks
from .denial import Denying
from .noun_phrase import NounPhrase, read_noun_phrase, read_thing
from .numbers import number
from .positions import read_position
from .words import AUXILIARIES, BE

_RANKS = {"former": 0, "first": 0, "latter": -1, "second": 1, "third": 2, "last": -1}
_KINDS: dict[str, AttributeKind] = {"color": "colour", "colour": "colour", "size": "size", "material": "material"}
_LINKING = AUXILIARIES | {"in", "of", "them", "it", "painted", "coloured", "colored"}
_RESTING = frozenset("other others rest".split())


class Referring(Denying):
    """Reads looks that are told of a thing by another word than its noun."""

    def _refer(self, at: int) -> int | None:
        """Where reading goes on if the words at `at` mean what was named elsewhere; else None."""
        for refers in (self._everything, self._rank, self._part, self._so, self._too, self._same, self._named_later):
            if (end := refers(at)) is not None:
                return end
        return None

    def _everything(self, at: int) -> int | None:
        """`everything blue: …`, `everything should be blue`, `all in blue: …`: how all things look."""
        words = self.words
        if words[at] not in {"everything", "all"}:
            return None
        begin = at + 1
        while begin < len(words) and words[begin] in _LINKING:
            begin += 1
        looks, end = read_looks(words, begin)
        heads = words[end : end + 1] == [":"]
        if not looks or not (heads or words[at] == "everything") or (end < len(words) and words[end][0].isalnum()):
            return None
        self.reading.shared += looks
        return self.reading.cover(at, end)

    def _rank(self, at: int) -> int | None:
        """`the former is white, the latter blue`, `the second one is small`: one of the things just named."""
        words, clause = self.words, self.clause
        if words[at] != "the" or words[at + 1 : at + 2] == [] or words[at + 1] not in _RANKS:
            return None
        end = at + 2 + (words[at + 2 : at + 3] == ["one"])
        self.ranked = self.ranked if words[at + 1] in {"latter", "second", "third", "last"} and self.ranked else []
        ranked = self.ranked or clause.group if len(clause.group) > 1 else self.ranked or self.topic
        rank = _RANKS[words[at + 1]]
        if not self._tells(end) or not (rank < len(ranked) and len(ranked) > 1):
            return None
        self.ranked = list(ranked)
        return self._about(ranked[rank], at, end)

    def _part(self, at: int) -> int | None:
        """`one is pink, the other is brown`: some of several, of which more is said."""
        words, reading = self.words, self.reading
        begin = at + (words[at] == "the")
        if begin >= len(words) or not reading.has_several:
            return None
        rest = begin > at and words[begin] in _RESTING
        amount = 1 if begin > at and words[begin] in _RANKS else number(words[at])
        if words[at] == "half":
            amount = reading.several().count // 2
        end = begin + 1 + (begin > at and words[begin + 1 : begin + 2] == ["one"])
        among = words[end : end + 2] in (["of", "them"], ["of", "these"], ["of", "those"])
        end += 2 * among
        if not (rest or amount) or not self._tells(end) or not (rest or among or words[end] in BE or begin > at):
            return None
        return self._about(reading.take(None if rest else amount, end), at, end)

    def _tells(self, at: int) -> bool:
        """True if how a thing is, or where, is told at `at`: `is …`, `white`, `in the top left`."""
        if at >= len(self.words):
            return False
        position = read_position(self.words, at)
        return self.words[at] in BE or position is not None or bool(read_looks(self.words, at)[0])

    def _about(self, thing: int, at: int, end: int) -> int:
        """What follows is said of this thing, which quotes the words that mean it."""
        self.reading.things[thing].end = max(end, self.reading.things[thing].end)
        self.clause.group, self.clause.nearest = [thing], [thing]
        verb_follows = self.words[end : end + 1] != [] and self.words[end] not in BE
        self.clause.link, self.clause.predicative = ("verb", True) if verb_follows else ("", False)
        return self.reading.cover(at, end)

    def _so(self, at: int) -> int | None:
        """`and so is the chair`: it looks as what was spoken of last."""
        words = self.words
        if words[at] not in {"so", "as"} or words[at + 1 : at + 2] == [] or words[at + 1] not in BE:
            return None
        phrase = read_thing(words, at + 2)
        if phrase is None or not self.last_looks:
            return None
        things = self._mention(phrase)
        self._add_looks(things, self.last_looks)
        self.clause.nearest = things
        return self.reading.cover(at, phrase.end)

    def _too(self, at: int) -> int | None:
        """`the lamp is yellow, the vase too`."""
        words, nearest = self.words, self.clause.nearest
        said = words[at] == "too" or words[at : at + 2] == ["as", "well"]
        if not said or len(nearest) != 1 or not self.last_looks:
            return None
        thing = self.reading.things[nearest[0]]
        if thing.end != at or words[thing.start] != "the" or thing.attributes:
            return None
        self._add_looks(nearest, self.last_looks)
        return self.reading.cover(at, at + 1)

    def _mention(self, phrase: NounPhrase) -> list[int]:
        """`left of the latter`: one of two that were named."""
        pair = self.ranked or (self.clause.group if len(self.clause.group) > 1 else self.topic)
        if phrase.noun in {"former", "latter"} and len(pair) > 1:
            self.reading.cover(phrase.start, phrase.end)
            return [pair[_RANKS[phrase.noun]]]
        if self.reading.has_several and self.reading.several().is_a(phrase) and self._is_one_of(phrase):
            rest = phrase.determiner == "another"
            self.reading.cover(phrase.start, phrase.end)
            return [self.reading.take(None if rest else phrase.count, phrase.end, phrase.attributes)]
        return super()._mention(phrase)

    def _is_one_of(self, phrase: NounPhrase) -> bool:
        """`two boats: one boat is red, the other boat …`"""
        words, several = self.words, self.reading.several()
        if words[phrase.start : phrase.start + 2] == ["the", "other"]:
            return self.reading.is_parted
        verb_follows = words[phrase.end : phrase.end + 1] != [] and words[phrase.end] in BE
        return verb_follows and phrase.said_count and not phrase.determiner and phrase.count < several.count

    def _same(self, at: int) -> int | None:
        """`a red book and a cup in the same colour`: the one colour that was named, or else not understood."""
        words = self.words
        begin = at + (words[at] in {"in", "of", "with"})
        begin += words[begin : begin + 1] == ["the"]
        if words[begin : begin + 1] != ["same"] or words[begin + 1 : begin + 2] == []:
            return None
        kind, end = _KINDS.get(words[begin + 1]), begin + 2
        if kind is None:
            return None
        compared = read_thing(words, end + 1) if words[end : end + 1] == ["as"] else None
        things = self.reading.things
        donors = list(range(len(things)))
        if compared is not None:
            donors = [one for one in donors if things[one].is_a(compared)][-1:]
            end = compared.end
        looks: list[Attribute] = [look for one in donors for look in things[one].attributes if look.kind == kind]
        lacking = [one for one in self.clause.group if kind not in things[one].kinds]
        if len({look.value for look in looks}) != 1 or not lacking or not bounded(words, end):
            return end
        self._add_looks(lacking, looks[:1])
        for thing in lacking:
            things[thing].end = max(end, things[thing].end)
        return self.reading.cover(at, end)

    def _named_later(self, at: int) -> int | None:
        """`a green one and a red one, both apples`: what they are."""
        unnamed = [thing for thing in self.reading.things if thing.noun in {"one", "ones"}]
        if not unnamed or self.words[at] not in {"both", "all"}:
            return None
        phrase = read_noun_phrase(self.words, at)
        if phrase is None or not phrase.noun or phrase.attributes or not is_plural(self.words[phrase.end - 1]):
            return None
        for thing in unnamed:
            thing.noun, thing.head, thing.end = phrase.noun, phrase.head, phrase.end
        return self.reading.cover(at, phrase.end)
