"""A painter of block world that can be caught in the middle of a picture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from block_world import BlockPainter
from PIL import Image

from muralist.tools.ports import OnStep, PaintSpec


@dataclass
class HeldPainter(BlockPainter):
    """At the seed `holds_at` it calls `on_hold` and holds its brush until it is told to stop."""

    holds_at: int = 1
    on_hold: Callable[[], object] = lambda: None

    def _paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        if spec.seed == self.holds_at:
            self.on_hold()
            assert cancel.wait(timeout=60), "nobody told the painter to stop"
        return super()._paint(spec, on_step, cancel)
