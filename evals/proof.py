"""`make proof`: every long measurement, resumable, its output kept in `docs/proof` with commit and date."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from .cli import agreement, composition, controls, edits, engine, instrument, noise, seams, speed, templates

FOLDER = Path("docs/proof")

PROOFS: dict[str, Callable[[str], None]] = {
    "speed": lambda commit: speed(rounds=9, steps=20, blocks=True, plot=Path("docs/speed.png")),
    "engine": lambda commit: engine(rounds=5, steps=20, pictures=8, backbone="picturebook", size=128),
    "agreement": lambda commit: agreement(),
    "instrument": lambda commit: instrument(stills=150, paintings=None, plot=None),
    "templates": lambda commit: templates(backbone=None, prompts=96, keep=None),
    "seams": lambda commit: seams(pictures=16, steps=20, keep=None),
    "edits": lambda commit: edits(wishes=10, steps=None, show=False),
    "composition": lambda commit: composition(
        objects="1,2,3,4,6", prompts=160, steps=None, out=_rows(commit), keep=False
    ),
    "controls": lambda commit: controls(objects="2,4", prompts=40, steps=None, out=_rows(commit)),
    "noise": lambda commit: noise(objects="2,4", prompts=40, wrong="0.1,0.3", steps=None, out=_rows(commit)),
}


def _rows(commit: str) -> Path:
    """Where measured rows are kept, so that an interrupted proof goes on."""
    return Path("runs") / f"proof-{commit}"


class _Tee(io.StringIO):
    """Keeps what is printed and prints it, too."""

    def write(self, text: str) -> int:
        sys.__stdout__.write(text) if sys.__stdout__ else None
        return super().write(text)


def main() -> None:
    """Run every proof and write `docs/proof/<name>.txt`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    commit = present()
    for name, proof in PROOFS.items():
        printed = _Tee()
        with contextlib.redirect_stdout(printed):
            proof(commit)
        written = stamp(f"muralist eval {name}", commit) + printed.getvalue()
        (FOLDER / f"{name}.txt").write_text(written, encoding="utf-8")


def stamp(command: str, commit: str) -> str:
    """The head of a proof: what printed it, of which commit, and when."""
    return f"{command}\ncommit {commit}, {datetime.now(UTC):%Y-%m-%d}\n\n"


def present() -> str:
    """The short id of the commit that is measured, marked if the tree differs from it in more than the proofs."""
    commit = _git("rev-parse", "--short", "HEAD") or "unknown"
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{FOLDER}")
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
