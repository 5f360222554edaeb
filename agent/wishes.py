"""What a wish about a given picture asks for: its changes, read by verbs; noun phrases are the prompt grammar's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from muralist.parsing import parse_prompt
from muralist.tools.errors import BadPrompt
from muralist.tools.scene import Attribute, Entity, Scene
from muralist.tools.words import GROUNDS, POINTING, stem, words

Kind = Literal["show", "add", "remove", "recolour", "move", "replace"]

KINDS = (
    "wishes are such as 'make the turtle blue', 'remove the cup', 'move the cat to the left', 'add a red car', "
    "'replace the dog by a cat', or a description of what has to be there"
)

_POLITE = re.compile(r"^\W*(?:please|now|then|also|and|i want you to|i want to|(?:can|could|would) you)\b[\s,]*")
_REMOVE = r"remove|delete|erase|get rid of|cut out|clear|drop|without|no"
_REPLACE = r"replace|swap|exchange"
_MAKE = r"make|turn|change|recolou?r|colou?r|dye|paint"
_MOVE = r"move|shift|bring|push|drag|slide"
_PUT = r"put|place|set"
_ADD = r"add|insert|include|draw|give (?:me|it)"
_VERB = "|".join([_REMOVE, "take", _REPLACE, _MAKE, _MOVE, _PUT, _ADD])
_PARTING = re.compile(rf"(?:\s*(?:[;.,]|\band\b|\bthen\b))+\s*(?=(?:please |also )?(?:{_VERB})\b)")
_MORE = re.compile(r"\b(?:more|additional|extra|further)\b")
_ANOTHER = re.compile(rf"{_MORE.pattern}|\banother\b")
_REPAINTED = frozenset({"colour", "material", "texture"})
_GROUND = GROUNDS | {"ground", "background"}
_SIDES = {"up": "to the top", "upwards": "to the top", "down": "to the bottom", "downwards": "to the bottom"}
_SLIGHTLY = re.compile(r"\b(?:further|farther|a bit|a little|slightly|over|more)\b")

ALL_OF_IT = frozenset({"everything", "thing"})
"""Nouns for all that there is: `make everything blue`, `remove all things`."""
THEN_NAMED = POINTING - {"everything", "things"}
"""Nouns for what was spoken of last."""


@dataclass(frozen=True)
class Change:
    """One change. `named` are the things that it speaks of, as the grammar reads them: of `show` and `add` those that
    the picture has to show, else first those that are on it. `into` is what a thing is replaced by, `looks` how it has
    to look.
    """

    kind: Kind
    text: str
    named: Scene
    into: Entity | None = None
    looks: tuple[Attribute, ...] = ()


def read_wish(wish: str) -> list[Change]:
    """The changes in order; what begins with no verb of change describes what has to be there (`show`).

    Raises BadPrompt, in one line that says what can be wished for, for a change that cannot be read or done.
    """
    return [_change(_POLITE.sub("", part)) for part in _PARTING.split(wish.strip().lower()) if re.search(r"\w", part)]


def named_in(wish: str) -> list[str]:
    """The nouns of a wish; none of one that cannot be read."""
    try:
        return [entity.noun for change in read_wish(wish) for entity in change.named.entities]
    except BadPrompt:
        return []


def _change(text: str) -> Change:
    text = text.strip(" .,;!")

    def after(verbs: str) -> str:
        """What follows one of these verbs; empty if another one begins the change."""
        return text[match.end() :].strip() if (match := re.match(rf"(?:{verbs})\b", text)) else ""

    if match := re.fullmatch(r"take (?:(?:away|out|off) (.+)|(.+) (?:away|out|off))", text):
        return Change("remove", text, _things(match[1] or match[2], text))
    if match := re.fullmatch(rf"(?:(?:{_ADD}|{_PUT}|{_MAKE}) )?(.+) instead of (.+)", text):
        return _replaced(text, match[2], match[1])
    if rest := after(_REMOVE):
        return Change("remove", text, _things(rest, text))
    if match := re.fullmatch(r"(.+?) (?:by|with|for|against) (.+)", after(_REPLACE)):
        return _replaced(text, match[1], match[2])
    if made := _made(text, re.sub(r"^the colou?r of ", "", after(_MAKE))):
        return made
    if rest := after(_MOVE) or (after(_PUT) if _is_known(after(_PUT)) else ""):
        return _moved(text, rest)
    if rest := after(rf"{_ADD}|{_PUT}|paint"):
        return _added(text, rest)
    if re.match(rf"(?:{_VERB})\b", text):
        raise _unread(text)
    return _added(text, text) if _ANOTHER.search(text) else Change("show", text, parse_prompt(text))


def _added(text: str, rest: str) -> Change:
    """Read without its `more`, and quoted with it."""
    plain = re.sub(r"\s+", " ", _MORE.sub(" ", rest)).strip()
    named = _things(plain, text)
    if plain == rest:
        return Change("add", text, named)
    between = rf"(?:\s+(?:{_MORE.pattern}))*\s+"
    spans = [re.search(between.join(map(re.escape, each.span.split())), text) for each in named.entities]
    quoted = [
        each if span is None else each.model_copy(update={"span": span[0]})
        for each, span in zip(named.entities, spans, strict=True)
    ]
    return Change("add", text, named.model_copy(update={"entities": quoted}))


def _made(text: str, rest: str) -> Change | None:
    """`the car red`, `the car into a red one`, `the dog a cat`; None if it is none of these."""
    said = rest.split()
    for at in (len(said) - 2, len(said) - 1):
        if at > 0 and (looks := _looks(" ".join(said[at:]))):
            who = re.sub(r"(?:\s(?:in|to|into|of|be|all))+$", "", " ".join(said[:at]))
            return Change("recolour", text, _things(who, text), looks=looks)
    match = re.fullmatch(r"(.+?) (?:(?:in)?to|be|as) (.+)", rest) or re.fullmatch(r"(.+?) (an? .+)", rest)
    return _replaced(text, match[1], match[2]) if match else None


def _looks(phrase: str) -> tuple[Attribute, ...]:
    """The colour, material or texture that a phrase is, such as `light blue`; empty if it is anything else."""
    (thing, *others) = parse_prompt(f"a {phrase} thing").entities
    stated = not others and thing.noun == "thing" and all(look.kind in _REPAINTED for look in thing.attributes)
    return tuple(thing.attributes) if stated else ()


def _replaced(text: str, old: str, new: str) -> Change:
    named = _things(old, text)
    (into, *others) = _things(re.sub(r"\bones?$", named.entities[0].noun, new), text).entities
    if others:
        raise _unread(text)
    if into.noun == named.entities[0].noun:
        return Change("recolour", text, named, looks=tuple(into.attributes))
    return Change("replace", text, named, into=into)


def _moved(text: str, rest: str) -> Change:
    first, *others = [_SIDES.get(word, word) for word in _SLIGHTLY.sub("", rest).split()] or [""]
    pointed = first in POINTING  # which the grammar does not take for a thing that is somewhere
    named = _things(" ".join(["the thing" if pointed else first, *others]), text)
    if pointed:
        it = named.entities[0].model_copy(update={"noun": first, "span": first})
        named = named.model_copy(update={"entities": [it, *named.entities[1:]]})
    subjects = {relation.subject for relation in named.relations}
    if named.entities[0].place is None and named.entities[0].id not in subjects:
        raise _unread(text)
    return Change("move", text, named)


def _things(phrase: str, text: str) -> Scene:
    """What a phrase names, which has to be understood to the last word. Raises BadPrompt."""
    if _GROUND & set(words(phrase)) and not _GROUND.isdisjoint(each.noun for each in _read(phrase, text).entities):
        raise BadPrompt(
            f"'{text}' cannot be done: only things in boxes are repainted, and the ground stays as it is; draw a new "
            "picture for another ground"
        )
    named = _read(phrase, text)
    if named.unparsed or named.claims or named.absent:
        raise _unread(text)
    return named


def _read(phrase: str, text: str) -> Scene:
    if not re.search(r"\w", phrase):
        raise _unread(text)
    return parse_prompt(" ".join(phrase.split()))


def _is_known(phrase: str) -> bool:
    """`the cat`: a thing that is there already; `a cat` is a new one."""
    return re.match(r"(?:the|this|that|these|those|all|both)\b", phrase) is not None


def _unread(text: str) -> BadPrompt:
    return BadPrompt(f"'{text}' cannot be read as a change: {KINDS}")


def amount(entity: Entity) -> int | None:
    """How many of the things that go by its name are meant; None for all: `the cups`, `all cups`, `cups`."""
    first, *_ = words(entity.span)
    if (
        first in {"all", "both", "every", "each"}
        or entity.noun in ALL_OF_IT | THEN_NAMED
        or (entity.count > 1 and _is_bare(first, entity))
    ):
        return None
    return entity.count


def is_definite(entity: Entity) -> bool:
    """`the cup`: one that can be told from all others."""
    first, *_ = words(entity.span)
    return entity.count == 1 and amount(entity) is not None and _is_bare(first, entity)


def _is_bare(first: str, entity: Entity) -> bool:
    return _is_known(first) or stem(first) in {stem(word) for word in words(entity.name)}
