"""`make proof`: every long measurement, resumable, its output kept in `docs/proof` with commit and date."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from .cli import agreement, composition, speed

PROOFS: dict[str, Callable[[], None]] = {
    "speed": lambda: speed(rounds=9, steps=20),
    "agreement": agreement,
    "composition": lambda: composition(
        objects="1,2,3,4,6", prompts=160, steps=None, out=Path("runs") / f"proof-{_commit()}", keep=False
    ),
}


class _Tee(io.StringIO):
    """Keeps what is printed and prints it, too."""

    def write(self, text: str) -> int:
        sys.__stdout__.write(text) if sys.__stdout__ else None
        return super().write(text)


def main() -> None:
    """Run every proof and write `docs/proof/<name>.txt`."""
    folder = Path("docs/proof")
    folder.mkdir(parents=True, exist_ok=True)
    for name, proof in PROOFS.items():
        printed = _Tee()
        with contextlib.redirect_stdout(printed):
            proof()
        stamp = f"muralist eval {name}\ncommit {_commit()}, {datetime.now(UTC):%Y-%m-%d}\n\n"
        (folder / f"{name}.txt").write_text(stamp + printed.getvalue(), encoding="utf-8")


def _commit() -> str:
    """The short id of the commit that is measured, marked if the tree differs from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
