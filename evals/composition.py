"""`muralist eval composition`: plain, regional and loop on the same prompts and seeds, scored by the judge.

plain: the prompt alone. regional: the first picture of a run, painted region by region. loop: the picture the run
submits. The first picture of a run is its regional one, so one run gives both.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

import muralist
from muralist.agent import Settings
from muralist.runs import wiring
from muralist.runs.parts import profile_for
from muralist.tools.checklist import Checklist
from muralist.tools.layout import Layout, Region
from muralist.tools.ports import Inspector, PaintSpec
from muralist.tools.verdict import Verdict, score, settle

from .judge import Judge
from .rows import complete
from .statistics import shown
from .suite import Case, composition

ARMS = ("plain", "regional", "loop")


async def measure(case: Case, settings: Settings, judge: Judge, keep: Path | None = None) -> dict[str, Any]:
    """One prompt under all three arms: a JSON row. `keep`: a folder for the three pictures."""
    result = await muralist.adraw(case.prompt, seed=case.seed, settings=settings)
    first = result.pictures[result.attempts[0].image_id]
    seen = [score(await judged(judge, picture, case.checklist)) for picture in result.pictures.values()]
    pictures = {"plain": await plain(case, settings), "regional": first, "loop": result.image}
    row: dict[str, Any] = {
        "prompt": case.prompt,
        "seed": case.seed,
        "held_out": case.held_out,
        "images": result.run.usage.images,
        "denoisings": sum(event.kind == "step" for event in result.events) / result.run.options.steps,
        "planner_calls": result.run.usage.planner_calls,
        "planner_calls_first": _calls_before_first(result),
        "inspector_calls": result.run.usage.inspector_calls,
        "passed": result.passed,
    }
    for arm, picture in pictures.items():
        verdicts = await judged(judge, picture, case.checklist)
        row[arm] = shares(verdicts, case.checklist) | {"score": score(verdicts)}
        if keep is not None:
            picture.save(keep / f"{case.seed}-{arm}.png")
    row["regret"] = max(seen) - row["loop"]["score"]
    return row


def _calls_before_first(result: muralist.Result) -> int:
    """Model calls up to the first picture's verdicts."""
    kinds = [event.kind for event in result.events]
    return kinds[: kinds.index("judged")].count("agent")


async def plain(case: Case, settings: Settings) -> Image.Image:
    """The prompt painted in one piece, without a plan."""
    layout = Layout(regions=[Region(case.prompt)], base_prompt=case.prompt)
    painter = wiring.painter(settings)
    own = profile_for(settings, painter)
    spec = PaintSpec(layout, case.seed, own.width, own.height, own.steps, own.guidance, regional=False)
    return await painter.paint(spec, lambda step, steps: None, threading.Event())


async def judged(judge: Inspector, picture: Image.Image, checklist: Checklist) -> list[Verdict]:
    """A judge's verdicts, settled."""
    return settle(checklist, await judge.inspect(picture, checklist))


def shares(verdicts: Sequence[Verdict], checklist: Checklist) -> dict[str, float]:
    """Whether all is right, and the shares of the looks and of the places that are."""
    placing = {question.id for question in checklist.questions if question.aspect == "position"}
    places = [verdict.status == "pass" for verdict in verdicts if verdict.question_id in placing]
    others = [verdict.status == "pass" for verdict in verdicts if verdict.question_id not in placing]
    return {
        "all": float(all(places + others)),
        "attributes": sum(others) / len(others),
        "places": sum(places) / len(places) if places else float("nan"),
    }


def run(objects: Iterable[int], prompts: int, settings: Settings, out: Path, keep: bool = False) -> None:
    """Measure what `out` does not hold yet, a line a prompt, and print the tables; interrupted, go on from there."""
    judge = Judge()
    pictures = out / "pictures" if keep else None
    (pictures or out).mkdir(parents=True, exist_ok=True)
    for number in objects:
        file = out / f"composition-{number}.jsonl"
        wanted = {case.seed: partial(measure, case, settings, judge, pictures) for case in composition(number, prompts)}
        rows = complete(file, wanted, lambda row: row["seed"])
        print(table(number, rows[:prompts]), flush=True)


def table(objects: int, rows: Sequence[dict[str, Any]]) -> str:
    """Shares with 95 % intervals (bootstrap over prompts; differences paired).

    An edit of several small boxes is one image and as many denoisings.
    """
    lines = [f"{objects} object{'s' * (objects > 1)}, {len(rows)} prompts"]
    lines.append(f"  {'':9} {'all right':22} {'attributes':22} {'places':22} images   denoisings  planner  inspector")
    for arm in ARMS:
        cells = [shown([row[arm][key] for row in rows]) for key in ("all", "attributes", "places")]
        if objects == 1:
            cells[2] = "none asked"
        if arm == "loop":
            keys = ("images", "denoisings", "planner_calls", "inspector_calls")
            calls = [sum(row[key] for row in rows) / len(rows) for key in keys]
        else:
            planned = sum(row["planner_calls_first"] for row in rows) / len(rows)
            calls = [1.0, 1.0, 0.0, 0.0] if arm == "plain" else [1.0, 1.0, planned, 1.0]
        lines.append(f"  {arm:9} {' '.join(f'{cell:22}' for cell in cells)} {'   '.join(f'{n:5.2f}' for n in calls)}")
    for better, worse in (("regional", "plain"), ("loop", "regional")):
        gain = [row[better]["all"] - row[worse]["all"] for row in rows]
        lines.append(f"  {better} - {worse}: {shown(gain)}")
    held = [row["loop"]["all"] for row in rows if row["held_out"]]
    lines.append(f"  loop on the {len(held)} prompts with a held-out pair: {shown(held)}")
    lines.append(f"  regret by the judge (best seen minus submitted score): {shown([row['regret'] for row in rows])}")
    return "\n".join(lines)
