"""The agent's seat: chat models, the rules that replace them, and settings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .endpoint import Endpoint, EndpointChatModel
    from .offline import OfflineChatModel, OfflineDrafter
    from .placing import lay_out
    from .retouching import propose_edits
    from .settings import Settings

__all__ = [
    "Endpoint",
    "EndpointChatModel",
    "OfflineChatModel",
    "OfflineDrafter",
    "Settings",
    "lay_out",
    "propose_edits",
]

_HOMES = {
    "Endpoint": "endpoint",
    "EndpointChatModel": "endpoint",
    "OfflineChatModel": "offline",
    "OfflineDrafter": "offline",
    "Settings": "settings",
    "lay_out": "placing",
    "propose_edits": "retouching",
}


def __getattr__(name: str) -> Any:
    # What is not asked for is not imported: the parser alone needs neither LangChain nor settings.
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
