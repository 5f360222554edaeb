"""The report: one HTML file that shows how a picture came about; works offline, holds everything it needs."""

from __future__ import annotations

import base64
import colorsys
import io
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from jinja2 import Environment
from PIL import Image

from muralist.tools.checklist import checklist
from muralist.tools.layout import Box, Layout
from muralist.tools.recaption import in_other_words
from muralist.tools.run import Attempt
from muralist.tools.verdict import Verdict, told

from .result import Result


def report(result: Result) -> str:
    """The page as text."""
    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
        files("muralist").joinpath("report.html").read_text(encoding="utf-8")
    )
    return page.render(
        result=result,
        scene=result.scene,
        names={entity.id: entity.name for entity in result.scene.entities},
        reworded=in_other_words(result.scene),
        picture=data_uri(result.image),
        regions=list(_regions(result.layout)),
        attempts=[_shown(attempt, result) for attempt in result.attempts],
        usage=result.run.usage.model_dump(),
        budget=result.run.budget.model_dump(),
        options=result.run.options.model_dump(),
    )


def data_uri(picture: Image.Image) -> str:
    """The picture as PNG inside a URI."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def hue(number: int) -> str:
    """A colour per index, as CSS; neighbours are far apart."""
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(number * 0.618 % 1, 0.75, 0.62))
    return f"rgb({red} {green} {blue})"


def place(box: Box) -> str:
    """A box's CSS position over its picture."""
    return (
        f"left:{100 * box.x0:.2f}%;top:{100 * box.y0:.2f}%;width:{100 * box.width:.2f}%;height:{100 * box.height:.2f}%"
    )


def _regions(layout: Layout) -> Iterator[dict[str, str]]:
    for number, region in enumerate(layout.regions):
        yield {"prompt": region.prompt, "place": place(region.box), "hue": hue(number)}


def _shown(attempt: Attempt, result: Result) -> dict[str, Any]:
    """One attempt as the page needs it."""
    texts = {question.id: question.text for question in checklist(result.scene).questions}
    rows: list[dict[str, Any]] = [
        {"verdict": verdict, "text": texts.get(verdict.question_id, verdict.question_id), "by": told(verdict.source)}
        for verdict in attempt.verdicts or []
    ]
    return {
        "number": result.run.number(attempt.image_id),
        "picture": data_uri(result.pictures[attempt.image_id]),
        "final": attempt.image_id == result.image_id,
        "attempt": attempt,
        "parent": None if attempt.parent is None else result.run.number(attempt.parent),
        "edits": [
            {"edit": edit, "places": [place(box) for box in (edit.box, edit.to) if box is not None]}
            for edit in attempt.edits
        ],
        "open": [row for row in rows if row["verdict"].status != "pass"],
        "passed": [row for row in rows if row["verdict"].status == "pass"],
        "disputed": sum(bool(row["verdict"].dispute) for row in rows),
        "boxes": list(_boxes(attempt.verdicts or [], result)),
    }


def _boxes(verdicts: list[Verdict], result: Result) -> Iterator[dict[str, str]]:
    """Every box that a verdict points at, once; the worst status wins. Skipped questions have nothing of their own."""
    rank = {"fail": 0, "unsure": 1, "pass": 2}
    names = {entity.id: entity.name for entity in result.scene.entities}
    seen: set[Box] = set()
    asked = [verdict for verdict in verdicts if verdict.status in rank]
    for verdict in sorted(asked, key=lambda each: rank[each.status]):
        for box in [*([verdict.box] if verdict.box else []), *verdict.boxes]:
            if box not in seen:
                seen.add(box)
                entity = verdict.question_id.partition(".")[0]
                yield {"place": place(box), "status": verdict.status, "label": names.get(entity, entity)}
