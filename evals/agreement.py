"""`muralist eval agreement`: how often detector and judge answer as a person does, on pictures labelled by eye.

The pictures come from all arms and several numbers of objects in random order; whoever labelled them saw picture and
questions, not how it was made. A label is yes or no for every question that can be seen; children of a missing thing
are not asked. One more label says of every thing that is there whether a person who was not told would call it that;
only then "is there a …?" is to be answered yes, and only then are its children asked. What an inspector does not get to
ask, since it did not see the thing, counts once, there.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import muralist
from muralist.agent import Settings
from muralist.picturebook.inspector import PicturebookInspector
from muralist.tools.checklist import Checklist, checklist
from muralist.tools.scene import Scene
from muralist.tools.verdict import Status

from .composition import judged, plain
from .judge import Judge
from .suite import composition

LABELLED = Path(__file__).parent / "labelled"
"""`pictures.jsonl` (number, prompt, scene), `labels.json` (number to question id to 0 or 1) and `NNN.png`."""


def sample(settings: Settings, out: Path, count: int = 100, seed: int = 77) -> None:
    """Paint pictures to be labelled: 1, 2 and 4 objects, plain, first and submitted, shuffled."""
    rng = np.random.default_rng(seed)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(count):
        objects = int(rng.choice([1, 2, 4]))
        case = composition(objects, count, seed=seed)[number]
        arm = str(rng.choice(["plain", "regional", "loop"]))
        if arm == "plain":
            picture = asyncio.run(plain(case, settings))
        else:
            rounds = 0 if arm == "regional" else None
            picture = muralist.draw(case.prompt, seed=case.seed, settings=settings, rounds=rounds).image
        picture.save(out / f"{number:03d}.png")
        rows.append({"number": number, "prompt": case.prompt, "scene": case.checklist.scene.model_dump(mode="json")})
    (out / "pictures.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def sheet(folder: Path, start: int, count: int = 20, columns: int = 5) -> Image.Image:
    """A contact sheet of pictures `start` to `start + count`, doubled in size, for labelling."""
    canvas = Image.new("RGB", (columns * 264, -(-count // columns) * 264), "white")
    for place in range(count):
        file = folder / f"{start + place:03d}.png"
        if file.exists():
            picture = Image.open(file).resize((256, 256), Image.Resampling.BICUBIC)
            canvas.paste(picture, (place % columns * 264, place // columns * 264))
    return canvas


def measure(folder: Path = LABELLED) -> dict[str, dict[str, tuple[int, int]]]:
    """Inspector to kind of question to (answers as the person's, answers)."""
    labels: dict[str, dict[str, int]] = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    counted: dict[str, dict[str, tuple[int, int]]] = {}
    for inspector in (PicturebookInspector(), Judge()):
        tally: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for line in (folder / "pictures.jsonl").read_text(encoding="utf-8").splitlines():
            row: dict[str, Any] = json.loads(line)
            questions = checklist(Scene.model_validate(row["scene"]))
            answers = _answers(inspector, Image.open(folder / f"{row['number']:03d}.png"), questions)
            known = _strict(labels.get(str(row["number"]), {}))
            for question in questions.questions:
                label = known.get(question.id)
                asked = all(known.get(parent) for parent in question.depends_on)
                if label is not None and asked and answers[question.id] != "skipped":
                    right, total = tally[question.kind]
                    tally[question.kind] = (right + ((answers[question.id] == "pass") == bool(label)), total + 1)
        counted[inspector.name] = dict(tally)
    return counted


def _strict(labels: dict[str, int]) -> dict[str, int]:
    """Labels by question, where a thing that a person would not call so is none."""
    return {name: label * labels.get(name.replace(".exists", ".form"), 1) for name, label in labels.items()}


def _answers(inspector: PicturebookInspector, picture: Image.Image, questions: Checklist) -> dict[str, Status]:
    verdicts = asyncio.run(judged(inspector, picture, questions))
    return {verdict.question_id: verdict.status for verdict in verdicts}


def table(counted: dict[str, dict[str, tuple[int, int]]]) -> str:
    """A line per inspector and kind of question."""
    lines = ["agreement with labels made by eye"]
    for inspector, tally in counted.items():
        right, total = (sum(pair[at] for pair in tally.values()) for at in (0, 1))
        kinds = ", ".join(f"{kind} {good}/{all_} ({good / all_:.2f})" for kind, (good, all_) in sorted(tally.items()))
        lines.append(f"  {inspector}: {right}/{total} ({right / max(1, total):.2f}); {kinds}")
    return "\n".join(lines)
