"""Models behind OpenAI-compatible endpoints: whatever an endpoint can do, arguments come out."""

from __future__ import annotations

from .chat_model import EndpointChatModel
from .conversation import picture_block
from .endpoint import Endpoint

__all__ = ["Endpoint", "EndpointChatModel", "picture_block"]
