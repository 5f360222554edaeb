"""The runs of the home folder: a list of them, one in full, and how they are removed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from muralist.agent.settings import Settings
from muralist.runs.service import LOCAL, RunService
from muralist.tools.errors import MuralistError, NotFound
from muralist.tools.printable import printable
from muralist.tools.run import Run

from . import summary
from .standing import SHORT, Standing, standing


def found(beginning: str, settings: Settings) -> Run:
    """The run whose id begins so. Raises NotFound, saying where the ids are."""
    with _where_ids_are():
        return asyncio.run(RunService(settings).find(beginning, LOCAL))


def listed(limit: int, settings: Settings) -> tuple[list[Standing], list[str]]:
    """The latest runs and where they stand, and the ids of those of other versions."""
    service = RunService(settings)

    async def look() -> tuple[list[Standing], list[str]]:
        known, runs = [], await service.list(LOCAL, limit)
        for run in runs:
            with suppress(NotFound):  # it was removed meanwhile
                known.append(await standing(service, run, thorough=False))
        ids = await service.store.run_ids(LOCAL, limit)
        return known, sorted(set(ids) - {run.run_id for run in runs}, key=ids.index)

    return asyncio.run(look())


def looked_at(beginning: str, settings: Settings) -> Standing:
    """One run, and where it stands. Raises NotFound."""
    run = found(beginning, settings)
    return asyncio.run(standing(RunService(settings), run))


def removed(beginning: str, settings: Settings) -> str:
    """Delete a run with its pictures, also one of another version; gives its id.

    Raises NotFound, and PreconditionFailed while it is being worked on.
    """
    service = RunService(settings)
    with _where_ids_are():
        run_id = asyncio.run(service.id_of(beginning, LOCAL))
    asyncio.run(service.remove(run_id, LOCAL))
    return run_id


@contextmanager
def _where_ids_are() -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        raise NotFound(f"{error} (`muralist runs` lists them)") from None


def print_list(runs: list[Standing], others: list[str], console: Console) -> None:
    """A line per run, the latest changed first, and one for those of other versions."""
    if others:
        ids = ", ".join(run_id[:SHORT] for run_id in others)
        console.print(Text(f"written by another version of muralist, and not shown: {ids}"), soft_wrap=True)
    elif not runs:
        console.print("no runs yet: muralist draw begins one")
    if not runs:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "changed", "state", "passed"):
        table.add_column(name, no_wrap=True)
    table.add_column("pictures", justify="right", no_wrap=True)
    table.add_column("prompt")  # the only one that gives way: a line of it, as far as there is room
    for each in runs:
        run = each.run
        passed = "" if not run.attempts else "yes" if run.passed else "no"
        prompt = printable(" ".join((run.prompt or ("(an imported picture)" if run.source else "")).split()))
        table.add_row(
            run.run_id[:SHORT],
            each.changed.strftime("%d %b %H:%M") if each.changed else "",
            each.state,
            passed,
            str(len(run.attempts)),
            Text(prompt, no_wrap=True, overflow="ellipsis"),
        )
    console.print(table)


def print_run(each: Standing, console: Console) -> None:
    """The answers about its best picture, how it was begun, where it stands and what would be next."""
    run = each.run
    best = run.submitted
    lines: dict[str, Any] = {"run": run.run_id, "prompt": run.prompt}
    if run.parent:
        lines["fork of"] = run.parent
    lines["state"] = each.state + (f": {run.reason}" if run.reason else "")
    if each.changed:
        lines["changed"] = each.changed.strftime("%d %B %Y, %H:%M")
    lines["parts"] = ", ".join(f"{name} {run.parts[name]}" for name in summary.PARTS if name in run.parts)
    options = run.options
    lines["options"] = f"seed {options.seed}, {options.width}x{options.height}, {options.steps} steps"
    lines["pictures"] = f"{run.usage.images} of {run.budget.images} painted, best {best.image_id if best else '-'}"
    lines["used"] = f"{run.usage.planner_calls} calls of the model, {run.usage.inspector_calls} of the inspector"
    if run.usage.painter_calls:
        lines["used"] += f", {run.usage.painter_calls} of the painter"
    if each.lost or each.adrift:
        lines["missing or damaged"] = ", ".join([*each.lost, *(["its checkpoints"] if each.adrift else [])])
    for name, text in lines.items():
        console.print(Text.assemble((f"{name}: ", "bold"), str(text)), soft_wrap=True)
    if best is not None:
        summary.print_findings(run, best, console)
    for command in each.next:
        console.print(Text.assemble(("next: ", "bold"), command), soft_wrap=True)


def as_json(each: Standing) -> dict[str, Any]:
    """The same as an object."""
    run = each.run
    return {
        **summary.as_json(run, run.submitted, {}),
        **brief(each),
        "parts": run.parts,
        "options": run.options.model_dump(mode="json"),
        "budget": run.budget.model_dump(mode="json"),
        "images": [attempt.image_id for attempt in run.attempts],
        "lost": list(each.lost),
        "next": each.next,
    }


def brief(each: Standing) -> dict[str, Any]:
    """What the list says of a run."""
    run = each.run
    return {
        "run_id": run.run_id,
        "state": each.state,
        "changed": each.changed.isoformat(timespec="seconds") if each.changed else None,
        "parent": run.parent or None,
        "passed": run.passed,
        "pictures": len(run.attempts),
        "reason": run.reason,
        "prompt": run.prompt,
    }


def remove_all(beginnings: list[str], settings: Settings, console: Console, errors: Console) -> bool:
    """Remove runs, a line for each; False if one could not be."""
    well = True
    for beginning in beginnings:
        try:
            console.print(Text(f"removed {removed(beginning, settings)}"), soft_wrap=True)
        except MuralistError as error:
            errors.print(Text(f"muralist: {error}"), soft_wrap=True)
            well = False
    return well
