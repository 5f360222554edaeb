"""What a sentence, or a part of one, is about so far; and whether its next word is a verb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from muralist.tools.predicates import PREDICATES, PredicateName, by_comma
from muralist.tools.scene import Place

from .lexicon import listed
from .numbers import number
from .sequence import Order
from .verbs import is_adverb, is_noun_like, is_verb_form
from .words import DETERMINERS, POSITION_VERBS, PREPOSITIONS, PRONOUNS, VERB_STEMS

VERB_RELATIONS = {verb: each.name for each in PREDICATES.values() for verb in by_comma(each.verbs)}
"""Verbs that say by themselves how what they join stands."""


@dataclass
class Clause:
    """Things by number: `group` is what the clause is about, `nearest` what a phrase that follows belongs to.

    `waiting` are relations whose subject is yet to come (`above the cup is …`), said by the words `ahead`; `led`
    those of the thing that came, which `and` shares. `link` is what was read last: `and`, a comma, `with`, `verb`,
    or `ahead` where a thing has to follow. `closed`: what follows `and` is a new subject. `predicative`: a form of
    `be` was read. `anaphoric`: the clause speaks of what was mentioned before. `landmark` is what the latest
    relation led to. `owner` is what stands before `with`, `brought` are the things behind it that nothing is said of
    yet; `host` is an owner by which everything behind `…, with` stands. `sides` are things said to be on a side, be
    it of the picture or of what is named later; `order` is how the group stands. `on_ground`:
    what `with` brings stands on the ground that was named.
    """

    group: list[int] = field(default_factory=list)
    nearest: list[int] = field(default_factory=list)
    last_subjects: list[int] = field(default_factory=list)
    waiting: list[tuple[tuple[PredicateName, ...], list[int]]] = field(default_factory=list)
    led: list[tuple[tuple[PredicateName, ...], list[int]]] = field(default_factory=list)
    waiting_place: Place | None = None
    ahead: set[int] = field(default_factory=set)
    link: str = ""
    closed: bool = False
    predicative: bool = False
    host: list[int] = field(default_factory=list)
    landmark: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    brought: list[int] = field(default_factory=list)
    sides: list[tuple[int, tuple[PredicateName, ...]]] = field(default_factory=list)
    order: Order | None = None
    anaphoric: bool = False
    on_ground: bool = False

    @property
    def continues(self) -> bool:
        """True if a thing that comes now belongs to what the clause is about already."""
        open_list = self.link in {"and", ", and", ","} and not self.closed
        return bool(self.group) and (open_list or self.link in {"with", "verb"})

    def lead(self, words: range) -> None:
        """Have these words wait for their thing."""
        self.link = "ahead"
        self.ahead.update(words)

    def join(self, things: Sequence[int]) -> None:
        """Add the things to what the clause is about, or start anew with them."""
        if not self.continues:
            self.group, self.last_subjects = list(things), []
        elif self.link not in {"with", "verb"}:
            self.group += things
        self.nearest = list(self.group) if self.link in {"and", ", and"} else list(things)
        self.closed = self.closed and self.link in {"with", "verb"}
        self.brought += things if self.owner else []
        self.waiting, self.waiting_place, self.ahead = [], None, set()
        self.link, self.predicative = "", False

    def takes_for_verb(self, words: Sequence[str], at: int) -> bool:
        """True if the word at `at` is a verb or an adverb where the clause stands now."""
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        if is_adverb(word) and not (following.endswith("ed") and is_noun_like(words, at + 2)):
            return True
        if self.link == "verb" and self.predicative and word.endswith("ing") and listed(word) is None:
            return len(word) > 4
        if word in VERB_RELATIONS and self.group:
            return True
        if self.link == "verb" and self.predicative and (_describes(word) or not is_verb_form(words, at)):
            return False
        if is_verb_form(words, at):
            return bool(self.group or self.waiting) or word in POSITION_VERBS or not is_noun_like(words, at + 1)
        if not self.nearest or self.link not in {"", "and", "verb"}:
            return False
        opens = word in DETERMINERS or number(word) is not None or listed(word) is not None or word == words[at - 1]
        if not self.link and words[at - 1][0].isalnum() and not opens:
            return True  # where a noun phrase ended without a word in between, no other one begins
        stems = {word, word[:-1], word[:-2]} if word.endswith("s") else {word}
        return bool(stems & VERB_STEMS) and (self.link != "and" or following in PREPOSITIONS | PRONOUNS)


def _describes(word: str) -> bool:
    """`striped`, `wooden`: behind `is` a look, while what is `blooming` does something."""
    return listed(word) is not None and not word.endswith("ing")
