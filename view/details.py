"""What a run's page tells when its details are opened: what was understood, and what it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muralist.tools.recaption import in_other_words
from muralist.tools.run import Run
from muralist.tools.scene import Scene
from muralist.tools.value import Value

PARTS = ("backbone", "model", "inspector")
"""All else is the business of who runs the server."""


class DetailView(Value):
    """A table of names and values under a title."""

    title: str
    rows: list[tuple[str, str]]


def details(run: Run, conditions: Mapping[str, Any]) -> list[DetailView]:
    """The tables of a run that are not empty."""
    found = {
        "What was understood": list(_understood(run.scene, run.drafted_by)) if run.scene else [],
        "What it took": list(_used(run)),
        "How it was painted": [(name, str(value)) for name, value in {**_settings(run), **conditions}.items()],
    }
    return [DetailView(title=title, rows=rows) for title, rows in found.items() if rows]


def _understood(scene: Scene, drafted_by: str) -> Iterator[tuple[str, str]]:
    names = {entity.id: entity.name for entity in scene.entities}
    for entity in scene.entities:
        count = f"{entity.count} × " if entity.count > 1 else ""
        yield "thing", f"{count}{entity.name}" + (f", at the {entity.place}" if entity.place else "")
    for relation in scene.relations:
        objects = " and ".join(names[each] for each in relation.objects)
        yield "relation", f"{names[relation.subject]} {relation.predicate} {objects}"
    rows = {
        "background": scene.background,
        "style": scene.style,
        "none of": ", ".join(scene.absent),
        "also said": "; ".join(map(str, scene.claims)),
        "in other words": ", ".join(in_other_words(scene)),
        "only in the caption": ", ".join(scene.unparsed),
        "caption": scene.caption,
        "written down by": drafted_by,
    }
    yield from ((name, text) for name, text in rows.items() if text)


def _used(run: Run) -> Iterator[tuple[str, str]]:
    limits = run.budget.model_dump()
    for name, value in run.usage.model_dump().items():
        if value:
            limit = f" of {limits[name]}" if limits.get(name) else ""
            yield name.replace("_", " "), f"{round(value, 3) if isinstance(value, float) else value}{limit}"
    if run.attempts:
        yield "rounds", f"{len(run.attempts) - 1} of {run.budget.rounds}"
    if run.filled_in:
        yield "filled in by the offline rules", ", ".join(run.filled_in)
    if run.mode == "pipeline":
        yield "mode", "pipeline: the endpoint takes one tool at a time"


def _settings(run: Run) -> dict[str, Any]:
    options = run.options.model_dump()
    said = {name.replace("_", " "): value for name, value in options.items() if value not in ("", None)}
    parts = {name: run.parts[name] for name in PARTS if name in run.parts}
    return {**parts, **said, "run": run.run_id, **({"forked from": run.parent} if run.parent else {})}
