"""The `muralist` command in block world: what the tests start as a process of its own.

From seed 100 on, painting begins once stdin is closed, so that a test can do something in the middle of a run. As
libraries do, the painter prints where it should not when it serves. `FAULTS` names seeds at which the second region is
left out, `HELD` one at which painting waits until it is told to stop, `FROZEN` the seconds after which a run may be
taken over, and `struck` says how a signal comes at a point.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "worlds"))

import struck
from block_world import install
from held_painter import HeldPainter

from muralist.__main__ import main
from muralist.tools.ports import PaintSpec

BRUSH_STROKES = "step"


def wait(spec: PaintSpec) -> None:
    if "serve" in sys.argv:
        print("loading the paint: 100%")
    if spec.seed >= 100:
        sys.stdin.read()


class Painter(HeldPainter):
    """Comes by a point at every step."""

    def _paint(self, spec, on_step, cancel):  # type: ignore[no-untyped-def]
        def stroke(step: int, steps: int) -> None:
            struck.passing(BRUSH_STROKES)
            on_step(step, steps)

        return super()._paint(spec, stroke, cancel)


if seconds := os.environ.get("FROZEN"):
    from muralist.storage import leases

    leases.FROZEN = float(seconds)
faults = {int(seed): [1] for seed in os.environ.get("FAULTS", "").split()}
install(Painter(faults=faults, on_paint=wait, holds_at=int(os.environ.get("HELD", "-1"))))
struck.watch()
main()
