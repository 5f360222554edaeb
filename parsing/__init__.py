"""From a prompt to a scene by rules and grammar alone, with any vocabulary."""

from .parser import parse_prompt

__all__ = ["parse_prompt"]
