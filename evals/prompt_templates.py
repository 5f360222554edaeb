"""What a benchmark's template prompts say, read with one regular expression a category and nothing of the parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from muralist.tools.predicates import PredicateName
from muralist.tools.scene import AttributeKind

from .expectation import Expectation, Link, Named, Thing

_NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), start=1)
}
_IRREGULAR = {
    "men": "man", "women": "woman", "people": "person", "children": "child", "mice": "mouse", "geese": "goose",
    "knives": "knife", "wolves": "wolf", "leaves": "leaf", "shelves": "shelf", "loaves": "loaf", "scarves": "scarf",
    "calves": "calf", "oxen": "ox", "feet": "foot", "teeth": "tooth", "buses": "bus", "shoes": "shoe",
}  # fmt: skip
_PREDICATES: dict[str, PredicateName] = {
    "on the left of": "left of", "to the left of": "left of", "left of": "left of", "on the right of": "right of",
    "to the right of": "right of", "right of": "right of", "on the top of": "above", "above": "above",
    "on top of": "on", "on the bottom of": "below", "below": "below", "under": "under", "next to": "next to",
    "near": "next to", "on side of": "next to", "on the side of": "next to",
    "in front of": "in front of", "behind": "behind", "hidden by": "behind",
    "on": "on", "inside": "inside", "beside": "next to",
}  # fmt: skip

_PHRASES = "|".join(sorted(_PREDICATES, key=len, reverse=True))

_TWO = re.compile(r"(an? )?([\w-]+) ([^,]+) and (an? )?([\w-]+) ([^,]+)", re.IGNORECASE)
_PLACED = re.compile(rf"an? (.+?) ({_PHRASES}) an? (.+)", re.IGNORECASE)
_SENTENCE = re.compile(
    r"the ([\w-]+(?: (?!the )[\w-]+)+?) (?:is|was|are|were) "
    r"(?:(?:lying|resting|sitting|standing|mounted|placed|hung|hanging) )?"
    rf"({_PHRASES}) the ([\w-]+(?: (?!the )[\w-]+)+)",
    re.IGNORECASE,
)
_COUNTED = re.compile(rf"({'|'.join(_NUMBERS)}) ([\w-]+|[\w-]+ [\w-]+s)")
_COUNTED_FIRST = re.compile(rf"({'|'.join(_NUMBERS)}) (\w+) .+")


def two_things(prompt: str, kinds: frozenset[AttributeKind]) -> Expectation | None:
    """`a red car and a blue bowl`; without an article the noun is plural."""
    match = _TWO.fullmatch(prompt)
    if match is None:
        return None
    first, look, noun, second, other_look, other = match.groups()
    return Expectation((_described(first, look, noun, kinds), _described(second, other_look, other, kinds)))


def placed(prompt: str) -> Expectation | None:
    """`a frog on the left of a sofa`."""
    match = _PLACED.fullmatch(prompt)
    if match is None:
        return None
    subject, phrase, other = match.groups()
    link = Link(frozenset({0}), frozenset({_PREDICATES[phrase.lower()]}), (1,))
    return Expectation((Thing(subject), Thing(other)), (link,))


def counted(prompt: str) -> Expectation | None:
    """`two cups, one key and three mice`."""
    matches = [_COUNTED.fullmatch(part) for part in re.split(r", and |, | and ", prompt.lower())]
    things = [_several(match[1], match[2]) for match in matches if match is not None]
    return Expectation(tuple(things)) if len(things) == len(matches) else None


def counted_first(prompt: str) -> Expectation | None:
    """`seven pigs snorted and played in the mud`: what is counted, whatever else there is."""
    match = _COUNTED_FIRST.fullmatch(prompt.lower())
    if match is None:
        return None
    thing = replace(_several(match[1], match[2]), attributes=None)
    return Expectation((thing,), open_ended=True)


def sentence(prompt: str) -> Expectation | None:
    """`The round clock was on the left of the rectangular picture frame`."""
    match = _SENTENCE.fullmatch(prompt)
    if match is None:
        return None
    subject, phrase, other = match.groups()
    link = Link(frozenset({0}), frozenset({_PREDICATES[phrase.lower()]}), (1,))
    return Expectation((Named(subject.lower()), Named(other.lower())), (link,))


def geneval(entry: Mapping[str, Any]) -> Expectation:
    """What GenEval's metadata says of its prompt; a position is that of the entry it stands at to the one it names."""
    included = entry["include"]
    things = [
        Thing(thing["class"], frozenset({thing["color"]} if "color" in thing else ()), thing["count"])
        for thing in included
    ]
    links = [
        Link(frozenset({number}), frozenset({thing["position"][0]}), (thing["position"][1],))
        for number, thing in enumerate(included)
        if "position" in thing
    ]
    return Expectation(tuple(things), tuple(links))


def _described(article: str | None, look: str, noun: str, kinds: frozenset[AttributeKind]) -> Thing:
    looks = frozenset({look.lower()})
    noun = noun.lower()
    return Thing(noun, looks, kinds=kinds) if article else Thing(_singular(noun), looks, None, kinds)


def _several(amount: str, noun: str) -> Thing:
    number = _NUMBERS[amount]
    return Thing(noun if number == 1 else _singular(noun), count=number)


def _singular(noun: str) -> str:
    """The last word in the singular, by spelling rules of its own."""
    before, space, last = noun.rpartition(" ")
    one = _IRREGULAR.get(last) or re.sub(r"(?<=[^aeiou])ies$", "y", last)
    one = one if one != last else re.sub(r"(?<=ss|sh|ch|to)es$|(?<=x)es$|(?<!s)s$", "", last)
    return before + space + one


Reading = Callable[[str], Expectation | None]

TEMPLATES: dict[str, dict[str, Reading]] = {
    "color.txt": {"colour": lambda prompt: two_things(prompt, frozenset({"colour"}))},
    "shape.txt": {"shape": lambda prompt: two_things(prompt, frozenset({"shape", "size"}))},
    "texture.txt": {"texture": lambda prompt: two_things(prompt, frozenset({"texture", "material"}))},
    "spatial.txt": {"spatial": placed},
    "3d_spatial.txt": {"3-D spatial": placed},
    "complex.txt": {"complex of template form": sentence},
    "numeracy.txt": {"numeracy": counted, "numeracy in sentences": counted_first},
}
"""File of T2I-CompBench to the categories in it; the first reading that fits a prompt says which it is of."""
