"""The form in which a vision model answers a checklist; what it gets slightly wrong is mended, what remains dropped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from muralist.tools.layout import Box

SLIPPED = 1.05
"""How far beyond the canvas a fraction may reach and still be one."""
THOUSANDTHS = 1000.0
"""The grid on which several families of vision models were trained to give boxes, whatever they are asked for."""
CERTAIN = 0.99
"""The most that a model's own probability counts for."""
PLAIN = 0.9
"""The probability of a yes that was given none."""


class Corners(BaseModel):
    """A box as a model gives it: nothing is certain but four numbers."""

    x0: float
    y0: float
    x1: float
    y1: float

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        if isinstance(value, list) and len(value) == 4:
            return dict(zip(("x0", "y0", "x1", "y1"), value, strict=True))
        return value

    @property
    def largest(self) -> float:
        return max(map(abs, (self.x0, self.y0, self.x1, self.y1)))

    def box(self, scale: float) -> Box | None:
        """In fractions, given what one canvas is, cut to the canvas; None if nothing of it is left."""
        (x0, x1), (y0, y1) = (
            sorted(min(max(edge / scale, 0.0), 1.0) for edge in pair)
            for pair in ((self.x0, self.x1), (self.y0, self.y1))
        )
        return Box(x0=x0, y0=y0, x1=x1, y1=y1) if x1 - x0 > 1e-3 and y1 - y0 > 1e-3 else None


class Thing(BaseModel):
    """One instance that can be seen."""

    entity: str = Field(description="Id of the entity it is an instance of.")
    box: Corners


class Reply(BaseModel):
    """The answer to one question."""

    question: str = Field(description="Id of the question.")
    answer: Literal["yes", "no", "unsure"]
    p: float | None = Field(default=None, description="Probability that the answer is yes, from 0 to 1.")
    evidence: str = Field(default="", description="What in the picture shows it, in a few words.")
    box: Corners | None = Field(default=None, description="The part of the picture that shows it, if there is one.")

    @field_validator("answer", mode="before")
    @classmethod
    def _word(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return value.strip().rstrip(".!").lower() if isinstance(value, str) else value

    @property
    def probability(self) -> float:
        """Of yes, in [0.01, 0.99]. The word decides on which side of one half: some give how sure they are instead."""
        if self.answer == "unsure":
            return 0.5
        p = PLAIN if self.p is None or not math.isfinite(self.p) else self.p
        p = min(max(p / 100 if p > SLIPPED else p, 1 - CERTAIN), CERTAIN)
        return max(p, 1 - p) if self.answer == "yes" else min(p, 1 - p)


class Inspection(BaseModel):
    """What is seen on the picture: a box for every instance, and an answer to every question."""

    sees_picture: bool = Field(default=True, description="False if no picture can be seen.")
    things: list[Thing] = Field(default_factory=list)
    answers: list[Reply]

    def scale(self, side: int) -> float | None:
        """What one canvas is in the reply's boxes, of a picture sent with that longer side; None if it is uncertain.

        Fractions as asked for, or thousandths where they cannot be pixels.
        """
        given = [thing.box for thing in self.things] + [reply.box for reply in self.answers if reply.box]
        largest = max((corners.largest for corners in given), default=0.0)
        if largest <= SLIPPED:
            return 1.0
        return THOUSANDTHS if max(side, 1) < largest <= THOUSANDTHS else None


def one_each(boxes: Iterable[Box], same: float) -> list[Box]:
    """The boxes without repetitions: an intersection over union of `same` or more is one thing listed twice."""
    kept: list[Box] = []
    for box in boxes:
        if all(box.iou(other) < same for other in kept):
            kept.append(box)
    return kept
