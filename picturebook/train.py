"""`python -m muralist.picturebook.train PART`: train a part of the picturebook, here or in the background, and ship it.

A part goes on from its checkpoint; where there is none, from the shipped weights, or with --fresh from nothing. The
learning rate stays constant, so that there is no end to it: --cooldown brings it down to zero in a run of its own, from
the same checkpoint, which stays as it is; what comes of that can be shipped.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from platformdirs import user_cache_path

from muralist.tools.errors import MuralistError

from .training import background
from .training.background import TrainingFiles

PARTS = ("autoencoder", "decoder", "denoiser", "detector", "judge")


def main() -> None:
    """Parse the command line and do it; what goes wrong is told in one line, with exit code 2."""
    options = _parser().parse_args()
    files = TrainingFiles(options.runs, options.part)
    try:
        act(files, options)
    except (MuralistError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(2)


def act(files: TrainingFiles, options: argparse.Namespace) -> None:
    """Look at, steer or start a trainer, or train here. Raises MuralistError."""
    if options.status:
        print(files.summary())
    elif options.pause:
        files.pause()
    elif options.go:
        files.go()
    elif options.stop:
        background.stop(files)
        print(files.summary())
    elif options.background:
        arguments = [word for word in sys.argv[1:] if word != "--background"]
        pid = background.start(files, arguments)
        print(f"{files.part}: process {pid} trains in the background and prints to {files.log}")
    else:
        from .training.session import train

        train(files, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m muralist.picturebook.train", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--batch", type=_positive, help="samples an iteration; each part has its own default")
    parser.add_argument("--rate", type=float, help="learning rate; each part has its own default")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop, resumably, after this long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=_positive, default=1, help="CPU threads; one is often fastest")
    parser.add_argument("--runs", type=Path, default=user_cache_path("muralist-training"),
                        help="where checkpoints, sample sheets and logs go (%(default)s)")  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="begin from nothing")
    parser.add_argument("--cooldown", type=_positive, metavar="N", help="bring the rate down to zero in N iterations")
    parser.add_argument("--ship", action="store_true", help="write the averaged weights into the package at the end")
    steering = parser.add_mutually_exclusive_group()
    steering.add_argument("--background", action="store_true", help="train in a process of its own, niced")
    steering.add_argument(
        "--status", action="store_true", help="samples, rate, loss, and what it found on held-out ones"
    )
    steering.add_argument("--pause", action="store_true", help="let it wait after its current iteration")
    steering.add_argument("--go", action="store_true", help="let it go on")
    steering.add_argument("--stop", action="store_true", help="let it save and end")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    main()
