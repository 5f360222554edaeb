"""Nobody but the caller inspects."""

from __future__ import annotations

from PIL import Image

from muralist.tools.checklist import Checklist
from muralist.tools.verdict import CALLER, Verdict


class CallerInspector:
    """Answers nothing, so that a run awaits the verdicts of whoever calls the tools; those are self-reported."""

    name = CALLER

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """No verdict for any question."""
        return []
