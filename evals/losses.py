"""Which words of a prompt end nowhere: neither in the scene, nor in a question, nor among what was not understood.

Counted word by word, and by nothing that the grammar itself goes by: a word that says where something is has to be
found as often as it is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from muralist.tools.predicates import PredicateName
from muralist.tools.scene import Scene
from muralist.tools.words import NUMBERS, stem, words

_SAYING_NOTHING = frozenset(
    """
    a an the this that these those its his her their my your our and but plus while then when where as because so since
    until before after if although themselves itself himself herself though yet than which who whose what it them him
    they he she us we you i me of with for from to into onto at in on by via per about during like is are was were be
    been being am s d m re ve has have had having do does did can could will would should must may might get gets let
    there here please very really quite extremely slightly somewhat rather just also too only exactly directly
    immediately still together some any each every all both various several many few another other one ones draw paint
    show showing create generate make render depict imagine illustrate design produce give see want put add include use
    need sitting sits sit sat standing stands stand stood lying lies lie lay resting rests rest located positioned
    situated placed set laid seated hanging hangs hang hung leaning leans lean leaned arranged displayed found visible
    shown seen picture image photo photograph scene view shot depiction snapshot color colour colored coloured side edge
    corner hand half part position mounted nothing something again
    hi hello hey ok okay thanks thank kindly maybe perhaps possibly simply actually wonder wondering how pls plz thx
    wanna gimme lemme gotta hoping love wish try start begin surprise sorry place move goes go belongs belong everything
    sure preferably ideally
    """.split()
)
"""Words that a scene need not hold."""

_SIDES: dict[str, tuple[frozenset[PredicateName], str]] = {
    "above over overhead atop top upper higher riding": (frozenset({"above", "on"}), "top"),
    "below under beneath underneath underside bottom lower": (frozenset({"below", "under"}), "bottom"),
    "left leftmost": (frozenset({"left of"}), "left"),
    "right rightmost": (frozenset({"right of"}), "right"),
    "up": (frozenset({"above"}), "top"),
    "down": (frozenset({"below", "above"}), "bottom"),
    "behind hidden obscured concealed": (frozenset({"behind"}), ""),
    "between": (frozenset({"between"}), ""),
    "inside within amid amidst middle center central": (frozenset({"inside"}), "centre"),
    "beside besides near next nearby along alongside around against past adjacent close touching": (
        frozenset({"next to"}),
        "",
    ),
}
"""Words that say where, with the relations and the part of a place that they are found as."""

_ORDERS = re.compile(r"\b(left|right|top|bottom) to (?:the )?(left|right|top|bottom)\b")


def lost(scene: Scene) -> list[str]:
    """The words of its prompt that are nowhere in the scene but its caption, in order."""
    prompt = scene.prompt.casefold()
    if scene.relations:
        prompt = _ORDERS.sub("", prompt)
    said = words(prompt)
    held = [*scene.absent, *scene.claims, *scene.unparsed]
    held += [f"background ground floor under against {scene.background}"] if scene.background else []
    held += [f"style {scene.style}"] if scene.style else []
    held += [part for entity in scene.entities for part in (entity.span, entity.name)]
    found = words(" ".join(held))
    gone: set[str] = set()
    for names, (predicates, side) in _SIDES.items():
        there = sum(word in names.split() for word in found)
        there += sum(relation.predicate in predicates for relation in scene.relations)
        there += sum(bool(side) and side in (entity.place or "").split() for entity in scene.entities)
        gone.update([word for word in said if word in names.split()][there:])
    directions = {word for names in _SIDES for word in names.split()}
    stems = set(map(stem, found)) | set(map(stem, _told(scene)))
    for word in said:
        if word not in _SAYING_NOTHING and word not in directions and stem(word) not in stems:
            gone.add(word)
    return [word for word in dict.fromkeys(said) if word in gone]


def _told(scene: Scene) -> list[str]:
    """Words that numbers, places, relations and what must not be there stand for."""
    numbers = {entity.count for entity in scene.entities}
    covered = [word for word, number in NUMBERS.items() if number in numbers] + [str(number) for number in numbers]
    if max(numbers, default=1) > 1:
        covered += "pair couple trio dozen row bunch line group lot lots flock herd crowd number".split()
    covered += [part for entity in scene.entities for part in (entity.place or "").split()]
    covered += [word for each in scene.relations for word in each.predicate.split()]
    if scene.absent or not {"no", "not"}.isdisjoint(words(" ".join(scene.claims))):
        covered += (
            "no not without neither nor never or instead rather than zero don t isn aren doesn single nobody leave "
            "leaving out off except minus sans avoid avoiding exclude excluding omit omitting remove skip anything "
            "anywhere allowed wanted free".split()
        )
    return covered


def table(scenes: Sequence[Scene]) -> str:
    """How many words of how many prompts end nowhere."""
    total = sum(len(words(scene.prompt)) for scene in scenes)
    gone = [word for scene in scenes for word in lost(scene)]
    shown = f": {', '.join(dict.fromkeys(gone))}" if gone else ""
    return f"{len(scenes)} prompts of {total} words: {len(gone)} words lost{shown}"
