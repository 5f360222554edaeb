"""The command line."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from muralist.tools.errors import BadSettings, Cancelled, MuralistError

if TYPE_CHECKING:
    from muralist import Result

USAGE = cast("type[Exception]", typer.BadParameter.__bases__[0])
"""What click raises for options and arguments that it does not understand: typer has a click of its own."""
AS_JSON = "muralist.as_json"
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""
MISTAKE = 2
"""Exit code for what the caller can mend."""


Out = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for everything painted.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="The same seed gives the same picture.")]
Images = Annotated[
    int | None,
    typer.Option(min=1, max=100, metavar="N", help="Pictures painted at most. Left out: what --rounds allows."),
]
Guidance = Annotated[float | None, typer.Option(help="Guidance scale.")]
Backbone = Annotated[str | None, typer.Option(metavar="NAME|PATH|HUB-ID", help="What paints.")]
Model = Annotated[str | None, typer.Option(metavar="NAME", help="What recaptions, plans and edits.")]
Inspector = Annotated[str | None, typer.Option(metavar="NAME", help="What answers the checklist.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse what no chosen inspector could verify, before anything is painted.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, progress on stderr.")]


class OneLineErrors(TyperGroup):
    """Ends a command that fails with one line on stderr, no traceback, and with --json an object on stdout."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Find out whether the answer has to be JSON: known even if the rest cannot be understood."""
        ctx.meta[AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; expected errors become exit codes."""
        try:
            return super().invoke(ctx)
        except (Cancelled, KeyboardInterrupt) as error:
            code, kind, message = INTERRUPTED, Cancelled.__name__, str(error) or "stopped"
        except USAGE as error:
            code, kind, message = MISTAKE, USAGE.__name__, _usage(error)
        except MuralistError as error:
            code, kind, message = MISTAKE, type(error).__name__, str(error)
        typer.echo(f"muralist: {message}", err=True)
        if ctx.meta[AS_JSON]:
            typer.echo(json.dumps({"error": {"kind": kind, "message": message}}, ensure_ascii=False))
        raise typer.Exit(code)


def _usage(error: Any) -> str:
    """What is wrong with the arguments, in one line, and where it says what is right."""
    said = " ".join(error.format_message().split()).rstrip(".")
    where = error.ctx.command_path if error.ctx else "muralist"
    return f"{said[:1].lower()}{said[1:]} (see `{where} --help`)"


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


@app.command("draw")
def draw_command(  # noqa: PLR0917 - an option each
    prompt: Annotated[str, typer.Argument(help="What to paint: objects, colours, counts, relations.")],
    out: Out = Path("out"),
    seed: Seed = 0,
    images: Images = None,
    rounds: Annotated[
        int | None,
        typer.Option(metavar="N", help="The same without the first picture. Left out: 4, or what --images allows."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps per picture.")] = None,
    guidance: Guidance = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Pixels, multiples of eight, e.g. 128x128.")] = None,
    backbone: Backbone = None,
    model: Model = None,
    inspector: Inspector = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own layout: JSON, or a split ratio with BREAK prompts.")
    ] = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Paint a picture, check that it shows what was asked for, and repaint what does not.

    The exit code is 0 once there is a picture, whether or not every question is answered with yes.
    """
    from rich.console import Console

    from muralist.agent.settings import load
    from muralist.tools.recaption import check_prompt

    from .draw import draw
    from .plan_file import read_plan

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
        model=model,
        inspector=inspector,
        strict=strict or None,
    )
    layout = read_plan(plan, prompt) if plan else None
    result = draw(prompt, out=out, seed=seed, layout=layout, settings=settings, console=Console(stderr=True))
    _show(result, as_json)


@app.command("edit")
def edit_command(  # noqa: PLR0917 - an option each
    image: Annotated[Path, typer.Argument(help="A picture; it stays as it is.")],
    wish: Annotated[str, typer.Argument(help="What to change, such as 'make the cup red', or show; the rest stays.")],
    out: Out = Path("out"),
    seed: Seed = 0,
    images: Images = None,
    rounds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Retouches at most; each is a picture. Left out: 4, or what --images allows."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps per retouch.")] = None,
    guidance: Guidance = None,
    backbone: Backbone = None,
    model: Model = None,
    inspector: Inspector = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Have a picture show what is wished for: only what does not hold is repainted, all other pixels stay.

    The given picture is never overwritten: if it lies where the result would go, a folder beside that is taken.
    """
    from rich.console import Console

    from muralist.agent.settings import load
    from muralist.tools.recaption import check_prompt

    from .draw import draw

    check_prompt(wish)
    settings = load(
        rounds=rounds,
        images=images,
        steps=steps,
        guidance=guidance,
        backbone=backbone,
        model=model,
        inspector=inspector,
        strict=strict or None,
    )
    result = draw(wish, image=image, out=out, seed=seed, settings=settings, console=Console(stderr=True))
    _show(result, as_json)


def _show(result: Result, as_json: bool) -> None:
    """What came of it, on stdout."""
    from rich.console import Console

    from . import summary

    if as_json:
        typer.echo(json.dumps(summary.as_json(result), ensure_ascii=False))
    else:
        summary.print_summary(result, Console())


def parse_size(size: str) -> tuple[int, int]:
    """`128x96` -> (128, 96). Raises BadSettings."""
    match = re.fullmatch(r"\s*(\d{1,5})\s*[xX×]\s*(\d{1,5})\s*", size)
    if match is None:
        raise BadSettings(f"size '{size}' is not WIDTHxHEIGHT in pixels: write it like 128x128")
    return int(match[1]), int(match[2])


@app.command("words")
def words_command(
    backbone: Backbone = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Paint all of it, and save that as one picture; takes minutes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the backbone can draw: nouns, colours and grounds, or that it takes any words."""
    from rich.console import Console

    from muralist.agent.settings import load
    from muralist.graphs.wiring import painter

    from .words import described, print_words, save_sheet

    settings = load(backbone=backbone)
    chosen = painter(settings)
    if picture is not None:
        save_sheet(chosen, picture, settings, Console(stderr=True))
    if as_json:
        saved = {} if picture is None else {"picture": str(picture.absolute())}
        typer.echo(json.dumps({**described(chosen), **saved}, ensure_ascii=False))
        return
    print_words(chosen, Console())
    if picture is not None:
        typer.echo(picture.absolute())


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what is installed, which device and model are used, and what is missing and how to get it."""
    from .doctor import examine, print_checks, working

    checks = examine()
    if as_json:
        report = {"ok": working(checks), "checks": [check.model_dump(mode="json") for check in checks]}
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        print_checks(checks)
    raise typer.Exit(0 if working(checks) else 1)


@app.command()
def serve(
    http: Annotated[bool, typer.Option("--http", help="Over HTTP instead, for several clients.")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on, with --http: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, with --http: 8321; 0 takes a free one.")
    ] = None,
) -> None:
    """Serve the tools over MCP, on stdin and stdout: for an assistant to start, not for a person to type into."""
    from muralist.agent.settings import load
    from muralist.server import settings

    if http:
        from muralist.server.http.app import HOST, PORT, serve_http

        serve_http(load(), settings.load(), HOST if host is None else host, PORT if port is None else port)
        return
    if host is not None or port is not None:
        raise BadSettings("--host and --port go with --http: without it, the server speaks on stdin and stdout")
    from muralist.server.mcp import serve as serve_stdio

    serve_stdio(load(), settings.load())


@app.command(
    "eval",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def evaluate(ctx: typer.Context) -> None:
    """Run experiments: `muralist eval --help` lists the suites."""
    try:
        from muralist.evals.cli import app as suites
    except ModuleNotFoundError as error:
        raise BadSettings(f"experiments need {error.name}: pip install 'muralist[dev]'") from None
    code = typer.main.get_command(suites).main(args=ctx.args, prog_name="muralist eval", standalone_mode=False)
    raise typer.Exit(code if isinstance(code, int) else 0)
