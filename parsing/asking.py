"""How a claim that neither boxes nor attributes stand for is put as a yes-or-no question."""

from __future__ import annotations

from collections.abc import Sequence

from muralist.tools.words import ARTICLES, says_something

from .noun_phrase import read_thing
from .verbs import is_gerund
from .words import DEFINITE, DIRECTIONS

Nouns = Sequence[tuple[str, int]]
"""What a question is about: nouns, and how many there are of each."""


def is_it(nouns: Nouns, how: str) -> str:
    """`Is the cat asleep?`; of several, whether every one is."""
    return f"{_is_subject(nouns)} {how}?"


def is_not(nouns: Nouns, how: str) -> str:
    """`Is the cat not on the left?`"""
    return f"{_is_subject(nouns)} not {how}?"


def is_true(nouns: Nouns, verb: str, how: str) -> str:
    """`Is it true that the apple isn't red?`: as the prompt says it."""
    return f"Is it true that {_subject(nouns)} {verb} {how}?"


def doing(words: Sequence[str], at: int) -> tuple[str, int]:
    """`chasing the dog` of the verb in -ing at word `at`, and the word behind it; nothing of any other word."""
    is_deed = at < len(words) and is_gerund(words, at) and says_something(words[at])
    return deed(words, at) if is_deed else ("", at)


def deed(words: Sequence[str], at: int) -> tuple[str, int]:
    """What the verb at word `at` does, to what, and where it leads; and the word behind that."""
    question, end = words[at], at + 1
    begin = end + (list(words[end : end + 1]) == ["at"])
    if (phrase := read_thing(words, begin)) is not None:
        question, end = f"{' '.join(words[at:begin])} the {phrase.noun}", phrase.end
    if end < len(words) and words[end] in DIRECTIONS:
        question, end = f"{question} {words[end]}", end + 1
        if (phrase := read_thing(words, end)) is not None:
            question, end = f"{question} the {phrase.noun}", phrase.end
    return question, end


def quoted(words: Sequence[str], start: int, end: int) -> str:
    """Words as a question repeats them, without a leading article."""
    start += start < end and words[start] in ARTICLES | DEFINITE | {"any"}
    return " ".join(words[start:end])


def _is_subject(nouns: Nouns) -> str:
    return f"{'Are' if len(nouns) > 1 else 'Is'} {_subject(nouns)}"


def _subject(nouns: Nouns) -> str:
    return " and ".join(f"every {noun}" if count > 1 else f"the {noun}" for noun, count in nouns)
