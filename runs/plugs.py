"""Parts that a caller gives as objects, in place of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from muralist.tools.errors import BadSettings
from muralist.tools.ports import Drafter, Inspector, Painter, Store
from muralist.tools.run import Run

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from muralist.agent import Settings


@dataclass(frozen=True)
class Plugs:
    """A painter, an inspector, a chat model, a drafter and a store; None takes the one that the settings name.

    A run remembers their names, and asks for objects of the same names when it goes on.
    """

    painter: Painter | None = None
    inspector: Inspector | None = None
    chat_model: BaseChatModel | None = None
    drafter: Drafter | None = None
    store: Store | None = None

    def named(self, settings: Settings) -> Settings:
        """The settings with the objects' names."""
        return settings.model_copy(update=self.names)

    def check(self, run: Run) -> None:
        """Raise BadSettings if a run was begun with others."""
        for name, value in self.names.items():
            if run.parts and run.parts.get(name) != value:
                raise BadSettings(
                    f"run {run.run_id} was begun with {name} {run.parts.get(name)!r}, not {value!r}: give that one"
                )

    @property
    def names(self) -> dict[str, str]:
        """The objects' names, by setting."""
        names = {
            "backbone": self.painter and self.painter.name,
            "inspector": self.inspector and self.inspector.name,
            "model": self.chat_model and name_of(self.chat_model),
        }
        return {name: value for name, value in names.items() if value}


NONE = Plugs()


def name_of(model: BaseChatModel) -> str:
    """What a chat model is called."""
    for field in ("model_name", "model"):
        if isinstance(name := getattr(model, field, None), str) and name:
            return name
    return model._llm_type
