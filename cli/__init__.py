"""The command line."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from muralist.signals import leave_to_others
from muralist.tools.errors import BadSettings

from .errors import OneLineErrors
from .handing_over import show
from .options import (
    BUDGET,
    PICTURE,
    PLAN,
    Approve,
    AsJson,
    Backbone,
    Compile,
    Device,
    Dtype,
    Guidance,
    Images,
    Inspector,
    Lora,
    Model,
    Offload,
    Out,
    Placement,
    Quantize,
    Revision,
    Scheduler,
    Seed,
    Steps,
    Strict,
    Vae,
    Variant,
)
from .run_commands import app as run_commands

if TYPE_CHECKING:
    from muralist import Result

BESIDES = "Besides"

app = typer.Typer(
    name="muralist",
    cls=OneLineErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Paints pictures that verifiably show what the prompt asked for.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"muralist {version('muralist')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Paints pictures that verifiably show what the prompt asked for."""


@app.command("draw", rich_help_panel="Painting")
def draw_command(  # noqa: PLR0917 - an option each
    prompt: Annotated[str, typer.Argument(help="What to paint: objects, colours, counts, relations.")],
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            rich_help_panel=PICTURE,
            help="Pixels, multiples of eight, e.g. 128x128; left out, the model's own.",
        ),
    ] = None,
    images: Images = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            rich_help_panel=BUDGET,
            help="The same without the first picture. Left out: 4, or what --images allows.",
        ),
    ] = None,
    backbone: Backbone = None,
    placement: Placement = None,
    model: Model = None,
    inspector: Inspector = None,
    dtype: Dtype = None,
    device: Device = None,
    quantize: Quantize = None,
    offload: Offload = None,
    lora: Lora = None,
    vae: Vae = None,
    scheduler: Scheduler = None,
    variant: Variant = None,
    revision: Revision = None,
    compile: Compile = False,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=PLAN, help="Your own layout: JSON, or a split ratio with BREAK prompts."
        ),
    ] = None,
    approve: Approve = False,
    strict: Strict = False,
    out: Out = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Paint a picture, check that it shows what was asked for, and repaint what does not.

    The exit code is 0 once there is a picture, whether or not every question is answered with yes; 1 if you reject the
    plan, 2 for a mistake, 3 if the plan waits for your word, 130 or 143 if it was stopped by SIGINT or SIGTERM.
    """  # fmt: skip
    from muralist.agent.settings import load
    from muralist.tools.recaption import check_prompt

    from .painting import Easel, paint
    from .plan_file import read_plan
    from .terminal import Terminal

    check_prompt(prompt)
    width, height = parse_size(size) if size else (None, None)
    settings = load(
        rounds=rounds,
        images=images,
        steps=steps,
        guidance=guidance,
        width=width,
        height=height,
        backbone=backbone,
        placement=placement,
        model=model,
        inspector=inspector,
        approve=approve or None,
        strict=strict or None,
        dtype=dtype,
        device=device,
        quantize=quantize,
        offload=offload,
        lora=",".join(lora) if lora else None,
        vae=vae,
        scheduler=scheduler,
        variant=variant,
        revision=revision,
        compile=compile or None,
    )
    layout = read_plan(plan, prompt) if plan else None

    def work(**how: Any) -> Coroutine[Any, Any, Result]:
        from muralist import adraw

        return adraw(prompt, seed=seed, layout=layout, **how)

    show(paint(work, Easel(settings, Terminal(stderr=True), out)), as_json)


@app.command("edit", rich_help_panel="Painting")
def edit_command(  # noqa: PLR0917 - an option each
    image: Annotated[Path, typer.Argument(help="A picture; it stays as it is.")],
    wish: Annotated[str, typer.Argument(help="What to change, such as 'make the cup red', or show; the rest stays.")],
    seed: Seed = 0,
    steps: Steps = None,
    guidance: Guidance = None,
    images: Images = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            rich_help_panel=BUDGET,
            help="Retouches at most; each is a picture. Left out: 4, or what --images allows.",
        ),
    ] = None,
    backbone: Backbone = None,
    placement: Placement = None,
    model: Model = None,
    inspector: Inspector = None,
    dtype: Dtype = None,
    device: Device = None,
    quantize: Quantize = None,
    offload: Offload = None,
    lora: Lora = None,
    vae: Vae = None,
    scheduler: Scheduler = None,
    variant: Variant = None,
    revision: Revision = None,
    compile: Compile = False,
    approve: Approve = False,
    strict: Strict = False,
    out: Out = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Have a picture show what is wished for: only what does not hold is repainted, all other pixels stay.

    The given picture is never overwritten: if it lies where the result would go, a folder beside that is taken. Exit
    codes are those of `muralist draw`.
    """  # fmt: skip
    from muralist.agent.settings import load
    from muralist.tools.recaption import check_prompt

    from .painting import Easel, paint
    from .terminal import Terminal

    check_prompt(wish)
    settings = load(
        rounds=rounds,
        images=images,
        steps=steps,
        guidance=guidance,
        backbone=backbone,
        placement=placement,
        model=model,
        inspector=inspector,
        approve=approve or None,
        strict=strict or None,
        dtype=dtype,
        device=device,
        quantize=quantize,
        offload=offload,
        lora=",".join(lora) if lora else None,
        vae=vae,
        scheduler=scheduler,
        variant=variant,
        revision=revision,
        compile=compile or None,
    )

    def work(**how: Any) -> Coroutine[Any, Any, Result]:
        from muralist import aedit

        return aedit(image, wish, seed=seed, **how)

    show(paint(work, Easel(settings, Terminal(stderr=True), out)), as_json)


app.add_typer(run_commands)


def parse_size(size: str) -> tuple[int, int]:
    """`128x96` -> (128, 96). Raises BadSettings."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*[xX×]\s*(\d{1,5})\s*", size)
    if match is None:
        raise BadSettings(f"size '{size}' is not WIDTHxHEIGHT in pixels: write it like 128x128")
    return int(match[1]), int(match[2])


@app.command("words", rich_help_panel="Painting")
def words_command(
    backbone: Backbone = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Paint all of it, and save that as one picture; takes minutes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the backbone can draw: nouns, colours and grounds, or that it takes any words."""
    from muralist.agent.settings import load
    from muralist.runs.wiring import painter

    from .terminal import Terminal, say, say_json
    from .words import described, print_words, save_sheet

    settings = load(backbone=backbone)
    chosen = painter(settings)
    if picture is not None:
        save_sheet(chosen, picture, settings, Terminal(stderr=True))
    if as_json:
        saved = {} if picture is None else {"picture": str(picture.absolute())}
        say_json({**described(chosen), **saved})
        return
    print_words(chosen, Terminal())
    if picture is not None:
        say(picture.absolute())


@app.command(rich_help_panel=BESIDES)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what is installed, which device and model are used, and what is missing and how to get it."""
    from .doctor import examine, print_checks, working
    from .terminal import say_json

    checks = examine()
    if as_json:
        say_json({"ok": working(checks), "checks": [check.model_dump(mode="json") for check in checks]})
    else:
        print_checks(checks)
    raise typer.Exit(0 if working(checks) else 1)


@app.command(rich_help_panel=BESIDES)
def serve(
    http: Annotated[bool, typer.Option("--http", help="Over HTTP instead, for several clients.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on, with --http: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, with --http: 8321; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve the tools over MCP, on stdin and stdout: for an assistant to start, not for a person to type into."""
    from muralist.agent.settings import load
    from muralist.server import settings, variables

    leave_to_others()
    chosen = load()
    variables.check(chosen)
    if http:
        from muralist.server.http.app import HOST, PORT, serve_http

        serve_http(chosen, settings.load(), HOST if host is None else host, PORT if port is None else port)
        return
    if host is not None or port is not None:
        raise BadSettings("--host and --port go with --http: without it, the server speaks on stdin and stdout")
    from muralist.server.mcp import serve as serve_stdio

    serve_stdio(chosen, settings.load())


@app.command(
    "eval",
    rich_help_panel=BESIDES,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def evaluate(ctx: typer.Context) -> None:
    """Run experiments: `muralist eval --help` lists the suites."""
    try:
        leave_to_others()
        from muralist.evals.cli import app as suites
    except ModuleNotFoundError as error:
        raise BadSettings(f"experiments need {error.name}: pip install 'muralist[dev]'") from None
    code = typer.main.get_command(suites).main(args=ctx.args, prog_name="muralist eval", standalone_mode=False)
    raise typer.Exit(code if isinstance(code, int) else 0)
