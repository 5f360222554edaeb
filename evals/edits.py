"""`muralist eval edits`: wishes about perfect stills, done or not, and whether everything else stays as it is.

What is on the stills is known, so that what has to stay is, too: a thing that the wish does not name has stayed if not
one of its pixels has changed. The independent judge answers the checklist of what the picture has to show in the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

import muralist
from muralist.agent import Settings
from muralist.picturebook.vocabulary import COLOURS, NOUNS
from muralist.picturebook.world import Still, Thing, render, sample_still
from muralist.tools.errors import BadLayout, BadPrompt
from muralist.tools.layout import Box
from muralist.tools.verdict import all_passed

from .composition import judged
from .judge import Judge

KINDS = ("recolour", "remove", "move", "add", "replace", "show")


@dataclass(frozen=True)
class Case:
    """A still, a wish about it, and the things that it does not name."""

    kind: str
    wish: str
    still: Still
    kept: tuple[Thing, ...]
    seed: int


@dataclass(frozen=True)
class Done:
    """What came of a wish; `refused` says why nothing did."""

    case: Case
    passed: bool = False
    right: bool = False
    kept: bool = True
    outside: bool = True
    refused: str = ""


def cases(count: int, seed: int = 13) -> Iterator[Case]:
    """`count` wishes of each kind, about stills of two or three things of different nouns; always the same."""
    for number in range(count * len(KINDS)):
        rng = np.random.default_rng([seed, number])
        still = sample_still(rng, 2 + number % 2)
        while len({thing.noun for thing in still.things}) < len(still.things):
            still = sample_still(rng, 2 + number % 2)
        kind = KINDS[number % len(KINDS)]
        yield _case(kind, still, rng, number)


def _case(kind: str, still: Still, rng: np.random.Generator, number: int) -> Case:
    first, *others = still.things
    free = [noun for noun in NOUNS if noun not in {thing.noun for thing in still.things}]
    noun, colour = str(rng.choice(free)), str(rng.choice([each for each in COLOURS if each != first.colour]))
    side = "right" if first.centre[0] < 64 else "left"
    wish = {
        "recolour": f"make the {first.noun} {colour}",
        "remove": f"remove the {first.noun}",
        "move": f"move the {first.noun} to the {side}",
        "add": f"add a {colour} {noun}",
        "replace": f"replace the {first.noun} by a {colour} {noun}",
        "show": f"a {colour} {noun}",
    }[kind]
    kept = still.things if kind in {"add", "show"} else tuple(others)
    return Case(kind, wish, still, kept, number)


def measure(wanted: Sequence[Case], settings: Settings) -> Iterator[Done]:
    """Do the wishes one by one."""
    judge = Judge()
    for case in wanted:
        picture = Image.fromarray(render(case.still, np.random.default_rng(case.seed)))
        try:
            result = muralist.edit(picture, case.wish, seed=case.seed, settings=settings)
        except (BadPrompt, BadLayout) as error:
            yield Done(case, refused=str(error))
            continue
        checklist = result.run.checklist
        if checklist is None:
            raise AssertionError("nothing is edited without a scene")
        answers = asyncio.run(judged(judge, result.image, checklist))
        same = (np.asarray(picture) == np.asarray(result.image)).all(2)
        yield Done(
            case,
            passed=result.passed,
            right=all_passed(answers),
            kept=all(same[y0:y1, x0:x1].all() for x0, y0, x1, y1 in (thing.box for thing in case.kept)),
            outside=bool(same[_outside(result.repainted, same.shape)].all()),
        )


def _outside(boxes: Sequence[Box], shape: tuple[int, ...]) -> np.ndarray:
    """True of the pixels (height, width) that no box touches."""
    free, (height, width) = np.ones(shape, bool), shape
    for box in boxes:
        free[
            int(box.y0 * height) : int(np.ceil(box.y1 * height)), int(box.x0 * width) : int(np.ceil(box.x1 * width))
        ] = False
    return free


def summary(done: Done) -> str:
    """A line."""
    shown = ", ".join(f"{thing.colour} {thing.noun}" for thing in done.case.still.things)
    came = done.refused or ", ".join(
        name if getattr(done, name) else f"not {name}" for name in ("passed", "right", "kept", "outside")
    )
    return f"{shown} on {done.case.still.background} | {done.case.wish}: {came}"


def table(done: Sequence[Done]) -> str:
    """Shares per kind of wish."""
    lines = ["wish       number  refused  passed  right by the judge  rest untouched  bytes outside equal"]
    for kind in (*KINDS, "all"):
        mine = [each for each in done if kind in {each.case.kind, "all"}]
        tried = [each for each in mine if not each.refused]
        shares = [
            sum(getattr(each, name) for each in tried) / max(1, len(tried))
            for name in ("passed", "right", "kept", "outside")
        ]
        lines.append(
            f"{kind:9} {len(mine):7} {len(mine) - len(tried):8} {shares[0]:7.2f} {shares[1]:19.2f} {shares[2]:15.2f} "
            f"{shares[3]:20.2f}"
        )
    return "\n".join(lines)
