"""Prompt to scene by rules and grammar alone: what there is, how many, how it looks and where it is."""

from __future__ import annotations

import re
import unicodedata

from muralist.tools.errors import BadPrompt
from muralist.tools.fidelity import lost_words
from muralist.tools.scene import MAX_PROMPT, Entity, Relation, Scene
from muralist.tools.words import words as split

from .attachment import Reader
from .reading import Reading, Thing
from .style import read_style
from .tokens import Token, tokenise
from .words import EMPTY_WORDS

_MOST_ENTITIES = 16
_MOST_RELATIONS = 32


def parse_prompt(text: str) -> Scene:
    """The scene a prompt describes; words that could not be understood are listed and stay in the caption.

    A prompt in which nothing can be recognised gives one entity that keeps its words. Entities quote the prompt
    (`span`), `gray` is spelt one way, nouns are singular. Raises BadPrompt if the prompt is empty or too long.
    """
    _check(text)
    tokens = tokenise(text)
    words = [token.word for token in tokens]
    style = read_style(words)
    reading = Reader(words, style.said | style.praise).read()
    covered = reading.covered - style.praise
    if not reading.things:
        _guess(tokens, reading, covered)
    reading.things[_MOST_ENTITIES:], dropped = [], reading.things[_MOST_ENTITIES:]
    for thing in dropped:
        covered -= set(range(thing.start, thing.end))
    ids = _ids(reading.things)
    relations = [
        Relation(subject=ids[subject], predicate=predicate, objects=[ids[other] for other in objects])
        for subject, predicate, objects in reading.relations
        if max(subject, *objects) < len(ids)
    ]
    scene = Scene(
        prompt=text,
        caption=re.sub(r"\s+", " ", text).strip(),
        entities=[_entity(text, tokens, thing, name) for thing, name in zip(reading.things, ids, strict=True)],
        relations=relations[:_MOST_RELATIONS],
        background=reading.background,
        style=style.name,
    )
    lost = set(lost_words(scene))
    unparsed = [
        text[token.start : token.end]
        for position, token in enumerate(tokens)
        if (position not in covered and token.is_word and token.word not in EMPTY_WORDS)
        or not lost.isdisjoint(split(token.word))
    ]
    return scene.model_copy(update={"unparsed": unparsed})


def _check(text: str) -> None:
    if not any(character.isalnum() or unicodedata.category(character) == "So" for character in text):
        raise BadPrompt("the prompt is empty: say what is to be in the picture, such as 'a red apple above a blue cup'")
    if len(text) > MAX_PROMPT:
        raise BadPrompt(f"the prompt has {len(text)} characters: at most {MAX_PROMPT} are possible")
    if any(unicodedata.category(character) == "Cs" for character in text):
        raise BadPrompt("the prompt holds half a character (a lone surrogate): give it as valid Unicode text")


def _guess(tokens: list[Token], reading: Reading, covered: set[int]) -> None:
    """Nothing was recognised: the last word that means something is taken for the one thing."""
    telling = [at for at, token in enumerate(tokens) if token.is_word and token.word not in EMPTY_WORDS]
    telling = telling or [at for at, token in enumerate(tokens) if token.is_word] or list(range(len(tokens)))
    free = [at for at in telling if at not in covered] or telling
    at = free[-1]
    covered.add(at)
    noun = tokens[at].word[:100]
    reading.things.append(Thing(noun=noun, head=noun, attributes=[], count=1, start=at, end=at + 1))
    reading.relations.clear()


def _entity(text: str, tokens: list[Token], thing: Thing, name: str) -> Entity:
    return Entity(
        id=name,
        noun=thing.noun,
        attributes=thing.attributes[:8],
        count=thing.count,
        place=thing.place,
        span=text[tokens[thing.start].start : tokens[thing.end - 1].end],
    )


def _ids(things: list[Thing]) -> list[str]:
    """Short readable ids: `cup`, and `cup_2` for a second one."""
    ids: list[str] = []
    for thing in things:
        plain = unicodedata.normalize("NFKD", thing.head or thing.noun).encode("ascii", "ignore").decode().lower()
        stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:24]
        stem = stem if stem and stem[0].isalpha() else "thing"
        name, number = stem, 1
        while name in ids:
            number += 1
            name = f"{stem}_{number}"
        ids.append(name)
    return ids
