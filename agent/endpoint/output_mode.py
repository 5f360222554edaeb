"""The output modes: five ways to get structured output from a model, from the most demanding of the endpoint down."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from .tool_specs import GIVE_UP, Json, ToolSpec, call_schema


class OutputMode(Enum):
    """How structured output is asked for; the value is the one in a run's record."""

    TOOLS = "tools"
    """Required tool calls: the model chooses among all that are offered."""
    SCHEMA = "schema"
    """Structured output by JSON schema: tool name and arguments."""
    FORCED = "forced"
    """Forced tool choice: code has chosen the tool, so the run is a pipeline and no agent."""
    OBJECT = "object"
    """JSON mode; the schema stands in the prompt."""
    TEXT = "text"
    """Plain text; the schema stands in the prompt."""

    @property
    def fallback(self) -> OutputMode | None:
        """The next less demanding mode; None for the last."""
        ladder = list(OutputMode)
        at = ladder.index(self) + 1
        return ladder[at] if at < len(ladder) else None

    @property
    def native(self) -> bool:
        """Whether tools are sent as tools; else they and the past tool calls stand in the prompt as text."""
        return self in (OutputMode.TOOLS, OutputMode.FORCED)

    def specs(self, specs: Sequence[ToolSpec]) -> list[ToolSpec]:
        """The tools offered in this mode; where one is forced, the one furthest along."""
        if self is not OutputMode.FORCED:
            return list(specs)
        return [spec for spec in specs if spec is not GIVE_UP][-1:]

    def parameters(self, specs: Sequence[ToolSpec]) -> Json:
        """The request's parameters besides model and messages."""
        match self:
            case OutputMode.TOOLS:
                return {"tools": [spec.tool() for spec in specs], "tool_choice": "required"}
            case OutputMode.SCHEMA:
                schema = {"name": "answer", "schema": call_schema(specs), "strict": False}
                return {"response_format": {"type": "json_schema", "json_schema": schema}}
            case OutputMode.FORCED:
                chosen = {"type": "function", "function": {"name": specs[0].name}}
                return {"tools": [specs[0].tool()], "tool_choice": chosen}
            case OutputMode.OBJECT:
                return {"response_format": {"type": "json_object"}}
            case OutputMode.TEXT:
                return {}
