"""What a run hands over."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from muralist.tools.layout import Box, Layout
from muralist.tools.run import Attempt, Event, Run
from muralist.tools.scene import Scene


@dataclass(frozen=True)
class Result:
    """The best picture of a run, and everything about how it came about.

    `pictures` holds every attempt's picture by image id; `conditions` is what equal bytes depend on besides the run
    itself: versions, threads, backbone.
    """

    image: Image.Image
    """Of an edited picture that was given in another mode than RGB, or with a colour profile or EXIF: in that, with
    all of it."""
    image_id: str
    run: Run = field(repr=False)
    path: Path | None = None
    """`final.png` in the folder that was asked for."""
    pictures: dict[str, Image.Image] = field(default_factory=dict, repr=False)
    events: list[Event] = field(default_factory=list, repr=False)
    conditions: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def attempt(self) -> Attempt:
        """The attempt that `image` comes from."""
        return self.run.attempt(self.image_id)

    @property
    def score(self) -> float:
        """Geometric mean over all questions, in [0, 1]; 0 if the picture could not be inspected."""
        return self.attempt.score or 0.0

    @property
    def share_passed(self) -> float:
        """Share of the questions answered with yes, in [0, 1]."""
        return self.attempt.share_passed or 0.0

    @property
    def passed(self) -> bool:
        """True if every question is answered with yes, and no word of the prompt was left out of them."""
        return self.run.passed

    @property
    def scene(self) -> Scene:
        """What had to be in the picture."""
        if self.run.scene is None:
            raise AssertionError("nothing is painted without a scene")
        return self.run.scene

    @property
    def layout(self) -> Layout:
        """Where everything had to go on the picture that is handed over; the run may have been planned anew since."""
        return self.run.layout_of(self.attempt)

    @property
    def attempts(self) -> list[Attempt]:
        """Every picture painted, in order."""
        return self.run.attempts

    @property
    def repainted(self) -> list[Box]:
        """Where `image` may differ from the picture that its edits go back to; a painter may fill up latent cells."""
        boxes: list[Box] = []
        attempt = self.attempt
        while attempt.parent is not None:
            boxes += [region.box for region in attempt.layout.regions]
            attempt = self.run.attempt(attempt.parent)
        return boxes

    @property
    def run_id(self) -> str:
        return self.run.run_id

    @property
    def reason(self) -> str:
        """Why the run ended."""
        return self.run.reason

    def summary(self) -> dict[str, Any]:
        """The result as small JSON."""
        return {
            "run_id": self.run_id,
            "image_id": self.image_id,
            "path": None if self.path is None else str(self.path),
            "score": round(self.score, 4),
            "share_passed": round(self.share_passed, 4),
            "passed": self.passed,
            "status": self.run.status,
            "reason": self.reason,
            "attempts": len(self.attempts),
            "usage": self.run.usage.model_dump(),
        }
