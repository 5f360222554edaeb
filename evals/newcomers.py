"""`muralist eval newcomers`: what the offline grammar makes of prompts as newcomers write them.

There are three sets, each of which says what its prompts mean and was written before the grammar was mended for it. The
third it was not mended for: what is read of it says how wording fares that nobody has seen. A reading is exact if
things, numbers, looks, places, relations, what must not be there and the ground are those meant, and every word that
cannot be checked is told as such, or asked as a question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from muralist.parsing import parse_prompt
from muralist.tools.errors import BadPrompt, BadScene
from muralist.tools.fidelity import check_scene
from muralist.tools.scene import Scene
from muralist.tools.words import stems

from .expectation import Expectation, Thing, compare, read

_LABELLED = Path(__file__).parent / "labelled"
_MARKS = re.compile(r"\s([|!#%?])\s")


@dataclass(frozen=True)
class PromptSet:
    """A file of prompts with what they mean, and how it came about."""

    file: Path
    origin: str


FIRST = PromptSet(_LABELLED / "newcomers.txt", "written before the first mend")
SECOND = PromptSet(
    _LABELLED / "newcomers_second.txt", "written blind after the first mend; 56 read exactly before its own"
)
THIRD = PromptSet(_LABELLED / "newcomers_third.txt", "written blind after the second mend, and nothing mended for it")
SETS = (FIRST, SECOND, THIRD)


@dataclass(frozen=True)
class Meant:
    """What a prompt means: things and relations, places by number of the thing, and the rest in words."""

    prompt: str
    things: Expectation
    places: dict[int, str]
    absent: frozenset[str]
    ground: str
    style: str
    unchecked: frozenset[str]


@dataclass(frozen=True)
class Reading:
    """What was read instead, in words; `refused` is why a scene could not be made of it."""

    meant: Meant
    scene: Scene | None
    differences: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.differences


def prompts(file: Path) -> list[Meant]:
    """The prompts of a set with what they mean."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [_meant(line) for line in lines if line.strip() and not line.startswith("#")]


def _meant(line: str) -> Meant:
    prompt, _, meaning = line.partition(" => ")
    things, *rest = _MARKS.split(f" {meaning} ")
    marked = {mark: text.strip() for mark, text in zip(rest[::2], rest[1::2], strict=True)}
    named = [part.partition("@") for part in things.split(";")]
    expected = read(";".join(name for name, _, _ in named), marked.get("|", ""))
    return Meant(
        prompt=prompt,
        things=expected,
        places={number: place.strip() for number, (_, _, place) in enumerate(named) if place.strip()},
        absent=frozenset(filter(None, map(str.strip, marked.get("!", "").split(";")))),
        ground=marked.get("#", ""),
        style=marked.get("%", ""),
        unchecked=stems(marked.get("?", "")),
    )


def measure(file: Path) -> list[Reading]:
    """Read every prompt and say what differs from what it means."""
    return [_read(meant) for meant in prompts(file)]


def _read(meant: Meant) -> Reading:
    try:
        scene = parse_prompt(meant.prompt)
        check_scene(scene, meant.prompt)
    except (BadPrompt, BadScene) as error:
        return Reading(meant, None, (f"refused: {error}",))
    return Reading(meant, scene, tuple(_differences(meant, scene)))


def _differences(meant: Meant, scene: Scene) -> Sequence[str]:
    found = list(compare(scene, meant.things).differences)
    for number, place in meant.places.items():
        thing = meant.things.things[number]
        here = [entity for entity in scene.entities if entity.place == place]
        if not any(isinstance(thing, Thing) and thing.fits(entity) for entity in here):
            found.append(f"no '{thing}' at the {place}")
    if not meant.places and (placed := [entity.name for entity in scene.entities if entity.place]):
        found.append(f"'{placed[0]}' is given a place")
    absent = {noun for text in scene.absent for noun in stems(text)}
    wanted = {noun for text in meant.absent for noun in stems(text)}
    found += [f"'{noun}' may be there" for noun in sorted(wanted - absent)]
    found += [f"'{noun}' must not be there" for noun in sorted(absent - wanted)]
    if stems(meant.ground) != stems(scene.background or ""):
        found.append(f"the ground is '{scene.background}', not '{meant.ground}'")
    if stems(meant.style) - stems(scene.style or ""):
        found.append(f"the style is '{scene.style}', not '{meant.style}'")
    kept = stems(" ".join([*scene.unparsed, *scene.claims, scene.style or "", scene.background or ""]))
    found += [f"'{word}' is lost" for word in sorted(meant.unchecked - kept)]
    return found


def table(readings: Sequence[Reading], origin: str) -> str:
    """The share of a set that is read exactly, and that is refused."""
    exact, refused = sum(each.exact for each in readings), sum(each.scene is None for each in readings)
    total = len(readings)
    return f"{total} prompts ({origin}): {exact} read exactly ({exact / total:.1%}), {refused} refused"


def shown(readings: Sequence[Reading]) -> str:
    """Every prompt that is read otherwise, and how."""
    return "\n".join(f"{each.meant.prompt}\n    {'; '.join(each.differences)}" for each in readings if not each.exact)
