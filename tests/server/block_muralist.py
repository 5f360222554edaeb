"""The `muralist` command in block world: what the tests start as a process of its own.

From seed 100 on, painting begins once stdin is closed, so that a test can do something in the middle of a run. As
libraries do, the painter prints where it should not when it serves.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "worlds"))

from block_world import BlockPainter, install

from muralist.__main__ import main
from muralist.tools.ports import PaintSpec


def wait(spec: PaintSpec) -> None:
    if "serve" in sys.argv:
        print("loading the paint: 100%")
    if spec.seed >= 100:
        sys.stdin.read()


install(BlockPainter(on_paint=wait))
main()
