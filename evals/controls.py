"""`muralist eval controls`: every control of regional attention against the defaults, on the same prompts and seeds.

The first picture alone, no loop: what the painter makes of one layout. What is on by default is what is shown here to
be better, or as good and cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from muralist.agent import Settings
from muralist.agent.placing import lay_out
from muralist.diffusion.backbone import load
from muralist.diffusion.engine.picture import paint
from muralist.diffusion.engine.threads import set_threads
from muralist.diffusion.location import PICTUREBOOK
from muralist.diffusion.regional import regional
from muralist.parsing import parse_prompt
from muralist.picturebook.admission import short_caption
from muralist.runs import wiring
from muralist.runs.parts import profile_for
from muralist.tools.layout import Region
from muralist.tools.ports import PaintSpec
from muralist.tools.verdict import score

from .composition import judged, shares
from .judge import Judge
from .rows import complete
from .statistics import shown
from .suite import Case, composition

MASK = 64
"""Cells across a free-form mask."""


@dataclass(frozen=True)
class Arm:
    """One setting that differs from the defaults, or none."""

    name: str
    base_ratio: float | tuple[float, ...] | None = None
    """None takes the layout's."""
    since: float = 0
    until: float = 1
    feather: float = 0
    blocks: range | None = None
    change: Callable[[list[Region]], list[Region]] = list
    """What becomes of the layout's regions."""

    def attend(self, pipe: Any, regions: Sequence[Region], base_ratio: float) -> AbstractContextManager[None]:
        ratio = base_ratio if self.base_ratio is None else self.base_ratio
        return regional(
            pipe, self.change(list(regions)), ratio, since=self.since, until=self.until, feather=self.feather,
            blocks=self.blocks,
        )  # fmt: skip


def against_the_others(regions: list[Region]) -> list[Region]:
    """Every region with all others' prompts as its negative one."""
    prompts = [region.prompt for region in regions]
    return [
        region.model_copy(update={"negative_prompt": ", ".join([*prompts[:number], *prompts[number + 1 :]])})
        for number, region in enumerate(regions)
        if len(regions) > 1
    ] or regions


def ellipses(regions: list[Region]) -> list[Region]:
    """Every box as a mask of the ellipse in it."""
    rows, columns = ((np.arange(MASK) + 0.5) / MASK for _ in range(2))
    found = []
    for region in regions:
        (x, y), box = region.box.centre, region.box
        inside = ((columns[None] - x) / box.width * 2) ** 2 + ((rows[:, None] - y) / box.height * 2) ** 2 <= 1
        found.append(region.model_copy(update={"mask": inside.astype(float).tolist()}))
    return found


def in_rows(regions: list[Region]) -> list[Region]:
    """Regions of equal height and place as parts of a row that tells of them all; only of what forms rows."""
    found = []
    for edges in sorted({(region.y0, region.y1) for region in regions}):
        parts = [region for region in regions if (region.y0, region.y1) == edges]
        x0, x1 = min(part.x0 for part in parts), max(part.x1 for part in parts)
        prompt = " and ".join(part.prompt for part in parts)
        found += parts if len(parts) == 1 else [Region(prompt, x0, edges[0], x1, edges[1], parts=parts)]
    return found


DEFAULT = Arm("as shipped")
ARMS = (
    DEFAULT,
    *(Arm(f"base ratio {ratio}", base_ratio=ratio) for ratio in (0.1, 0.3, 0.7)),
    Arm("base ratio falls from 0.7 to 0.3", base_ratio=(0.7, 0.3)),
    Arm("base ratio rises from 0.3 to 0.7", base_ratio=(0.3, 0.7)),
    *(Arm(f"switched off at {until:.0%} of the steps", until=until) for until in (0.85, 0.6, 0.4)),
    Arm("switched on at 15% of the steps", since=0.15),
    Arm("in the first 3 of 7 blocks", blocks=range(3)),
    Arm("in the last 4 of 7 blocks", blocks=range(3, 7)),
    Arm("in every other block", blocks=range(0, 7, 2)),
    *(Arm(f"feather of {feather} cells", feather=feather) for feather in (1, 2)),
    Arm("negative prompts: the other regions'", change=against_the_others),
    Arm("masks: ellipses", change=ellipses),
    Arm("parts of rows", change=in_rows),
)


async def measure(case: Case, settings: Settings, arm: Arm, pipe: Any, judge: Judge) -> dict[str, Any]:
    """One prompt under one arm: a JSON row."""
    layout = lay_out(parse_prompt(case.prompt))
    layout = layout.model_copy(update={"base_prompt": short_caption(layout.base_prompt)})
    own = profile_for(settings, wiring.painter(settings))
    spec = PaintSpec(layout, case.seed, own.width, own.height, own.steps, own.guidance)
    verdicts = await judged(judge, paint(pipe, spec, lambda step, steps: None, arm.attend), case.checklist)
    return {
        "seed": case.seed, "arm": arm.name, "score": score(verdicts), **shares(verdicts, case.checklist),
        "right": sum(verdict.status == "pass" for verdict in verdicts) / len(verdicts),
    }  # fmt: skip


def run(objects: Iterable[int], prompts: int, settings: Settings, out: Path) -> None:
    """Measure what `out` does not hold yet, and print a table for each number of objects."""
    judge, pipe = Judge(), load(PICTUREBOOK)
    set_threads(PICTUREBOOK, pipe)
    out.mkdir(parents=True, exist_ok=True)
    for number in objects:
        file = out / f"controls-{number}.jsonl"
        cases = composition(number, prompts)
        wanted = {
            (case.seed, arm.name): partial(measure, case, settings, arm, pipe, judge)
            for case, arm in product(cases, ARMS)
        }
        rows = complete(file, wanted, lambda row: (row["seed"], row["arm"]))
        seeds = {case.seed for case in cases}
        print(table(number, [row for row in rows if row["seed"] in seeds]), flush=True)


def table(objects: int, rows: Sequence[dict[str, Any]]) -> str:
    """A line per arm: shares of questions right, and the paired difference to the defaults with its 95 % interval."""
    by_arm = {arm.name: {row["seed"]: row for row in rows if row["arm"] == arm.name} for arm in ARMS}
    usual = by_arm[DEFAULT.name]
    lines = [f"{objects} object{'s' * (objects > 1)}, {len(usual)} prompts"]
    lines.append(f"  {'':40} {'all questions':20} {'attributes':20} {'places':20} against the defaults")
    for name, mine in by_arm.items():
        cells = [shown([row[key] for row in mine.values()]) for key in ("right", "attributes", "places")]
        gain = shown([mine[seed]["right"] - usual[seed]["right"] for seed in usual.keys() & mine.keys()])
        note = "" if name == DEFAULT.name else gain
        lines.append(f"  {name:40} {' '.join(f'{cell:20}' for cell in cells)} {note}".rstrip())
    return "\n".join(lines)
