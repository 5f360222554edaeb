"""`muralist eval parse`: how well the offline parser reads the prompts of public benchmarks.

Template prompts are scored against their template, GenEval's against its metadata, complex ones against hand-made
labels; the rest is only required to make a scene that loses nothing. The prompts stay where they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from muralist.parsing import parse_prompt
from muralist.tools.errors import BadPrompt, BadScene, BadSettings
from muralist.tools.fidelity import check_scene
from muralist.tools.scene import MAX_PROMPT, Scene

from .expectation import Comparison, Expectation, compare, read
from .prompt_templates import TEMPLATES, geneval

LABELS = Path(__file__).parent / "labelled" / "complex_prompts.txt"


@dataclass(frozen=True)
class Case:
    """A prompt and, where it is known, what it should be read as."""

    category: str
    prompt: str
    expected: Expectation | None = None


@dataclass(frozen=True)
class Reading:
    """What the parser made of a case; `comparison` only where something is expected; `flaw` if the scene is refused."""

    case: Case
    scene: Scene
    comparison: Comparison | None
    flaw: str | None


def cases(folder: Path) -> list[Case]:
    """All prompts of the two benchmarks under `folder`, in any of its folders. Raises BadSettings if there are none."""
    found = [case for path in sorted(folder.rglob("*.txt")) for case in _lines(path)]
    for path in sorted(folder.rglob("*.jsonl")):
        found += _entries(path)
    if not found:
        raise BadSettings(f"no prompts in '{folder}': give a folder with T2I-CompBench's .txt or GenEval's .jsonl file")
    return found


def _entries(path: Path) -> Iterator[Case]:
    """One JSON object a line, as GenEval has them. Raises BadSettings where it is something else."""
    for number, line in enumerate(_text(path).splitlines(), start=1):
        try:
            entry = json.loads(line)
            yield Case(f"GenEval {entry['tag']}", entry["prompt"], geneval(entry))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BadSettings(
                f"'{path}' line {number} is no entry of GenEval's (JSON with tag, prompt and include): give a folder "
                "with GenEval's .jsonl file only"
            ) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"'{path}' cannot be read ({error}): give prompts as UTF-8 text") from None


def _lines(path: Path) -> Iterator[Case]:
    """One prompt a line. Files of other names than T2I-CompBench's are read without an expectation."""
    if path.stem.isupper():  # a licence
        return
    labels = _labels() if path.stem == "complex" else {}
    for number, prompt in enumerate(_text(path).splitlines(), start=1):
        if not prompt.strip():
            continue
        key = (number, hashlib.sha256(prompt.encode()).hexdigest()[:8])
        if key in labels:
            yield Case(f"{path.stem}, labelled", prompt, labels[key])
            continue
        readings = TEMPLATES.get(path.name, {}).items()
        expected = ((category, template(prompt.strip(" ."))) for category, template in readings)
        fitting = ((category, expectation) for category, expectation in expected if expectation is not None)
        yield Case(
            *next(((category, prompt, each) for category, each in fitting), (f"{path.stem}, not scored", prompt))
        )


def _labels() -> dict[tuple[int, str], Expectation]:
    """Line number and hash of a prompt to what a reader sees in it."""
    labels = {}
    for line in LABELS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            key, things, links = (part.strip() for part in line.split("|"))
            number, digest = key.split()
            labels[int(number), digest] = read(things, links)
    return labels


def measure(folder: Path) -> list[Reading]:
    """Parse every case and compare; each scene is checked as the `recaption` tool would."""
    return [_read(case) for case in cases(folder)]


def _read(case: Case) -> Reading:
    scene, flaw = Scene(prompt=case.prompt[:MAX_PROMPT], caption=case.prompt[:MAX_PROMPT], entities=[]), None
    try:
        scene = parse_prompt(case.prompt)
        check_scene(scene, case.prompt)
    except (BadPrompt, BadScene) as error:
        flaw = str(error)
    return Reading(case, scene, compare(scene, case.expected) if case.expected else None, flaw)


def table(readings: list[Reading]) -> str:
    """Share exact, of things and of relations found, and of scenes accepted, a row for each category."""
    lines = [f"{'category':<26}{'prompts':>8}{'exact':>9}{'things':>9}{'relations':>11}{'accepted':>10}"]
    groups: dict[str, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.case.category, []).append(reading)
    for category, group in [*groups.items(), ("all", readings)]:
        scored = [reading.comparison for reading in group if reading.comparison is not None]
        cells = [
            _share(sum(each.exact for each in scored), len(scored)),
            _share(sum(each.things_found for each in scored), sum(each.things for each in scored)),
            _share(sum(each.links_found for each in scored), sum(each.links for each in scored)),
            _share(sum(reading.flaw is None for reading in group), len(group)),
        ]
        lines.append("{:<26}{:>8}{:>9}{:>9}{:>11}{:>10}".format(category, len(group), *cells))
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def shown(readings: list[Reading]) -> str:
    """Every prompt that is not read exactly, or that nothing is known about, with what the parser made of it."""
    lines = []
    for reading in readings:
        comparison = reading.comparison
        if comparison is not None and comparison.exact and reading.flaw is None:
            continue
        lines.append(f"{reading.case.category}: {reading.case.prompt}\n    read: {_in_words(reading.scene)}")
        lines += [f"    {difference}" for difference in (comparison.differences if comparison else ())]
        lines += [f"    refused: {reading.flaw}"] if reading.flaw else []
    return "\n".join(lines)


def _in_words(scene: Scene) -> str:
    things = [f"{entity.count} {entity.name}" for entity in scene.entities]
    relations = [" ".join((each.subject, each.predicate, *each.objects)) for each in scene.relations]
    around = [f"background: {scene.background}"] if scene.background else []
    words = [f"in the caption only: {' '.join(scene.unparsed)}"] if scene.unparsed else []
    return "; ".join([*things, *relations, *around, *words])
