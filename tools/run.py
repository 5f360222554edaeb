"""The run: one frozen ledger of everything that was asked, painted, judged and tried."""

from __future__ import annotations

import secrets
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from .checklist import Checklist, checklist
from .layout import Box, Layout
from .scene import Scene, Value
from .verdict import Verdict, acceptable, regressions, score, share_passed

Action = Literal["add", "remove", "replace", "recolour", "move"]


class Edit(Value):
    """One change to a picture. `box` is where it happens; a move goes from `box` to `to`."""

    action: Action
    entity: str = Field(description="Id of the scene's entity that this edit is for.")
    index: int = Field(default=0, ge=0, le=15, description="Which of the entity's instances.")
    box: Box = Field(description="Where: of a move, where it stands now.")
    to: Box | None = Field(default=None, description="Of a move: where it has to go.")

    @model_validator(mode="after")
    def _move_has_two_boxes(self) -> Self:
        if (self.action == "move") != (self.to is not None):
            raise ValueError("a move needs both 'box' and 'to'; every other action only 'box'")
        return self


class Move(Value):
    """What was tried: never repeated once rejected."""

    action: str
    target: str
    seed: int


class Attempt(Value):
    """One picture, how it came about, and what became of it."""

    image_id: str
    action: Literal["paint", "edit"]
    seed: int
    layout: Layout
    edits: list[Edit] = Field(default_factory=list)
    parent: str | None = None
    verdicts: list[Verdict] | None = None
    accepted: bool | None = Field(default=None, description="None while verdicts are awaited.")
    reason: str = ""

    @property
    def score(self) -> float | None:
        """None while verdicts are awaited."""
        return None if self.verdicts is None else score(self.verdicts)

    @property
    def share_passed(self) -> float | None:
        """None while verdicts are awaited."""
        return None if self.verdicts is None else share_passed(self.verdicts)

    @property
    def moves(self) -> list[Move]:
        """The attempt in the terms of the loop's law."""
        if self.action == "paint":
            return [Move(action="paint", target="canvas", seed=self.seed)]
        return [Move(action=edit.action, target=f"{edit.entity}.{edit.index}", seed=self.seed) for edit in self.edits]


class Budget(Value):
    """Where a run ends at the latest."""

    rounds: int = Field(default=4, ge=0, le=50, description="Retouches or new pictures after the first.")
    images: int = Field(default=8, ge=1, le=100)
    seconds: float = Field(default=600, gt=0, allow_inf_nan=False)


class Usage(Value):
    """What a run has used."""

    images: int = 0
    planner_calls: int = 0
    inspector_calls: int = 0


class Options(Value):
    """How pictures of this run are painted."""

    seed: int = Field(default=0, ge=0, lt=2**63)
    width: int = 128
    height: int = 128
    steps: int = Field(default=20, ge=1, le=200)
    guidance: float = Field(default=4.0, ge=0, le=30, allow_inf_nan=False)
    negative_prompt: str = ""


class Run(Value):
    """Scene, layout, attempts, best, rejected moves, budget and usage. Every change gives a new value."""

    run_id: str
    owner: str = "local"
    options: Options = Options()
    budget: Budget = Budget()
    usage: Usage = Usage()
    scene: Scene | None = None
    drafted_by: str = ""
    layout: Layout | None = None
    attempts: list[Attempt] = Field(default_factory=list)
    best_id: str | None = None
    rejected: list[Move] = Field(default_factory=list)
    status: Literal["open", "done", "failed", "cancelled"] = "open"
    reason: str = ""

    @classmethod
    def open(cls, owner: str = "local", **fields: Any) -> Run:
        """A new run with an unguessable id."""
        return cls(run_id=secrets.token_hex(16), owner=owner, **fields)

    @property
    def checklist(self) -> Checklist | None:
        """The scene's questions."""
        return None if self.scene is None else checklist(self.scene)

    @property
    def best(self) -> Attempt | None:
        """The best attempt so far: what would be submitted now."""
        return None if self.best_id is None else self.attempt(self.best_id)

    @property
    def passed(self) -> bool:
        """True if the best image answers every question with yes."""
        best = self.best
        return best is not None and best.verdicts is not None and best.share_passed == 1.0

    def attempt(self, image_id: str) -> Attempt:
        """The attempt of that image; KeyError if there is none."""
        for attempt in self.attempts:
            if attempt.image_id == image_id:
                return attempt
        raise KeyError(image_id)

    def tried(self, move: Move) -> bool:
        """True if this move was rejected before."""
        return move in self.rejected

    def changed(self, **fields: Any) -> Run:
        """The same run with other fields."""
        return self.model_copy(update=fields)

    def used(self, **more: int) -> Run:
        """Add to the usage."""
        return self.changed(
            usage=self.usage.model_copy(update={key: getattr(self.usage, key) + n for key, n in more.items()})
        )

    def painted(self, attempt: Attempt) -> Run:
        """Add an attempt that still awaits its verdicts."""
        return self.changed(attempts=[*self.attempts, attempt]).used(images=1)

    def judged(self, image_id: str, verdicts: list[Verdict] | None) -> Run:
        """Give an attempt its verdicts and apply the loop's law: it becomes the best, or its moves are rejected."""
        attempt = self.attempt(image_id)
        if verdicts is None:
            return self
        best = self.best
        known = None if best is None else best.verdicts
        accepted = best is None or image_id == self.best_id or acceptable(known, verdicts)
        if accepted:
            reason = "first picture" if best is None else f"score {score(verdicts):.2f}, nothing got worse"
        elif known is not None and (lost := regressions(known, verdicts)):
            reason = f"worse at {', '.join(lost)}"
        else:
            reason = f"score {score(verdicts):.2f} is no better than {score(known or []):.2f}"
        done = attempt.model_copy(update={"verdicts": verdicts, "accepted": accepted, "reason": reason})
        attempts = [done if each.image_id == image_id else each for each in self.attempts]
        if accepted:
            return self.changed(attempts=attempts, best_id=image_id)
        return self.changed(attempts=attempts, rejected=[*self.rejected, *attempt.moves])


class Event(Value):
    """One entry of the stream that feeds CLI, MCP progress, Studio, `run.json` and the report."""

    run_id: str
    seq: int = Field(ge=0)
    kind: str
    data: dict[str, Any] = Field(default_factory=dict)
