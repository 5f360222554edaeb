"""How things stand to each other and on the canvas.

A position phrase belongs to the nearest thing before it; behind a verb, or behind `and` or a comma, it belongs to what
the clause is about. One without an object (`below it`, `underneath`, `to its left`) is relative to what was spoken of
before; at the head of a clause it waits for its thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from muralist.tools.predicates import PREDICATES, PredicateName
from muralist.tools.scene import Place
from muralist.tools.words import with_article

from .asking import quoted
from .coordination import bounded, read_looks
from .mentioning import Mentioning
from .noun_phrase import NounPhrase, is_abstract, read_noun_phrase
from .positions import Position, read_position
from .sequence import read_order
from .surroundings import COVERED, holds_nothing, is_worn
from .verbs import is_gerund, is_noun_like, is_verb_form
from .words import BE, CLAUSE_WORDS, CONJUNCTIONS, ENDS, INDEFINITE, POSITION_VERBS, PREPOSITIONS, PRONOUNS, SURFACES

_EACH_OTHER = (["each", "other"], ["one", "another"])


class Standing(Mentioning):
    """Reads places and relations."""

    def _position(self, at: int, position: Position) -> int:
        end = at + position.length
        if position.place is not None:
            return self._place(at, end, position, position.place)
        if position.about_pronoun:
            return self._anaphor(at, end, position.predicates) or end
        predicates = position.predicates
        # `above and to the left of X`: both hold.
        while end + 1 < len(self.words) and self.words[end] in {"and", ","}:
            more = read_position(self.words, end + 1)
            if more is None or not more.predicates:
                break
            predicates, end = (*predicates, *more.predicates), end + 1 + more.length
        return self._relate(at, end, predicates, position.alone)

    def _place(self, at: int, end: int, position: Position, place: Place) -> int:
        clause = self.clause
        if position.alone and not clause.sides:
            # `to the left`: of what was spoken of, if anything was.
            behind = self._anaphor(at, end, position.predicates)
            if behind is not None:
                return behind
        if not clause.group or position.heading or self._leads(at, end):
            if clause.waiting_place not in {None, place}:
                self.reading.covered -= clause.ahead
            clause.waiting_place = place
            clause.lead(range(at, end))
            is_said = position.heading and end < len(self.words) and self.words[end] in BE
            return self.reading.cover(at, end + is_said)
        subjects = clause.nearest[-1:] if clause.link != "verb" else clause.nearest
        host = [thing for thing in clause.host if thing not in subjects]
        elsewhere = False  # a cat in the top left in the bottom right: what is meant remains open
        for thing in subjects:
            if host and place != "centre":
                # `a horse, with a cat on the left`: of the horse.
                self.reading.relate([thing], position.predicates, host[-1:])
                continue
            known = self.reading.things[thing]
            if position.alone and known.place is None:
                clause.sides.append((thing, position.predicates))
            known.place = known.place or place
            elsewhere = elsewhere or known.place != place
        clause.closed, clause.brought = True, []
        return end if elsewhere else self.reading.cover(at, end)

    def _leads(self, at: int, end: int) -> bool:
        """True if what stands from `at` to `end` is at the head of its clause, with its thing still to come."""
        words = self.words
        trailing = words[at - 1 : at] == [","] and words[end : end + 1] == [","] and self.clause.nearest
        if trailing and words[at] not in PREPOSITIONS and self.reading.things[self.clause.nearest[-1]].place is None:
            return False  # a lamp, top left, a chair, …
        if at and words[at - 1][0].isalnum() and words[at - 1] not in CONJUNCTIONS | CLAUSE_WORDS | {"with"}:
            return False
        return self._begins_thing(end)

    def _anaphor(self, at: int, end: int, predicates: tuple[PredicateName, ...], plural: bool = False) -> int | None:
        """A relation to what was spoken of before; the word behind it, or None if nothing was."""
        clause = self.clause
        if self._on_ground(at, end, predicates):
            return self.reading.cover(at, end)
        if self._leads(at, end):
            spoken = self.referent or clause.landmark or clause.group or self.topic
            spoken = spoken if plural else spoken[-1:]
            clause.waiting += [(predicates, spoken)] if spoken else []
            clause.lead(range(at, end))
        else:
            placed = [thing for thing in clause.brought if thing not in clause.owner] or clause.nearest
            others = [thing for thing in clause.group if thing not in placed]
            known = self.referent or (clause.owner if clause.brought else []) or others or clause.landmark or self.topic
            subjects = [thing for thing in placed if thing not in known] if known else placed[-1:]
            spoken = known or [thing for thing in clause.group if thing not in subjects]
            spoken = (spoken if plural else spoken[-1:]) if subjects else []
            self.reading.relate(subjects, predicates, spoken)
            clause.closed, clause.brought = True, []
        if not spoken:
            return None
        self.referent, clause.anaphoric = list(spoken), True
        return self.reading.cover(at, end)

    def _on_ground(self, at: int, end: int, predicates: tuple[PredicateName, ...]) -> bool:
        """`snow with a red apple on it`: on what the picture stands on anyway."""
        if self.reading.background is None or predicates not in (("on",), ("inside",)):
            return False
        nothing_else = len(self.reading.things) <= len(self.clause.nearest) or self.clause.on_ground
        return nothing_else and (bool(self.clause.nearest) or self._leads(at, end))

    def _relate(self, at: int, end: int, predicates: tuple[PredicateName, ...], alone: bool = False) -> int:
        """A relation phrase from `at` to `end`, then its objects, unless it may stand `alone`."""
        clause, words = self.clause, self.words
        coordinated = clause.link in {"and", ",", ", and"} and clause.last_subjects
        subjects = list(clause.last_subjects if coordinated else clause.nearest)
        owned = words[end : end + 1] == ["her"] and is_noun_like(words, end + 1)
        if end < len(words) and words[end] in PRONOUNS and not owned:
            return self._anaphor(at, end + 1, predicates, words[end] in {"them", "they"}) or end + 1
        phrase = read_noun_phrase(words, end)
        if phrase is None and words[at:end] == ["in", "between"]:
            return self._anaphor(at, end, predicates, plural=True) or end
        if phrase is None and alone:
            return self._anaphor(at, end, predicates) or end
        if phrase is None or (is_gerund(words, end) and (phrase.end == end + 1 or phrase.noun in INDEFINITE)):
            return end  # absorbed in creating something: nothing that one could be inside of
        if (behind := self._as_background(at, predicates, phrase)) is not None:
            return behind
        if not phrase.noun:
            # `a car in red`: looks, not a second thing.
            self.reading.cover(at, end)
            kinds = {look.kind for look in phrase.attributes}
            lacking = [one for one in subjects if not kinds & self.reading.things[one].kinds]
            return self._described(phrase, lacking or subjects)
        if phrase.head in {"color", "colour"} and (looks := read_looks(words, phrase.end)) and looks[0]:
            self._add_looks(subjects, looks[0])
            return self.reading.cover(at, looks[1])
        if is_abstract(phrase) or (words[at] == "in" and holds_nothing(phrase)):
            return phrase.end
        if words[at] == "in" and (is_worn(phrase) or words[at - 1] in COVERED):
            self.reading.mention(phrase)
            return max(self.reading.cover(at, end), phrase.end)
        objects, stop = self._objects(phrase, predicates)
        if words[at] == "at" and predicates == ("inside",):
            predicates = ("next to",)
        self.reading.cover(at, end)
        clause.link, clause.closed, clause.predicative, clause.brought = "", True, False, []
        clause.landmark = objects
        if set(subjects) <= set(objects) and self._begins_thing(stop):
            subjects = []  # a cat, and below the cat there is a dog
        if subjects:
            self.reading.relate(subjects, predicates, objects)
            for thing, sided in clause.sides:
                # `a cat to the left and a dog to the right of a horse`
                self.reading.relate([thing], sided, objects)
                self.reading.things[thing].place = None
            clause.sides = []
            clause.last_subjects = subjects
            # What is on the wall above the couch is itself above the couch.
            bare = phrase.definite and not phrase.attributes and phrase.head in SURFACES
            clause.nearest = list(subjects) if bare else objects[-1:]
        else:
            clause.waiting.append((predicates, objects))
            clause.lead(range(at, end))
        if (_takes_two(predicates) and not self._are_two(objects)) or (subjects and set(objects) <= set(subjects)):
            self.reading.covered -= set(range(at, end))  # between a cat; the cup beside the cup
        return stop

    def _begins_thing(self, at: int) -> bool:
        """True if what stands so is named at word `at`, be it behind `there is`."""
        at += self.words[at : at + 1] in ([","], [":"])
        while at < len(self.words) and (self.words[at] in BE | {"there", " "} or self.words[at] in POSITION_VERBS):
            at += 1
        return at < len(self.words) and read_noun_phrase(self.words, at) is not None

    def _are_two(self, things: Sequence[int]) -> bool:
        return len(things) > 1 or any(self.reading.things[thing].count > 1 for thing in things)

    def _objects(self, phrase: NounPhrase, predicates: tuple[PredicateName, ...]) -> tuple[list[int], int]:
        """The thing or things a relation leads to: two for `between`, and a closing `… and a dog`."""
        phrases, words, at = [phrase], self.words, phrase.end
        while at + 1 < len(words) and words[at] == "and" and not is_verb_form(words, at + 1):
            more = read_noun_phrase(words, at + 1)
            if more is None or not more.noun:
                break
            phrases.append(more)
            at = more.end
        closing = at >= len(words) or words[at] in ENDS
        if _takes_two(predicates):
            phrases = phrases[:2]
        elif not closing:
            phrases = phrases[:1]
        objects = [thing for each in phrases for thing in self._mention(each)]
        for each, following in pairwise(phrases):
            self.reading.cover(each.end, following.start)
        return objects, phrases[-1].end

    def _order(self, at: int) -> int | None:
        order = read_order(self.words, at)
        if order is None:
            return None
        self.clause.order = order
        return self.reading.cover(at, order.end)

    def _formation(self, at: int) -> int | None:
        """How several of a thing, or the things of a clause, stand: in each corner, on both sides, side by side."""
        for stands in (self._each_corner, self._both_sides, self._each_other):
            if (end := stands(at)) is not None:
                return end
        return None

    def _each_corner(self, at: int) -> int | None:
        """`a cup in each corner` are four entities; `four cups, one in each corner` as well."""
        words = self.words
        end = at + 2 + (words[at + 2 : at + 3] in (["the"], ["four"])) + (words[at + 2 : at + 4] == ["the", "four"])
        said = words[at] in {"in", "at", "on"} and words[at + 1 : at + 2] in (["each"], ["every"], ["all"], ["the"])
        if not said or words[end : end + 1] not in (["corner"], ["corners"]):
            return None
        each = words[at + 1] in {"each", "every"}
        at -= words[at - 1] == "one"
        nearest = self.clause.nearest[-1:]
        if words[end - 1] == "the" and words[end - 2] in {"in", "at", "on"}:
            return None
        if not nearest or not self.reading.put_in_corners(nearest[0], end + 1, each):
            return end + 1
        self.clause.closed = True
        return self.reading.cover(at, end + 1)

    def _both_sides(self, at: int) -> int | None:
        """`a dog on either side`: of one there are two."""
        words = self.words
        side = words[at : at + 1] == ["on"] and words[at + 1 : at + 2] in (["either"], ["both"], ["each"])
        if not side or words[at + 2 : at + 3] not in (["side"], ["sides"]) or words[at + 3 : at + 4] == ["of"]:
            return None
        if not self.clause.nearest:
            return at + 3
        thing = self.reading.things[self.clause.nearest[-1]]
        thing.count = max(2, thing.count)
        self.reading.claims.append(f"Is there {with_article(thing.noun)} {quoted(words, at, at + 3)}?")
        return self.reading.cover(at, at + 3)

    def _each_other(self, at: int) -> int | None:
        """`next to each other`, `side by side`, `one above the other`: how the things of a clause stand."""
        words, clause = self.words, self.clause
        position = read_position(words, at)
        predicates: tuple[PredicateName, ...] = ("next to",)
        if words[at : at + 3] == ["side", "by", "side"] and words[at + 3 : at + 4] != ["with"]:
            end = at + 3
        elif position is not None and position.predicates and words[at + position.length :][:2] in _EACH_OTHER:
            end, predicates = at + position.length + 2, position.predicates
        elif position is not None and position.predicates and words[at + position.length :][:2] == ["the", "other"]:
            end = at + position.length + 2
            return self._above_the_other(at, end) if bounded(words, end) else None
        else:
            return None
        group = clause.group or self.topic
        if not group:
            return None
        if len(group) == 2 and predicates == ("next to",) and all(self.reading.things[one].count == 1 for one in group):
            self.reading.relate(group[:1], predicates, group[1:])
        else:
            self.reading.claims.append(f"Are they {quoted(words, at, end)}?")
        return self.reading.cover(at, end)

    def _above_the_other(self, at: int, end: int) -> int | None:
        """`one cat above the other` are two cats."""
        if not self.clause.nearest:
            return None
        thing = self.reading.things[self.clause.nearest[-1]]
        if len(self.clause.group) < 2:
            thing.count = max(2, thing.count)
        self.reading.claims.append(f"Is one {thing.noun} {quoted(self.words, at, end)}?")
        return self.reading.cover(at - (self.words[at - 1] == "one"), end)


def _takes_two(predicates: Sequence[PredicateName]) -> bool:
    return any(PREDICATES[predicate].objects > 1 for predicate in predicates)
