"""How long prompts are for their encoders: longer than they take at once, or padded by what denoisers read as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Call = dict[str, Any]

TEXTS = ("prompt", "prompt_2", "prompt_3", "negative_prompt", "negative_prompt_2", "negative_prompt_3")
"""Arguments of `encode_prompt` that are encoded."""
LENGTHS = (128, 256, 512)
"""Tokens that prompts are padded to, for a T5 or a language model: the first that hold all. Each costs time."""


@dataclass(frozen=True)
class Padding:
    """Of a family whose denoiser reads padding like text: all prompts of a picture are to be padded alike."""

    needed: Callable[[Any, str], int]
    """Of the pipeline and a prompt: the first of LENGTHS that holds it."""
    padded: Callable[[Any, Call], int]
    """Of the pipeline and a call of the denoiser: what the base prompt is padded to."""


class Lengths:
    """What the prompts of a picture are padded to, all alike: as far as the longest needs, of regions' and its own.

    A negative prompt that is encoded after the prompt is padded as far.
    """

    def __init__(self, pipe: Any, padding: Padding, prompts: Sequence[str]) -> None:
        self._pipe, self._padding = pipe, padding
        self._least = self._longest = max(padding.needed(pipe, prompt) for prompt in prompts)
        self._painting = False

    def of_prompts(self, arguments: Mapping[str, Any]) -> int:
        """For the pipeline's own prompts, by the arguments of `encode_prompt`."""
        longest = self._least if self._painting else self._longest  # the next picture begins anew
        texts = [arguments.get(name) for name in TEXTS]
        every = [text for each in texts if each for text in ([each] if isinstance(each, str) else each)]
        self._longest = max([longest, *(self._padding.needed(self._pipe, text) for text in every)])
        self._painting = False
        return self._longest

    def beside(self, call: Call) -> int:
        """For the regions' in a call of the denoiser: as the base prompt is, or further if they need it."""
        self._painting = True
        return max(self._least, self._padding.padded(self._pipe, call))


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
