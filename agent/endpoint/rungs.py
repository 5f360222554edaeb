"""The ladder: five ways to have a model fill in arguments, from the most to the least that an endpoint must support."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from .offers import GIVE_UP, Json, Offer, call_schema


class Rung(Enum):
    """How the answer is asked for; the value is what a run's record calls it."""

    TOOLS = "tools"
    """Required tool calls: the model chooses among all that are offered."""
    SCHEMA = "schema"
    """A reply held to the JSON schema of one call: tool name and arguments."""
    FORCED = "forced"
    """One tool, forced: code has chosen it, so the run is a pipeline and no agent."""
    OBJECT = "object"
    """Any JSON object; the schema stands in the prompt."""
    TEXT = "text"
    """Any text; the schema stands in the prompt."""

    @property
    def below(self) -> Rung | None:
        """The next one down; None at the bottom."""
        ladder = list(Rung)
        at = ladder.index(self) + 1
        return ladder[at] if at < len(ladder) else None

    @property
    def native(self) -> bool:
        """Whether tools are sent as tools; else they stand in the prompt, and so does the conversation about them."""
        return self in (Rung.TOOLS, Rung.FORCED)

    def offers(self, offers: Sequence[Offer]) -> list[Offer]:
        """Those that are asked for here: of a forced tool, the one that goes furthest."""
        if self is not Rung.FORCED:
            return list(offers)
        return [offer for offer in offers if offer is not GIVE_UP][-1:]

    def parameters(self, offers: Sequence[Offer]) -> Json:
        """What the request says besides model and messages."""
        match self:
            case Rung.TOOLS:
                return {"tools": [offer.tool() for offer in offers], "tool_choice": "required"}
            case Rung.SCHEMA:
                schema = {"name": "answer", "schema": call_schema(offers), "strict": False}
                return {"response_format": {"type": "json_schema", "json_schema": schema}}
            case Rung.FORCED:
                chosen = {"type": "function", "function": {"name": offers[0].name}}
                return {"tools": [offers[0].tool()], "tool_choice": chosen}
            case Rung.OBJECT:
                return {"response_format": {"type": "json_object"}}
            case Rung.TEXT:
                return {}
