"""Prompts longer than a text encoder takes at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LENGTHS = (128, 256, 512)
"""Tokens that a T5 or language model is given for a region's prompt: the first that hold it. Each costs time."""


def chunks(tokenizer: Any, prompt: str) -> Iterator[str]:
    """The prompt in parts of whole words that fit CLIP's window (77 tokens); a word beyond it is cut by the encoder."""
    held: list[str] = []
    for word in prompt.split():
        if held and _tokens(tokenizer, " ".join([*held, word])) > tokenizer.model_max_length:
            yield " ".join(held)
            held = []
        held.append(word)
    yield " ".join(held)


def length_for(tokenizer: Any, prompt: str, template: int = 0) -> int:
    """The shortest of LENGTHS that holds the prompt and the tokens of a template; the last cuts it."""
    tokens = _tokens(tokenizer, prompt) + template
    return next((length for length in LENGTHS if tokens <= length), LENGTHS[-1])


def _tokens(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, truncation=False, verbose=False).input_ids)
