"""Of what a thing is made, or what it is shaped like: `made out of dark oak`, `shaped like a heart`."""

from __future__ import annotations

from collections.abc import Sequence

from muralist.tools.scene import Attribute

from .lexicon import listed
from .noun_phrase import read_noun_phrase

MAKING = frozenset("made built crafted carved fashioned constructed woven knitted sculpted formed cast shaped".split())


def read_making(words: Sequence[str], at: int) -> tuple[Attribute, int] | None:
    """What the participle at `at` says of the thing before it, and the word behind that; None if it says neither."""
    shaped = words[at] == "shaped"
    begin = at + 1 + (list(words[at + 1 : at + 3]) == ["out", "of"])
    if (
        words[at] not in MAKING
        or begin >= len(words)
        or words[begin] not in ({"like", "as"} if shaped else {"of", "from"})
    ):
        return None
    phrase = read_noun_phrase(words, begin + 1)
    if phrase is None or phrase.said_count:
        return None
    if shaped:
        return (Attribute(kind="shape", value=f"{phrase.noun[:80]}-shaped"), phrase.end) if phrase.noun else None
    if phrase.determiner:
        return None
    end = phrase.end
    while end + 1 < len(words) and words[end] == "and" and listed(words[end + 1]) == "material":
        end += 2
    return Attribute(kind="material", value=" ".join(words[phrase.start : end])[:100]), end
