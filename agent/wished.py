"""A given picture and a wish about it as the scene that it has to show in the end; all of it is arithmetic on kinds.

A kind is a number of things that look alike. Every change takes some out of what is there and puts others in; what no
change has touched is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from muralist.tools.errors import BadPrompt
from muralist.tools.observation import MOST, Observation, listed, unused
from muralist.tools.scene import Attribute, Entity, Relation, Scene
from muralist.tools.words import with_ground

from .wishes import ALL_OF_IT, KINDS, THEN_NAMED, Change, amount, is_definite, read_wish


def wished_scene(wish: str, observation: Observation | None) -> Scene:
    """What the picture has to show once the wish is done: its own things, changed as it says.

    What is there and is not spoken of is `kept`, with its number, colour and place. What is doubtful stays, too, and
    nothing is asked about it: the scene is then `partial`. It also is without an observation, where only a description
    can be understood. Raises BadPrompt for a wish that cannot be read or done, or that speaks of what is not there.
    """
    if observation is None:
        return _described(wish, read_wish(wish))
    try:
        changes = read_wish(wish)
    except BadPrompt as error:
        raise BadPrompt(f"{error}; the picture shows {observation}") from None
    there = _There(observation, observation.kinds)
    for change in changes:
        there = _STEPS[change.kind](there, change)
    related = {name for each in there.relations for name in (each.subject, *each.objects)}
    untold = observation.doubtful - there.touched - related
    kinds = [kind for kind in there.kinds if kind.id not in untold]
    return Scene(
        prompt=wish,
        caption=" ".join([with_ground(listed(kinds), there.ground), *there.unparsed]),
        entities=kinds,
        relations=there.relations,
        background=there.ground,
        style=there.style,
        absent=[name for name in there.absent if name not in {kind.noun for kind in kinds}],
        claims=there.claims,
        unparsed=there.unparsed,
        kept=[kind.id for kind in kinds if kind.id not in there.touched],
        partial=bool(untold) or len(observation.things) > MOST,
    )


def _described(wish: str, changes: Sequence[Change]) -> Scene:
    if any(change.kind != "show" for change in changes):
        raise BadPrompt(
            f"'{wish}' needs an inspector that can tell what is on a picture, such as picturebook or grounded: choose "
            "one with --inspector, or describe what has to be there"
        )
    return changes[0].named.model_copy(update={"prompt": wish, "partial": True})


@dataclass(frozen=True)
class _There:
    """What the picture shows, as far as the changes have been made."""

    observation: Observation
    kinds: list[Entity]
    touched: frozenset[str] = frozenset()
    """Ids of kinds that are spoken of."""
    latest: str = ""
    """Id of the kind that was spoken of last."""
    relations: list[Relation] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    unparsed: list[str] = field(default_factory=list)
    style: str | None = None

    @property
    def ground(self) -> str | None:
        return self.observation.ground

    def like(self, named: Entity) -> list[Entity]:
        """Kinds that go by that name."""
        if named.noun in THEN_NAMED:
            return [kind for kind in self.kinds if kind.id == self.latest or len(self.kinds) == 1]
        alike = [kind for kind in self.kinds if kind.noun == named.noun or named.noun in ALL_OF_IT]
        return [kind for kind in alike if _looks(kind, named)]

    def without(self, taken: Iterable[Entity]) -> _There:
        """So many fewer of these kinds."""
        numbers = {kind.id: kind.count for kind in taken}
        left = [
            kind.model_copy(update={"count": kind.count - numbers.get(kind.id, 0)})
            for kind in self.kinds
            if kind.count > numbers.get(kind.id, 0)
        ]
        ids = {kind.id for kind in left}
        relations = [each for each in self.relations if {each.subject, *each.objects} <= ids]
        return replace(self, kinds=left, relations=relations)

    def having(self, thing: Entity, apart: bool = False) -> tuple[_There, str]:
        """So many more; unless it stays `apart`, those of its name become one kind with it. Gives the kind's id."""
        for kind in self.kinds:
            if kind.name == thing.name and not apart:
                grown = kind.model_copy(
                    update={"count": kind.count + thing.count, "span": thing.span, "place": thing.place}
                )
                kinds = [grown if each is kind else each for each in self.kinds]
                return replace(self, kinds=kinds, touched=self.touched | {kind.id}, latest=kind.id), kind.id
        named = thing.model_copy(update={"id": unused(thing.noun, self.kinds)})
        there = replace(self, kinds=[*self.kinds, named], touched=self.touched | {named.id}, latest=named.id)
        return there, named.id


def _looks(kind: Entity, named: Entity) -> bool:
    place = named.place is None or named.place in (kind.place or "")
    return place and {look.value for look in named.attributes} <= {look.value for look in kind.attributes}


def _taken(there: _There, named: Entity) -> list[Entity]:
    """The things that are meant, by kind. Raises BadPrompt if there are none, too few, or more than one can tell."""
    alike, number = there.like(named), amount(named)
    total = sum(kind.count for kind in alike)
    if not alike:
        raise BadPrompt(f"there is no {named.name} on the picture: it shows {there.observation}")
    if is_definite(named) and total > 1:
        raise BadPrompt(f"it cannot be told which {named.name} is meant: the picture shows {there.observation}")
    if number is not None and number > total:
        raise BadPrompt(f"there are not {number} × {named.name} on the picture: it shows {there.observation}")
    return _some(alike, total if number is None else number)


def _some(kinds: Sequence[Entity], number: int) -> list[Entity]:
    """So many of these kinds, those that come first."""
    taken: list[Entity] = []
    for kind in kinds:
        if number > 0:
            taken.append(kind.model_copy(update={"count": min(kind.count, number)}))
            number -= kind.count
    return taken


def _painted(kind: Entity, looks: Sequence[Attribute]) -> Entity:
    """The same with other looks: a new colour takes the old one's place."""
    kinds = {look.kind for look in looks}
    return kind.model_copy(
        update={"attributes": [*(look for look in kind.attributes if look.kind not in kinds), *looks]}
    )


def _recolour(there: _There, change: Change) -> _There:
    for named in change.named.entities:
        taken = _taken(there, named)
        there = there.without(taken)
        for kind in taken:
            there, _ = there.having(_painted(kind, change.looks).model_copy(update={"span": named.span}))
    return there


def _remove(there: _There, change: Change) -> _There:
    denied = change.text.startswith(("no ", "without "))
    for named in change.named.entities:
        if there.like(named) or not denied:
            there = there.without(_taken(there, named))
        left = [kind.id for kind in there.like(named)]
        if left:  # one of several
            kinds = [kind.model_copy(update={"span": named.span}) if kind.id in left else kind for kind in there.kinds]
            there = replace(there, kinds=kinds, touched=there.touched.union(left))
        else:
            there = replace(there, absent=[*there.absent, named.name])
    return there


def _replace(there: _There, change: Change) -> _There:
    (named, *others), into = change.named.entities, change.into
    if others or into is None:
        raise BadPrompt(f"'{change.text}' cannot be read as a change: {KINDS}")
    taken = _taken(there, named)
    number = sum(kind.count for kind in taken)
    there = there.without(taken)
    if not there.like(named):
        there = replace(there, absent=[*there.absent, named.name])
    place = taken[0].place if number == 1 else None
    new = into.model_copy(
        update={"count": number if amount(into) is None else into.count, "place": into.place or place}
    )
    return there.having(new)[0]


def _move(there: _There, change: Change) -> _There:
    ids: dict[str, str] = {}
    subjects = {relation.subject for relation in change.named.relations} | {change.named.entities[0].id}
    for named in change.named.entities:
        if named.id in subjects:
            for kind in _taken(there, named.model_copy(update={"place": None})):
                moved = kind.model_copy(update={"span": named.span, "place": named.place})
                there, ids[named.id] = there.without([kind]).having(moved)
        else:
            ids[named.id] = _taken(there, named)[0].id
    return _related(there, change.named, ids)


def _add(there: _There, change: Change) -> _There:
    """More of them, in the colour of those that are there if none is said; `the cat` is one that is there."""
    _check_ground(there, change)
    ids: dict[str, str] = {}
    for named in change.named.entities:
        if is_definite(named):
            ids[named.id] = _taken(there, named)[0].id
            continue
        alike = there.like(named) if not named.attributes and named.place is None else []
        looks = alike[0].attributes if len(alike) == 1 else named.attributes
        new = named.model_copy(update={"attributes": looks})
        there, ids[named.id] = there.having(new, apart=bool(change.named.relations))
    return _related(there, change.named, ids)


def _show(there: _There, change: Change) -> _There:
    """Things of a noun that are there are meant, those first that look so already; those that are missing are added."""
    _check_ground(there, change)
    ids: dict[str, str] = {}
    for named in change.named.entities:
        alike = [kind for kind in there.kinds if kind.noun == named.noun and kind.id not in ids.values()]
        alike.sort(key=lambda kind: not _looks(kind, named))
        taken = _some(alike, named.count)
        there = there.without(taken)
        looks, place = named.attributes, named.place
        if taken and not looks:
            looks = taken[0].attributes
        if place is None and len(taken) == 1 and taken[0].count == named.count and not change.named.relations:
            place = taken[0].place
        shown = named.model_copy(update={"attributes": looks, "place": place})
        there, ids[named.id] = there.having(shown, apart=bool(change.named.relations))
    said = change.named
    for name in said.absent:
        gone = [kind for kind in there.kinds if name in {kind.noun, kind.name}]
        there = there.without(gone)
    there = replace(
        there,
        absent=[*there.absent, *said.absent],
        claims=[*there.claims, *said.claims],
        unparsed=[*there.unparsed, *said.unparsed],
        style=said.style or there.style,
    )
    return _related(there, said, ids)


def _check_ground(there: _There, change: Change) -> None:
    said = change.named.background
    if said is not None and said != there.ground:
        raise BadPrompt(
            f"the picture shows {there.observation}, and its ground stays as it is: leave out '{said}', or draw a new "
            "picture"
        )


def _related(there: _There, named: Scene, ids: dict[str, str]) -> _There:
    """The stated relations, between the kinds that are meant."""
    relations = [
        Relation(subject=ids[each.subject], predicate=each.predicate, objects=[ids[name] for name in each.objects])
        for each in named.relations
    ]
    return replace(there, relations=[*there.relations, *relations])


_STEPS = {
    "show": _show, "add": _add, "remove": _remove, "recolour": _recolour, "move": _move, "replace": _replace,
}  # fmt: skip
