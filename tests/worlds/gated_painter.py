"""A painter of block world that other processes can hold up: it goes on when a file appears."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from block_world import BlockPainter
from PIL import Image

from muralist.tools.ports import OnStep, PaintSpec

HELD_FROM = 100
"""The first of the seeds at which it waits."""


@dataclass
class GatedPainter(BlockPainter):
    """From seed 100 on, the first step is followed by a wait for the file `gate`, or for being told to stop."""

    gate: Path = Path("/dev/null")

    def _paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        if spec.seed >= HELD_FROM:
            on_step(1, spec.steps)
            while not self.gate.exists() and not cancel.wait(0.02):
                pass
        return super()._paint(spec, on_step, cancel)
