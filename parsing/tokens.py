"""Words of a prompt with the characters they stand on."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\d+(?:[.,/]\d+)+(?![^\W_])|[^\W_]+(?:(?:['’]-?|-['’]?)[^\W_]+)*|[^\w\s]|_+|\n+")


@dataclass(frozen=True)
class Token:
    """A word or a punctuation mark; `text[start:end]` of the prompt is what it was read from."""

    word: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return self.word[0].isalnum()


def tokenise(text: str) -> list[Token]:
    """Words in lower case with curly apostrophes straightened, every punctuation mark, and line breaks.

    `2.5` and `1/2` are one word each, `&` is `and`.
    """
    return [
        Token("and" if match.group() == "&" else match.group().lower().replace("’", "'"), match.start(), match.end())
        for match in _TOKEN.finditer(text)
    ]
