"""Models that paint elsewhere: hosted or served by the OpenAI images protocol. Neither torch nor weights are loaded."""

from .painter import HostedPainter

__all__ = ["HostedPainter"]
