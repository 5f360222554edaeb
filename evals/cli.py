"""`muralist eval SUITE`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muralist.tools.errors import BadSettings

Objects = Annotated[str, typer.Option(help="How many objects a prompt has, comma-separated.")]
Prompts = Annotated[int, typer.Option(min=1, help="Prompts a row.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps; left out: the settings'.")]
Out = Annotated[Path, typer.Option(help="Where the measured rows are kept; an interrupted run goes on.")]
RUNS = Path("runs/eval")

app = typer.Typer(help="Experiments; every figure the README quotes comes from here.", no_args_is_help=True)


@app.command()
def composition(
    objects: Objects = "1,2,3,4,6",
    prompts: Prompts = 160,
    steps: Steps = None,
    out: Out = RUNS,
    keep: Annotated[bool, typer.Option(help="Keep the pictures, too.")] = False,
) -> None:
    """Plain, regional and loop on the same prompts and seeds, scored by the judge."""
    from muralist.runs import wiring

    from .composition import run

    run(_numbers(objects), prompts, wiring.settings(steps=steps), out, keep)


@app.command()
def speed(
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 9,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    blocks: Annotated[bool, typer.Option(help="Time full-width blocks, too: 12 GB and half an hour on a CPU.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the ratios into this PNG file.")] = None,
) -> None:
    """What regions cost: picturebook's wall time, and operations counted for other families at full size."""
    from muralist.diffusion.backbone import load
    from muralist.diffusion.engine.threads import set_threads
    from muralist.diffusion.location import PICTUREBOOK

    from . import blocks as wide
    from . import flops, plots
    from .full_size import FULL_SIZES
    from .speed import measure

    pipe = load(PICTUREBOOK)
    set_threads(PICTUREBOOK, pipe)
    print(f"picturebook, wall time of {steps} steps", flush=True)
    measured = measure(pipe, rounds, steps)
    print("\nfull size, operations counted", flush=True)
    counted = []
    for full_size in FULL_SIZES:
        counted.append(flops.measure(full_size))
        print(counted[-1].summary(), flush=True)
    if plot is not None:
        plots.speed(plot, measured, counted)
    if not blocks:
        return
    print("\nfull-width blocks, wall time of a later step", flush=True)
    for full_size in FULL_SIZES:
        print(full_size.name)
        ratios = wide.measure(full_size, rounds, (2, 8))
        print("  all: " + ", ".join(f"K = {number} {ratio:.3f}x" for number, ratio in ratios.items()), flush=True)


@app.command()
def controls(
    objects: Objects = "2,4",
    prompts: Prompts = 40,
    steps: Steps = None,
    out: Out = RUNS,
) -> None:
    """Every control of regional attention against the defaults, on the same prompts and seeds."""
    from muralist.runs import wiring

    from .controls import run

    run(_numbers(objects), prompts, wiring.settings(steps=steps), out)


@app.command()
def engine(
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 5,
    steps: Annotated[int, typer.Option(min=2)] = 20,
    pictures: Annotated[int, typer.Option(min=2, help="Painted at the same time.")] = 8,
    backbone: Annotated[str, typer.Option(metavar="NAME|PATH|HUB-ID", help="What paints.")] = "picturebook",
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 128,
) -> None:
    """Pictures painted together, as ratios to plain batched forwards and to one after the other."""
    from .engine import measure

    print(measure(backbone, rounds, steps, pictures, size).summary())


@app.command()
def seams(
    pictures: Annotated[int, typer.Option(min=1, help="Stills in which a thing is painted over.")] = 16,
    steps: Annotated[int, typer.Option(min=1)] = 20,
    keep: Annotated[Path | None, typer.Option(help="Draw stills and results into this PNG file.")] = None,
) -> None:
    """What shows along the border of a repainted box, with and without matched shades."""
    from muralist.diffusion.backbone import load
    from muralist.diffusion.location import PICTUREBOOK

    from .seams import measure, table

    pipe = load(PICTUREBOOK)
    pipe.set_progress_bar_config(disable=True)
    print(table(measure(pipe, pictures, steps, keep)))


@app.command()
def agreement(
    sample: Annotated[Path | None, typer.Option(help="Paint pictures to be labelled into this folder instead.")] = None,
) -> None:
    """How often detector and judge answer as a person does, per kind of question."""
    from muralist.runs import wiring

    from . import agreement as suite

    if sample is not None:
        suite.sample(wiring.settings(), sample)
        return
    print(suite.table(suite.measure()))


@app.command()
def instrument(
    stills: Annotated[int, typer.Option(min=1, help="Perfect stills a row.")] = 150,
    paintings: Annotated[
        Path | None, typer.Option(help="A folder of paintings, to see how far p can be trusted.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the reliability curve into this PNG file.")] = None,
) -> None:
    """What detector and judge say of perfect pictures, and how far to trust their p; needs the font."""
    from . import instrument as suite
    from . import plots

    networks = suite.inspectors()
    counts = {
        number: {name: suite.perfect(each, suite.at_random(number, stills)) for name, each in networks.items()}
        for number in (1, 2, 4, 6)
    }
    places = suite.at_every_offset(max(1, stills // 12))
    offsets = {name: [suite.perfect(each, found) for found in places.values()] for name, each in networks.items()}
    print(suite.table(counts, offsets), flush=True)
    if paintings is None:
        return
    curves = {name: suite.reliability(list(suite.answers(each, paintings))) for name, each in networks.items()}
    print(suite.curve(curves))
    if plot is not None:
        plots.reliability(plot, curves)


@app.command()
def templates(
    backbone: Annotated[Path | None, typer.Option(help="A folder in diffusers format; left out: picturebook.")] = None,
    prompts: Annotated[int, typer.Option(min=1, help="Prompts of one and of two things each.")] = 96,
    keep: Annotated[Path | None, typer.Option(help="Keep the pictures in this folder.")] = None,
) -> None:
    """What is painted without a plan, judged by the glyphs and no network; needs the font."""
    from muralist.diffusion.backbone import load
    from muralist.diffusion.location import PICTUREBOOK
    from muralist.picturebook.evaluation import evaluated, summary

    pipe = load(str(backbone or PICTUREBOOK))
    pipe.set_progress_bar_config(disable=True)
    for number in (1, 2):
        pictures, marks = evaluated(pipe, number, prompts)
        print(summary(number, marks), flush=True)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            for place, picture in enumerate(pictures):
                picture.save(keep / f"{number}-{place:03d}.png")


@app.command()
def noise(
    objects: Objects = "2,4",
    prompts: Prompts = 40,
    wrong: Annotated[str, typer.Option(help="Shares of wrong verdicts, comma-separated.")] = "0.1,0.3",
    steps: Steps = None,
    out: Out = RUNS,
) -> None:
    """What wrong verdicts cost by the independent judge, with and without hysteresis and re-asking."""
    from muralist.runs import wiring

    from .noise import run

    run(_numbers(objects), prompts, wiring.settings(steps=steps), out, _shares(wrong))


@app.command()
def edits(
    wishes: Annotated[int, typer.Option(min=1, help="Wishes of each kind.")] = 10,
    steps: Steps = None,
    show: Annotated[bool, typer.Option(help="List every wish, and what came of it.")] = False,
) -> None:
    """Wishes about perfect stills: how many are done, and whether everything else stays; needs the font."""
    from muralist.runs import wiring

    from . import edits as suite

    done = []
    for each in suite.measure(list(suite.cases(wishes)), wiring.settings(steps=steps)):
        done.append(each)
        if show:
            print(suite.summary(each), flush=True)
    print(suite.table(done))


@app.command()
def moves(
    objects: Objects = "1,2,3,4,6",
    prompts: Prompts = 12,
    steps: Steps = None,
    out: Out = RUNS,
) -> None:
    """What the loop's moves are tried for, and how often they mend it; and how many pictures a prompt takes."""
    from muralist.runs import wiring

    from .moves import run

    run(_numbers(objects), prompts, wiring.settings(steps=steps), out)


@app.command()
def parse(
    prompts: Annotated[Path, typer.Option(help="Folder with T2I-CompBench's and GenEval's prompt files.")],
    show: Annotated[bool, typer.Option(help="List what is not read exactly, and what is only read.")] = False,
) -> None:
    """How the offline parser reads public prompts: against their templates, and against labels made by hand."""
    from . import losses
    from . import parse as suite

    readings = suite.measure(prompts)
    if show:
        print(suite.shown(readings))
    print(suite.table(readings))
    print(losses.table([reading.scene for reading in readings if reading.flaw is None]))


@app.command()
def newcomers(
    show: Annotated[
        bool, typer.Option(help="List every prompt that is read otherwise than it is meant, and how.")
    ] = False,
) -> None:
    """How the offline parser reads three sets of prompts as newcomers write them, against what each means."""
    from . import losses
    from . import newcomers as suite

    read = [(each, suite.measure(each.file)) for each in suite.SETS]
    if show:
        for _, readings in read:
            print(suite.shown(readings))
    for each, readings in read:
        print(suite.table(readings, each.origin))
    print(losses.table([reading.scene for _, readings in read for reading in readings if reading.scene is not None]))


def _numbers(objects: str) -> list[int]:
    words = objects.split(",")
    if not all(word.strip() in {*"123456"} for word in words):
        raise BadSettings(f"--objects '{objects}': give numbers from 1 to 6, comma-separated, such as 1,2,4")
    return [int(word) for word in words]


def _shares(wrong: str) -> list[float]:
    try:
        shares = [float(word) for word in wrong.split(",")]
    except ValueError:
        shares = []
    if not shares or not all(0 <= share <= 1 for share in shares):
        raise BadSettings(f"--wrong '{wrong}': give shares from 0 to 1, comma-separated, such as 0.1,0.3")
    return shares
