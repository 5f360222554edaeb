"""The graph's state and context: small JSON only; pictures stay in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict  # Pydantic reads no other before Python 3.12

if TYPE_CHECKING:
    from muralist.agent import Settings

Json = dict[str, Any]


class Input(TypedDict, total=False):
    """What a caller may give: a prompt, or a user message at the end of `messages`."""

    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation of user, agent and tools; the system prompt is added when the model is asked."""
    prompt: str
    """What to paint."""
    run: Json
    """The ledger, a `Run` as JSON; left out, one is opened."""


class State(Input, total=False):
    """What a checkpoint holds."""

    since: int
    """Index of the run's first message: a thread may hold several runs."""
    seq: int
    """Number of events so far."""
    turns: int
    """Steps of the agent so far: calls that were not repairs of the one before."""
    idle: int
    """The agent's latest calls in a row that changed nothing in the ledger."""
    faults: int
    """The latest calls in a row that could not be read or done."""
    answer: str | None
    """The agent's text when it called no tool."""
    error: Json | None
    """The latest mistake: `kind`, a class of `muralist.tools.errors`, and `message`."""
    version: int | None
    """The store's version of the run when it was opened here: 0 of a new one, None if it could not be opened."""
    started: float
    """When the run began, in seconds since the epoch."""


@dataclass
class Context:
    """How this run is to be painted, by the names of the settings; None takes the setting's own value."""

    backbone: str | None = None
    model: str | None = None
    inspector: str | None = None
    inspector_model: str | None = None
    detector: str | None = None
    vqa: str | None = None
    vision: bool | None = None
    rounds: int | None = None
    images: int | None = None
    seconds: float | None = None
    calls: int | None = None
    tokens: int | None = None
    money: float | None = None
    prices: dict[str, Any] | None = None
    """Per million tokens: `{"model": {"input": 2.5, "output": 10}}`."""
    call_seconds: float | None = None
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    home: str | None = None
    scene: dict[str, Any] | None = None
    """A scene by the caller, `Scene` as JSON: it takes the place of the agent's."""
    plan: dict[str, Any] | None = None
    """A layout by the caller, `Layout` or `Grid` as JSON: it takes the place of the agent's."""

    @classmethod
    def of(cls, settings: Settings, seed: int, scene: Json | None = None, plan: Json | None = None) -> Context:
        """The context that says the same as the settings."""
        known: Mapping[str, Any] = settings.model_dump(mode="json")
        named = {field.name: known[field.name] for field in fields(cls) if field.name in known}
        return cls(**named, seed=seed, scene=scene, plan=plan)

    async def settings(self) -> Settings:
        """The settings of the environment, changed to what this context says; a whole run has the same.

        Raises BadSettings.
        """
        if "_settings" not in vars(self):
            await asyncio.to_thread(getattr, self, "_settings")  # reads the disk
        return self._settings

    @cached_property
    def _settings(self) -> Settings:
        from .wiring import settings

        own = ("seed", "scene", "plan")
        return settings(**{name: value for name, value in asdict(self).items() if name not in own})
