"""What a detector sees on a given picture, before anything is asked about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .box_verdicts import SAME
from .detection import Detection
from .geometry import place_of
from .scene import Attribute, Entity
from .verdict import PASS_AT
from .words import with_article, with_ground

MOST = 12
"""Things that can be kept; a scene holds sixteen, and there has to be room for what is wished for."""


@dataclass(frozen=True)
class Observation:
    """The things on a picture, surest first, and the ground that they stand on, if that can be told."""

    things: Sequence[Detection]
    ground: str | None = None

    @property
    def kinds(self) -> list[Entity]:
        """Its things as entities: those of one noun and one colour together, with their number.

        A colour is told if it is as sure as an answer has to be; a place, if there is one thing, well inside of it.
        """
        return [kind for kind, _ in self._kinds()]

    @property
    def doubtful(self) -> set[str]:
        """Ids of kinds that nobody could vouch for: badly formed, or not surely there."""
        return {kind.id for kind, things in self._kinds() if not _is_clear(things[0])}

    def _kinds(self) -> list[tuple[Entity, list[Detection]]]:
        looks: dict[tuple[str, str, bool], list[Detection]] = {}
        for thing in self._whole()[:MOST]:
            colour = thing.colour if thing.colours.get(thing.colour, 0.0) >= PASS_AT else ""
            looks.setdefault((thing.noun, colour, _is_clear(thing)), []).append(thing)
        found: list[Entity] = []
        for (noun, colour, _), alike in looks.items():
            kind = Entity(
                id=unused(noun, found),
                noun=noun,
                attributes=[Attribute(kind="colour", value=colour)] if colour else [],
                count=len(alike),
                place=place_of(alike[0].box) if len(alike) == 1 else None,
                span=noun,
            )
            found.append(kind)
        return list(zip(found, looks.values(), strict=True))

    def _whole(self) -> list[Detection]:
        """The things without those that are part of a surer one of their noun."""
        whole: list[Detection] = []
        for thing in self.things:
            if not any(thing.noun == other.noun and thing.box.overlap(other.box) > SAME for other in whole):
                whole.append(thing)
        return whole

    def __str__(self) -> str:
        return with_ground(listed(self.kinds), self.ground)


def _is_clear(thing: Detection) -> bool:
    return thing.is_a(thing.noun) >= PASS_AT


def listed(entities: Sequence[Entity]) -> str:
    """`a red turtle, 2 cups`; `nothing` if there is none."""
    names = [with_article(each.name) if each.count == 1 else f"{each.count} × {each.name}" for each in entities]
    return ", ".join(names) or "nothing"


def unused(noun: str, entities: Sequence[Entity]) -> str:
    """An id for a thing of that noun that none of the entities has: `cup`, or `cup_2`."""
    stem = re.sub(r"[^a-z0-9]+", "_", noun.lower()).strip("_")[:24]
    stem = stem if stem[:1].isalpha() else "thing"
    ids = {each.id for each in entities}
    return next(name for name in (stem, *(f"{stem}_{number}" for number in range(2, len(ids) + 3))) if name not in ids)
