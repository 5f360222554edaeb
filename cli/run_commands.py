"""The commands about runs that are there already: runs, show, resume, fork and rm."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .handing_over import show
from .options import BUDGET, PICTURE, PLAN, AsJson, Images, Out, RunId

if TYPE_CHECKING:
    from muralist import Result

app = typer.Typer()
PANEL = "Runs"
At = Literal["start", "recaption", "plan", "regional_diffuse"]
"""As `muralist.runs.forking` has it, which is not imported before it is needed."""


@app.command("runs", rich_help_panel=PANEL)
def runs_command(
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="So many at most.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """List the runs of the home folder, the latest changed first."""
    from muralist.agent.settings import load

    from .runs import brief, listed, print_list
    from .terminal import Terminal, say_json

    known, others = listed(limit, load())
    if as_json:
        say_json({"runs": [brief(each) for each in known], "of_other_versions": others})
    else:
        print_list(known, others, Terminal())


@app.command("show", rich_help_panel=PANEL)
def show_command(
    run: RunId, as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False
) -> None:
    """Say what a run has come to, where it stands and what would be next."""
    from muralist.agent.settings import load

    from . import runs
    from .terminal import Terminal, say_json

    each = runs.looked_at(run, load())
    if as_json:
        say_json(runs.as_json(each))
    else:
        runs.print_run(each, Terminal())


@app.command("resume", rich_help_panel=PANEL)
def resume_command(
    run: RunId,
    out: Out = Path("out"),
    decide: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            rich_help_panel=PLAN,
            help="About a plan that waits: approve, edit:FILE, reject or 'respond: WHAT TO DO BETTER'.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was stopped, killed or failed for a passing reason, where it was.

    It ends with the bytes that it would have had undisturbed. A run that has ended gives its result again.
    """  # fmt: skip
    from muralist.agent.settings import load

    from .painting import Easel, paint
    from .resuming import decided, resuming
    from .terminal import Terminal

    settings, console = load(), Terminal(stderr=True)
    run_id, decision = decided(run, decide, settings)
    console.print(f"run {run_id}", soft_wrap=True, highlight=False)
    show(paint(resuming(run_id), Easel(settings, console, out), run_id=run_id, decision=decision), as_json)


@app.command("fork", rich_help_panel=PANEL)
def fork_command(  # noqa: PLR0917 - an option each
    run: RunId,
    at: Annotated[
        At | None,
        typer.Option(help="The last step that is kept. Left out: as much as the changes allow."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, metavar="N", rich_help_panel=PICTURE, help="Another seed.")
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=0, max=50, metavar="N", rich_help_panel=BUDGET, help="Retouches after the first picture."),
    ] = None,
    images: Images = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", rich_help_panel=PLAN, help="Another layout, as in draw --plan.")
    ] = None,
    out: Out = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Paint a run of its own that begins with what another one had come to."""
    from muralist.agent.settings import load

    from .painting import Easel, paint
    from .plan_file import read_plan
    from .runs import found
    from .terminal import Terminal

    settings = load()
    known = found(run, settings)
    layout = read_plan(plan, known.prompt) if plan else None
    changes: dict[str, Any] = {"at": at, "seed": seed, "rounds": rounds, "images": images, "layout": layout}

    def work(**how: Any) -> Coroutine[Any, Any, Result]:
        from muralist import afork

        return afork(known.run_id, **changes, **how)

    show(paint(work, Easel(settings, Terminal(stderr=True), out)), as_json)


@app.command("rm", rich_help_panel=PANEL)
def remove_command(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids, or how they begin.")],
) -> None:
    """Delete runs with their pictures, without asking; files in folders named by -o stay."""
    from muralist.agent.settings import load

    from .errors import MISTAKE
    from .runs import remove_all
    from .terminal import Terminal

    if not remove_all(run, load(), Terminal(), Terminal(stderr=True)):
        raise typer.Exit(MISTAKE)
