"""Composition prompts with the scene they stand for, so that nothing is scored by the parser that is being tested."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muralist.picturebook.vocabulary import BACKGROUNDS, COLOURS, HELD_OUT, NOUNS
from muralist.tools.checklist import Checklist, checklist
from muralist.tools.predicates import PREDICATES, PredicateName
from muralist.tools.scene import Attribute, Entity, Place, Relation, Scene
from muralist.tools.words import with_article

_PLACES: dict[int, tuple[Place, ...]] = {
    3: ("top left", "top right", "bottom"),
    4: ("top left", "top right", "bottom left", "bottom right"),
    5: ("top left", "top right", "centre", "bottom left", "bottom right"),
    6: ("top left", "top", "top right", "bottom left", "bottom", "bottom right"),
}
_RELATIONS: tuple[PredicateName, ...] = ("left of", "right of", "above", "below")


@dataclass(frozen=True)
class Case:
    """A prompt, the seed of its pictures and its checklist; `held_out`: with a (colour, noun) pair not in training."""

    prompt: str
    seed: int
    checklist: Checklist
    held_out: bool


def composition(objects: int, count: int, seed: int = 2024) -> list[Case]:
    """`count` prompts of 1 to 6 things with colours, places or a relation, and a ground; same seed, same prompts."""
    rng = np.random.default_rng([seed, objects])
    return [_case(rng, objects, number) for number in range(count)]


def _case(rng: np.random.Generator, objects: int, number: int) -> Case:
    nouns = rng.choice(list(NOUNS), objects, replace=False)
    colours = rng.choice(list(COLOURS), objects, replace=objects > len(COLOURS))
    ground = str(rng.choice(list(BACKGROUNDS)))
    named = [with_article(f"{colour} {noun}") for colour, noun in zip(colours, nouns, strict=True)]
    places: list[Place | None] = [None] * objects
    relations: list[Relation] = []
    ids = [f"thing{position}" for position in range(objects)]
    if objects == 1:
        text = named[0]
    elif objects == 2:
        predicate = _RELATIONS[int(rng.integers(len(_RELATIONS)))]
        text = f"{named[0]} {PREDICATES[predicate].words} {named[1]}"
        relations = [Relation(subject=ids[0], predicate=predicate, objects=[ids[1]])]
    else:
        places = list(_PLACES[objects])
        parts = [f"{name} {'in' if ' ' in place or place == 'centre' else 'at'} the {place}"
                 for name, place in zip(named, _PLACES[objects], strict=True)]  # fmt: skip
        text = f"{', '.join(parts[:-1])} and {parts[-1]}"
    prompt = f"{text}, on {ground}"
    entities = [
        Entity(
            id=ids[position],
            noun=str(nouns[position]),
            attributes=[Attribute(kind="colour", value=str(colours[position]))],
            place=places[position],
            span=named[position],
        )
        for position in range(objects)
    ]
    scene = Scene(prompt=prompt, caption=prompt, entities=entities, relations=relations, background=ground)
    held_out = any((str(colour), str(noun)) in HELD_OUT for colour, noun in zip(colours, nouns, strict=True))
    return Case(prompt, 1000 * objects + number, checklist(scene), held_out)
