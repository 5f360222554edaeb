"""What a prompt should be read as, written in one line, and how a scene differs from it.

    many brown: shoe; small, round: table | 0 on/above 1; ? 0 next to 1

Things are separated by `;`, attributes stand before `:`, and a number or `many` (more than one, how many is left open)
before them. Relations number the things; `/` separates what is equally right, `?` marks what may be missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from muralist.tools.scene import AttributeKind, Entity, Scene
from muralist.tools.words import stems

_RELATION = re.compile(r"(\?)? ?([\d/]+) ([a-z /]+) (\d+(?: \d+)?)")


@dataclass(frozen=True)
class Thing:
    """An entity to be found; `count` None is any number above one, `attributes` None are any.

    `kinds`, if given, are what its attributes may be.
    """

    noun: str
    attributes: frozenset[str] | None = frozenset()
    count: int | None = 1
    kinds: frozenset[AttributeKind] | None = None

    def fits(self, entity: Entity) -> bool:
        """True if noun, attributes and number are the same."""
        said = {attribute.value.replace("-", " ") for attribute in entity.attributes}
        wanted = said if self.attributes is None else {value.replace("-", " ") for value in self.attributes}
        counted = entity.count > 1 if self.count is None else entity.count == self.count
        kinds = self.kinds is None or {attribute.kind for attribute in entity.attributes} <= self.kinds
        return counted and kinds and said == wanted and entity.noun == self.noun

    def __str__(self) -> str:
        amount = {None: "many ", 1: ""}.get(self.count, f"{self.count} ")
        looks = ", ".join(sorted(self.attributes or ()))
        return f"{amount}{looks}{': ' if looks else ''}{self.noun}"


@dataclass(frozen=True)
class Named:
    """An entity to be found by all its words: the first describes, which others do and how many there are is open."""

    words: str

    def fits(self, entity: Entity) -> bool:
        """True if it says the same words, and the first as an attribute."""
        first = self.words.split()[0]
        described = any(first in attribute.value.split() for attribute in entity.attributes)
        return described and stems(entity.name) == stems(self.words)

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Link:
    """A relation between things by their number; any of the subjects and predicates is right."""

    subjects: frozenset[int]
    predicates: frozenset[str]
    objects: tuple[int, ...]
    optional: bool = False

    def __str__(self) -> str:
        subjects = "/".join(map(str, sorted(self.subjects)))
        return f"{subjects} {'/'.join(sorted(self.predicates))} {' '.join(map(str, self.objects))}"


@dataclass(frozen=True)
class Expectation:
    """Things in order of mention and the relations between them; `open_ended`: there may be more."""

    things: tuple[Thing | Named, ...]
    links: tuple[Link, ...] = ()
    open_ended: bool = False


@dataclass(frozen=True)
class Comparison:
    """How much of an expectation a scene meets, and in words what it does not."""

    things: int
    things_found: int
    links: int
    links_found: int
    differences: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.differences


def read(things: str, links: str = "") -> Expectation:
    """The expectation that the two halves of a line stand for. Raises ValueError if a relation cannot be read."""
    return Expectation(
        tuple(_thing(text.strip()) for text in things.split(";") if text.strip()),
        tuple(_link(text.strip()) for text in links.split(";") if text.strip()),
    )


def _thing(text: str) -> Thing:
    amount, _, rest = text.partition(" ")
    count = int(amount) if amount.isdecimal() else {"many": None}.get(amount, 1)
    named = rest if amount.isdecimal() or amount == "many" else text
    looks, _, noun = named.rpartition(":")
    return Thing(noun.strip(), frozenset(filter(None, map(str.strip, looks.split(",")))), count)


def _link(text: str) -> Link:
    match = _RELATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no relation: write it like '0 on 1'")
    optional, subjects, predicates, objects = match.groups()
    return Link(
        frozenset(map(int, subjects.split("/"))),
        frozenset(predicates.split("/")),
        tuple(map(int, objects.split())),
        bool(optional),
    )


def compare(scene: Scene, expected: Expectation) -> Comparison:
    """Things are matched by what they are, not by order; a relation counts only between things that were found."""
    free = list(scene.entities)
    ids: dict[int, str] = {}
    differences = []
    for number, thing in enumerate(expected.things):
        entity = next((entity for entity in free if thing.fits(entity)), None)
        if entity is None:
            differences.append(f"no '{thing}'")
        else:
            free.remove(entity)
            ids[number] = entity.id
    stated = {(relation.subject, relation.predicate, tuple(relation.objects)) for relation in scene.relations}
    wanted = [link for link in expected.links if not link.optional]
    found = 0
    for link in expected.links:
        objects = tuple(ids.get(number, "?") for number in link.objects)
        meant = {
            (ids.get(s, "?"), p, o) for s in link.subjects for p in link.predicates for o in (objects, objects[::-1])
        }
        hit = {each for each in meant & stated if each[2] == objects or len(objects) > 1}
        stated -= hit
        found += bool(hit) and not link.optional
        if not hit and not link.optional:
            differences.append(f"no '{link}'")
    if not expected.open_ended:
        differences += [f"'{entity.count} {entity.name}' too many" for entity in free]
        differences += [
            f"'{' '.join((subject, predicate, *objects))}' too many" for subject, predicate, objects in stated
        ]
    return Comparison(len(expected.things), len(ids), len(wanted), found, tuple(differences))
