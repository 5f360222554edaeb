"""`muralist eval noise`: what wrong verdicts in a known share of answers cost, with guards against them and without.

The loop's inspector sees what `picturebook` sees, and then says the opposite in a share of its answers. Pictures are
scored by the independent judge, which is never disturbed. Two guards are switched on and off: hysteresis (between 0.4
and 0.6 nothing passes or fails; without it, 0.5 decides) and asking once more before a flip counts as a regression.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import muralist
from muralist.agent import Settings
from muralist.runs import wiring
from muralist.tools import verdict as rules
from muralist.tools.checklist import Checklist
from muralist.tools.ports import Inspector
from muralist.tools.verdict import Verdict, score, status_of

from .composition import judged, shares
from .judge import Judge
from .rows import complete
from .statistics import shown
from .suite import Case, composition

SHARES = (0.1, 0.3)
"""Shares of wrong answers that are tried."""
SURE_WHEN_RIGHT, SURE_WHEN_WRONG = 4.0, 2.0
"""a of the Beta(a, 1) from which 2|p - 0.5| is drawn: 0.8 on average for right answers, 0.67 for wrong ones."""
NAME = "noisy"


class Arm(NamedTuple):
    """What is switched on, and how many answers are wrong."""

    wrong: float
    hysteresis: bool
    reasking: bool

    def __str__(self) -> str:
        guards = [name for name, on in (("hysteresis", self.hysteresis), ("re-asking", self.reasking)) if on]
        return f"{self.wrong:4.0%} wrong, {' and '.join(guards) or 'neither'}"


def arms(wrong: Sequence[float] = SHARES) -> list[Arm]:
    """Every combination of the guards for every share; of none wrong, with both guards only."""
    guarded = [Arm(each, *on) for each, on in product(wrong, product((True, False), repeat=2)) if each]
    return [Arm(0.0, True, True), *guarded]


@dataclass
class NoisyInspector:
    """Another inspector's answers as a fallible one would give them: a share of them wrong, drawn anew at every ask.

    How sure it is, is drawn too, and hardly less for wrong answers. Without `reasking` it says nothing to a second
    question about the same picture, so that the first answer stands.
    """

    inner: Inspector
    wrong: float
    seed: int
    reasking: bool = True
    name: str = NAME
    answered: int = 0
    """How often it has looked at a picture."""
    _asked: set[bytes] = field(default_factory=set, repr=False)

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """The inner verdicts, disturbed; those that are unsure stay as they are."""
        picture = image.tobytes()
        if picture in self._asked and not self.reasking:
            return []
        self._asked.add(picture)
        rng = np.random.default_rng([self.seed, self.answered])
        self.answered += 1
        return [self._disturbed(verdict, rng) for verdict in await self.inner.inspect(image, checklist)]

    def _disturbed(self, verdict: Verdict, rng: np.random.Generator) -> Verdict:
        lies, right, wrong = rng.random(), rng.beta(SURE_WHEN_RIGHT, 1), rng.beta(SURE_WHEN_WRONG, 1)
        named = verdict.model_copy(update={"source": self.name})
        if verdict.status == "unsure":
            return named
        yes = (verdict.p >= 0.5) != (lies < self.wrong)
        sure = wrong if lies < self.wrong else right
        p = 0.5 + sure / 2 if yes else 0.5 - sure / 2
        return named.model_copy(update={"p": p, "status": status_of(p)})


@contextmanager
def hysteresis(on: bool) -> Iterator[None]:
    """Inside, and not `on`, one half decides between pass and fail."""
    before = rules.PASS_AT, rules.FAIL_AT
    try:
        if not on:
            rules.PASS_AT = rules.FAIL_AT = 0.5
        yield
    finally:
        rules.PASS_AT, rules.FAIL_AT = before


async def measure(case: Case, settings: Settings, arm: Arm, judge: Inspector) -> dict[str, Any]:
    """One prompt under one arm: a JSON row. The settings' inspector is what is disturbed."""
    noisy = NoisyInspector(wiring.inspector(settings), arm.wrong, case.seed, arm.reasking)
    wiring.INSPECTORS[NAME] = lambda _: noisy
    try:
        with hysteresis(arm.hysteresis):
            result = await muralist.adraw(case.prompt, seed=case.seed, settings=settings, inspector=NAME)
    finally:
        del wiring.INSPECTORS[NAME]
    verdicts = await judged(judge, result.image, case.checklist)
    seen = [score(await judged(judge, picture, case.checklist)) for picture in result.pictures.values()]
    return {
        "prompt": case.prompt,
        "seed": case.seed,
        **arm._asdict(),
        "all": shares(verdicts, case.checklist)["all"],
        "score": score(verdicts),
        "regret": max(seen) - score(verdicts),
        "images": result.run.usage.images,
        "inspections": noisy.answered,
        "passed": result.passed,
    }


def run(objects: Iterable[int], prompts: int, settings: Settings, out: Path, wrong: Sequence[float] = SHARES) -> None:
    """Measure what `out` does not hold yet, a line a prompt and arm, and print the tables."""
    judge = Judge()
    out.mkdir(parents=True, exist_ok=True)
    for number in objects:
        file = out / f"noise-{number}.jsonl"
        cases = composition(number, prompts)
        wanted = {
            (case.seed, arm): partial(measure, case, settings, arm, judge) for case, arm in product(cases, arms(wrong))
        }
        rows = complete(file, wanted, lambda row: (row["seed"], _arm(row)))
        seeds = {case.seed for case in cases}
        print(table(number, [row for row in rows if row["seed"] in seeds]), flush=True)


def _arm(row: dict[str, Any]) -> Arm:
    return Arm(row["wrong"], row["hysteresis"], row["reasking"])


def table(objects: int, rows: Sequence[dict[str, Any]]) -> str:
    """A line per arm, with 95 % intervals (bootstrap over prompts)."""
    found = sorted({_arm(row) for row in rows}, key=lambda arm: (arm.wrong, not arm.hysteresis, not arm.reasking))
    lines = [f"{objects} object{'s' * (objects > 1)}, {len({row['seed'] for row in rows})} prompts"]
    lines.append(f"  {'':37} {'all right':20} {'regret':20} {'believed right':20} images  inspections")
    for arm in found:
        mine = [row for row in rows if _arm(row) == arm]
        cells = [shown([row[key] for row in mine]) for key in ("all", "regret", "passed")]
        counts = [sum(row[key] for row in mine) / len(mine) for key in ("images", "inspections")]
        lines.append(
            f"  {arm!s:37} {' '.join(f'{cell:20}' for cell in cells)} {'   '.join(f'{n:5.2f}' for n in counts)}"
        )
    return "\n".join(lines)
