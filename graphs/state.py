"""The graph's state and context: small JSON only; ledgers and pictures stay in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypedDict  # Pydantic reads no other before Python 3.12

from muralist.agent.settings import Settings
from muralist.tools.limits import SEEDS

Json = dict[str, Any]

NODES: dict[str, list[str]] = {
    "agent": ["model", "vision", "instructions", "calls", "tokens", "money", "prices", "call_seconds"],
    "plan": ["approve"],
    "regional_diffuse": [
        "backbone", "placement", "steps", "guidance", "width", "height", "scheduler", "lora", "vae", "dtype",
        "quantize", "variant", "revision",
    ],
    "inspect_and_edit": ["inspector", "inspector_model", "detector", "vqa", "strict"],
    "verify": ["rounds", "images", "seconds"],
}  # fmt: skip
"""Settings that a caller may choose, by the node that they are about."""

EXAMPLES: dict[str, list[str]] = {
    "backbone": ["picturebook", "stabilityai/stable-diffusion-xl-base-1.0", "./a-folder-in-diffusers-format"],
    "model": ["offline", "gpt-5-mini"],
    "inspector": ["picturebook", "mllm", "grounded", "grounded+mllm", "caller"],
    "inspector_model": ["gpt-5-mini"],
    "detector": ["google/owlv2-base-patch16-ensemble"],
    "vqa": ["openai/clip-vit-large-patch14"],
}
"""What a field may be, where other values are possible, too."""


class Input(TypedDict, total=False):
    """What a caller may give: a user message at the end of `messages`, a prompt, or the id of a run."""

    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation of user, agent and tools; the system prompt is added when the model is asked."""
    prompt: str
    """What to paint; the same as a user message."""
    run_id: str
    """A run that was opened or forked before; left out, one is opened."""


class EditInput(TypedDict, total=False):
    """What a caller of the graph `edit` may give: a picture and a wish, or later messages about it."""

    image: str | None
    """A picture in base64 or as a `data:` URL, or the id of one."""
    wish: str
    """What to change: 'make the cup green', 'remove the book', or what has to be there."""
    messages: Annotated[list[AnyMessage], add_messages]
    """The conversation; a user message at the end may bring a picture and a wish, too."""


class State(Input, EditInput, total=False):
    """What a checkpoint holds."""

    owner: str
    """Whose run it is."""
    version: int
    """The ledger's version after the latest node: a node that finds a later one was rewound, or broke off."""
    picture: str
    """Id of the thread's latest picture: what a wish is about."""
    heard: Json
    """Digests of seed, scene and plan that the context said when the run was opened."""
    since: int
    """Index of the run's first message: a thread may hold several runs."""
    asked: int
    """How often the agent was asked; it numbers its turns."""
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
    approved: bool
    """Whether a person has agreed to the plan, or nobody has to."""
    ended: bool
    """Whether the run has ended."""


def _fields() -> dict[str, Any]:
    """The settings as fields that may be left out, each with its description, limits and node."""
    found: dict[str, Any] = {}
    for node, names in NODES.items():
        for name in names:
            known = Settings.model_fields[name]
            extra: dict[str, Any] = {"langgraph_nodes": [node]}
            if name in EXAMPLES:
                extra["examples"] = EXAMPLES[name]
            if name == "instructions":
                extra["langgraph_type"] = "prompt"
            field = Field(default=None, description=known.description, json_schema_extra=extra)
            kind: Any = known.annotation
            for limit in known.metadata:
                kind = Annotated[kind, limit]
            found[name] = (Optional[kind], field)  # noqa: UP045 - `|` does not take what is Annotated
    return found


if TYPE_CHECKING:

    class _Chosen(BaseModel):
        """The settings that a caller may choose."""
else:
    _Chosen = create_model("_Chosen", **_fields())


class Context(_Chosen):
    """How a run is to be painted; what is left out is as the server's settings say. Frozen when the run begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int | None = Field(
        default=None, ge=0, lt=SEEDS, description="The same seed gives the same picture.",
        json_schema_extra={"langgraph_nodes": ["regional_diffuse"]},
    )  # fmt: skip
    scene: Json | None = Field(
        default=None, description="A scene of your own, in place of the agent's: as `recaption` takes it.",
        json_schema_extra={"langgraph_nodes": ["recaption"]},
    )  # fmt: skip
    plan: Json | None = Field(
        default=None, description="A layout (`regions`) or a grid (`rows`, `columns`) in place of the agent's.",
        json_schema_extra={"langgraph_nodes": ["plan"]},
    )  # fmt: skip

    def said(self) -> Json:
        """What it says about settings, by their names."""
        return self.model_dump(mode="json", exclude_none=True, exclude={"seed", "scene", "plan"})
