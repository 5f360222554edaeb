"""The run: one frozen ledger of everything that was asked, painted, judged and tried."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from .abilities import ALL, Abilities
from .checklist import Checklist, checklist
from .edits import Edit
from .layout import Layout
from .limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE, SEEDS, SIDE_STEP
from .metering import Spending
from .scene import Scene, Value
from .usage import Budget, Left, Turn, Usage
from .verdict import NOISE, Verdict, acceptable, all_passed, regressions, score, share_passed, unanswered

OFFLINE = "offline"
"""The model that needs no endpoint: rules, which also fill in for a model that cannot be read."""
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
IMAGE_ID = re.compile(rf"({RUN_ID.pattern})-([1-9][0-9]{{0,8}})")
"""A run's id and a number."""
NOTHING = Spending()
TRIES = 2
"""A move that was tried so often on one target, with whatever seed, has had its chance."""


class Move(Value):
    """What was tried: never repeated once rejected."""

    action: str
    target: str
    seed: int


def rejections(rejected: Sequence[Move], action: str, target: str) -> int:
    """How often an action was rejected on a target, with whatever seed."""
    return sum((move.action, move.target) == (action, target) for move in rejected)


class Attempt(Value):
    """One picture, how it came about, and what became of it."""

    image_id: str
    action: Literal["given", "paint", "edit"]
    seed: int
    layout: Layout
    steps: int | None = Field(default=None, description="Denoising steps.")
    edits: list[Edit] = Field(default_factory=list)
    parent: str | None = Field(default=None, description="Of an edit: the picture that it was painted on.")
    verdicts: list[Verdict] | None = None
    said: list[Verdict] = Field(default_factory=list, description="What callers said about it, as they said it.")
    accepted: bool | None = Field(default=None, description="None while verdicts are awaited.")
    reason: str = ""
    outdated: bool = Field(default=False, description="True if it was painted for an earlier scene: history only.")

    @property
    def score(self) -> float | None:
        """None while verdicts are awaited."""
        return None if self.verdicts is None else score(self.verdicts)

    @property
    def share_passed(self) -> float | None:
        """None while verdicts are awaited."""
        return None if self.verdicts is None else share_passed(self.verdicts)

    @property
    def answered(self) -> bool:
        """True if every question is answered with yes."""
        return self.verdicts is not None and all_passed(self.verdicts)

    @property
    def moves(self) -> list[Move]:
        """The attempt in the terms of the loop's law."""
        if self.action == "edit":
            return [Move(action=edit.action, target=edit.target, seed=self.seed) for edit in self.edits]
        return [Move(action=self.action, target="canvas", seed=self.seed)]


class Options(Value):
    """How pictures of this run are painted, and what is asked of its prompt."""

    seed: int = Field(default=0, ge=0, lt=SEEDS)
    width: int = Field(default=128, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP)
    height: int = Field(default=128, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP)
    steps: int = Field(default=20, ge=1, le=MAX_STEPS)
    guidance: float = Field(default=4.0, ge=0, le=MAX_GUIDANCE, allow_inf_nan=False)
    negative_prompt: str = ""
    strict: bool = Field(default=False, description="Refuse a prompt with questions that nobody can answer.")
    approve: bool = Field(default=False, description="Wait for a person's word on the plan before painting.")


class Given(Value):
    """What the caller brought: it takes the place of the agent's recaption and plan."""

    scene: Scene | None = None
    layout: Layout | None = None


class Run(Value):
    """Scene, layout, attempts, best, rejected moves, budget and usage. Every change gives a new value."""

    run_id: str
    owner: str = "local"
    parent: str = Field(default="", description="Of a fork: the run that it goes back to.")
    prompt: str = Field(default="", description="As it was asked for, before there is a scene.")
    parts: dict[str, Any] = Field(default_factory=dict, description="Backbone, model, inspector and how they are set.")
    given: Given = Given()
    options: Options = Options()
    budget: Budget = Budget()
    usage: Usage = Usage()
    scene: Scene | None = None
    source: str | None = Field(
        default=None,
        description="The picture that the run starts from: it is inspected and edited, never painted anew.",
    )
    beyond: list[str] = Field(default_factory=list, description="Questions that no chosen inspector can answer.")
    noise: float = Field(default=NOISE, description="By which share a better picture's score has to be higher.")
    sure: float = Field(default=0.0, description="A pass with a smaller p is doubtful.")
    abilities: Abilities = Field(default=ALL, description="What the painter can do.")
    drafted_by: str = Field(default="", description="Of the scene: a model, the offline rules, or a caller.")
    layout: Layout | None = None
    layout_by: str = Field(default="", description="The same of the layout.")
    attempts: list[Attempt] = Field(default_factory=list)
    best_id: str | None = None
    rejected: list[Move] = Field(default_factory=list)
    turns: list[Turn] = Field(default_factory=list)
    mode: Literal["agent", "pipeline"] = Field(
        default="agent", description="A pipeline if code had to choose the tools, since the endpoint takes only one."
    )
    status: Literal["open", "done", "failed", "cancelled"] = "open"
    paused: bool = Field(default=False, description="True if it failed or was stopped, but can go on where it was.")
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
        """The best attempt so far, of those that could be verified."""
        return None if self.best_id is None else self.attempt(self.best_id)

    @property
    def submitted(self) -> Attempt | None:
        """What is handed over: the best attempt; if none could be verified, the one with the highest score so far.

        Pictures of an earlier scene come last.
        """
        if self.best is not None or not self.attempts:
            return self.best
        return max(self.current or self.attempts, key=lambda attempt: attempt.score or 0.0)

    @property
    def answered(self) -> bool:
        """True if the best image answers every question with yes."""
        return self.best is not None and self.best.answered

    @property
    def not_understood(self) -> list[str]:
        """Words of the prompt that no question asks about."""
        return self.scene.unparsed if self.scene else []

    @property
    def passed(self) -> bool:
        """True if the best image answers every question with yes, and the questions ask about all that was said."""
        return self.answered and not self.not_understood

    @property
    def doubtful(self) -> list[str]:
        """Ids of the questions that the best image answers with yes, but hardly, and that refining may help yet."""
        best = self.best
        if best is None or best.verdicts is None or best.action == "given" or self.scene is None:
            return []
        if not self.abilities.edits:
            return []  # nothing can be refined
        refined = [edit.entity for attempt in self.current for edit in attempt.edits if edit.action == "refine"]
        worth = {
            f"{entity.id}.exists"
            for entity in self.scene.entities
            if entity.count == 1 and entity.id not in self.scene.kept and refined.count(entity.id) < TRIES
        }
        asked = [verdict for verdict in best.verdicts if verdict.question_id in worth and verdict.box is not None]
        return [verdict.question_id for verdict in asked if verdict.status == "pass" and verdict.p < self.sure]

    def attempt(self, image_id: str) -> Attempt:
        """The attempt of that image; KeyError if there is none."""
        for attempt in self.attempts:
            if attempt.image_id == image_id:
                return attempt
        raise KeyError(image_id)

    def number(self, image_id: str) -> int:
        """What people call a picture by, from 1, in the order of the attempts; KeyError if there is none."""
        return self.attempts.index(self.attempt(image_id)) + 1

    @property
    def current(self) -> list[Attempt]:
        """The attempts that were painted for the present scene."""
        return [attempt for attempt in self.attempts if not attempt.outdated]

    @property
    def awaiting(self) -> Attempt | None:
        """The latest attempt, if its verdicts are not all in."""
        return self.current[-1] if self.current and self.current[-1].accepted is None else None

    def layout_of(self, attempt: Attempt) -> Layout:
        """The layout behind an attempt: its own, or for an edit that of the picture which it goes back to."""
        while attempt.parent is not None:
            attempt = self.attempt(attempt.parent)
        return attempt.layout

    def tried(self, move: Move) -> bool:
        """True if this move was rejected before."""
        return move in self.rejected

    def changed(self, **fields: Any) -> Run:
        """The same run with other fields."""
        return self.model_copy(update=fields)

    @property
    def filled_in(self) -> list[str]:
        """The tools that the offline rules called in place of the model, or whose scene or layout they drafted."""
        if all(turn.by == OFFLINE for turn in self.turns):
            return []
        done = [(turn, turn.tool) for turn in self.turns if turn.tool and not turn.mistake]
        return [tool for turn, tool in done if OFFLINE in {turn.by, turn.drafted_by}]

    def left(self, more: Spending = NOTHING, seconds: float = 0.0) -> Left:
        """What is left of the budget once `more` is spent and `seconds` of work are done, too."""
        return self.budget.left(self.usage, len(self.attempts), more, seconds)

    def charged(self, who: Literal["planner", "inspector", "painter"], spent: Spending) -> Run:
        """Add what a model has used."""
        tokens = {f"{who}_input_tokens": spent.input_tokens, f"{who}_output_tokens": spent.output_tokens}
        painting = {"painter_money": spent.money} if who == "painter" else {}
        return self.used(**{f"{who}_calls": spent.calls}, **tokens, **painting, money=spent.money)

    def took(self, turn: Turn) -> Run:
        """Add a turn of the agent, and what it cost."""
        return self.charged("planner", turn.planner).changed(turns=[*self.turns, turn])

    def turned(self, **fields: Any) -> Run:
        """The run with other fields of its latest turn; the same run if it has none."""
        if not self.turns:
            return self
        return self.changed(turns=[*self.turns[:-1], self.turns[-1].model_copy(update=fields)])

    def used(self, **more: float) -> Run:
        """Add to the usage."""
        return self.changed(
            usage=self.usage.model_copy(update={key: getattr(self.usage, key) + n for key, n in more.items()})
        )

    def recaptioned(self, scene: Scene, drafted_by: str) -> Run:
        """Give the run a scene. If it is another one, nothing that was found out before answers its questions.

        Earlier pictures stay as history, without verdicts; there is no best one, no layout and no rejected move.
        """
        if scene == self.scene:
            return self.changed(drafted_by=drafted_by)
        past: dict[str, Any] = {
            "verdicts": None,
            "said": [],
            "accepted": None,
            "outdated": True,
            "reason": "of an earlier scene",
        }
        history = [attempt.model_copy(update=past) for attempt in self.attempts]
        return self.changed(
            prompt=scene.prompt,
            scene=scene,
            drafted_by=drafted_by,
            layout=None,
            layout_by="",
            attempts=history,
            best_id=None,
            rejected=[],
        )

    def painted(self, attempt: Attempt) -> Run:
        """Add an attempt that still awaits its verdicts; the same picture of an earlier scene gives way to it."""
        others = [each for each in self.attempts if each.image_id != attempt.image_id]
        return self.changed(attempts=[*others, attempt]).used(images=int(attempt.action != "given"))

    def with_caller_verdicts(self, image_id: str, said: Sequence[Verdict]) -> Run:
        """Keep a caller's own verdicts on an attempt, for this and every later inspection of it."""
        attempt = self.attempt(image_id)
        latest = {verdict.question_id: verdict for verdict in (*attempt.said, *said)}
        return self._with(attempt, said=list(latest.values()))

    def uninspected(self, image_id: str, reason: str) -> Run:
        """Say why an attempt still awaits its verdicts; one that has some keeps them."""
        attempt = self.attempt(image_id)
        return self if attempt.verdicts is not None else self._with(attempt, reason=reason)

    def judged(self, image_id: str, verdicts: list[Verdict]) -> Run:
        """Give an attempt its verdicts and apply the loop's law: it becomes the best, or its moves are rejected.

        While any question is unanswered it stays a candidate, neither accepted nor rejected. One that was accepted
        once is never rejected afterwards: judged again, it may only become the best.
        """
        attempt, best = self.attempt(image_id), self.best
        waiting = unanswered(verdicts)
        if waiting and attempt.accepted is None:
            return self._with(attempt, verdicts=verdicts, reason="verdicts are awaited")
        if waiting or attempt is best:
            return self._with(attempt, verdicts=verdicts)
        known = None if best is None else best.verdicts
        if acceptable(known, verdicts, self.noise):
            reason = "the first picture" if best is None else f"better: score {score(verdicts):.2f}, nothing got worse"
            return self._with(attempt, verdicts=verdicts, accepted=True, reason=reason).changed(best_id=image_id)
        if attempt.accepted:
            return self._with(attempt, verdicts=verdicts)
        if known is not None and (lost := regressions(known, verdicts)):
            reason = f"worse at {', '.join(lost)}"
        else:
            reason = f"no better: score {score(verdicts):.2f} against {score(known or []):.2f}"
        moves = [move for move in attempt.moves if not self.tried(move)]
        judged = self._with(attempt, verdicts=verdicts, accepted=False, reason=reason)
        return judged.changed(rejected=[*self.rejected, *moves])

    def _with(self, attempt: Attempt, **fields: Any) -> Run:
        """The run with other fields of one attempt."""
        new = attempt.model_copy(update=fields)
        return self.changed(attempts=[new if each is attempt else each for each in self.attempts])


def unasked(words: Sequence[str]) -> str:
    """Why a picture that answers every question with yes is not called passed: words that were not understood."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"no question asks about {listed}, which {'were' if len(words) > 1 else 'was'} not understood"


class Event(Value):
    """One entry of the stream that feeds CLI, MCP progress, Studio, `run.json` and the report."""

    run_id: str
    seq: int = Field(ge=0)
    kind: str
    data: dict[str, Any] = Field(default_factory=dict)
