"""Prompt to scene by rules and grammar alone: what there is, how many, how it looks and where it is."""

from __future__ import annotations

import re
import unicodedata

from muralist.tools.errors import BadPrompt
from muralist.tools.fidelity import lost_words
from muralist.tools.scene import MAX_PROMPT, Entity, Relation, Scene
from muralist.tools.words import MEDIA, with_article
from muralist.tools.words import words as split

from .asking import is_it
from .attachment import Reader
from .chatter import read_chatter
from .correction import read_corrections
from .enumeration import read_marks
from .lexicon import MOODS, pictures
from .reading import Denied, Reading, Thing
from .style import read_style
from .tokens import Token, tokenise
from .words import EMPTY_WORDS

_MOST_ENTITIES = 16
_MOST_RELATIONS = 32
_MOST_ABSENT = 32
_MOST_CLAIMS = 32


def parse_prompt(text: str) -> Scene:
    """The scene a prompt describes; words that could not be understood are listed and stay in the caption.

    What is not to be there is no part of the caption, for a painter paints whatever is named. A prompt in which nothing
    can be recognised gives one entity that keeps its words. Entities quote the prompt (`span`), `gray` is spelt one
    way, nouns are singular. Raises BadPrompt if the prompt is empty or too long, asks for more of a thing than can be
    placed, or says only what must not be there.
    """
    _check(text)
    tokens = tokenise(text)
    words = [token.word for token in tokens]
    corrections = read_corrections(words)
    chatter = read_chatter(words)
    said = chatter.said - {at for begin, end in corrections.items() for at in range(begin, end)}
    marks = read_marks(words)
    words = ["," if at in marks else " " if at in said else word for at, word in enumerate(words)]
    style = read_style(words)
    reading = Reader(words, style.said | style.praise, chatter.spoken, corrections).read()
    reading.covered |= said | marks
    covered = reading.covered - style.praise
    if not reading.things:
        if reading.absent:
            raise BadPrompt(
                f"the prompt says only what must not be there ({', '.join(reading.absent[0].names)}): say what is to "
                "be in the picture"
            )
        _guess(tokens, reading, covered)
    reading.things[_MOST_ENTITIES:], dropped = [], reading.things[_MOST_ENTITIES:]
    for thing in dropped:
        covered -= set(range(thing.start, thing.end))
    ids = _ids(reading.things)
    looks, claims = _judged(reading)
    entities = [_entity(text, tokens, thing, name) for thing, name in zip(reading.things, ids, strict=True)]
    denied, unclear = _denied(reading)
    covered -= {at for each in unclear for at in each.said}
    relations = [
        Relation(subject=ids[subject], predicate=predicate, objects=[ids[other] for other in objects])
        for subject, predicate, objects in reading.relations
        if max(subject, *objects) < len(ids)
    ]
    scene = Scene(
        prompt=text,
        caption=text,
        entities=entities,
        relations=relations[:_MOST_RELATIONS],
        background=reading.background,
        style=", ".join(dict.fromkeys(filter(None, [style.name, *looks])))[:300] or None,
        absent=list(dict.fromkeys(name for each in denied for name in each.names)),
        claims=list(dict.fromkeys([*reading.claims, *claims]))[:_MOST_CLAIMS],
    )
    lost = set(lost_words(scene))
    unparsed = [
        position
        for position, token in enumerate(tokens)
        if (position not in covered and token.is_word and token.word not in EMPTY_WORDS)
        or not lost.isdisjoint(split(token.word))
    ]
    left_out = (reading.retracted | {at for each in denied for at in each.left_out}) - set(unparsed)
    return scene.model_copy(
        update={
            "caption": _caption(text, tokens, left_out),
            "unparsed": [text[tokens[at].start : tokens[at].end] for at in unparsed],
        }
    )


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


def _judged(reading: Reading) -> tuple[list[str], list[str]]:
    """Takes off the things what is no look of theirs: gives styles of the picture, and questions about the rest."""
    styles, claims = [], []
    nouns = [thing.noun for thing in reading.things]
    for thing in reading.things:
        pictured = [look for look in thing.attributes if thing.head not in MEDIA and pictures(look.value)]
        styles += [look.value for look in pictured]
        for mood in (look.value for look in thing.attributes if look.value in MOODS):
            alone = nouns.count(thing.noun) == 1
            several = f"Is there {with_article(f'{mood} {thing.noun}')}?"
            claims.append(is_it([(thing.noun, thing.count)], mood) if alone else several)
        thing.attributes = [look for look in thing.attributes if look not in pictured and look.value not in MOODS]
    return styles, claims


def _denied(reading: Reading) -> tuple[list[Denied], list[Denied]]:
    """What is not to be there; and what is left open: what is to be there as well, and more than a scene can hold."""
    wanted = {thing.noun for thing in reading.things} | {reading.background}
    meant: list[Denied] = []
    unclear: list[Denied] = []
    names: set[str] = set()
    for denied in reading.absent:
        is_meant = wanted.isdisjoint(denied.names) and len(names.union(denied.names)) <= _MOST_ABSENT
        (meant if is_meant else unclear).append(denied)
        names.update(denied.names if is_meant else ())
    return meant, unclear


def _caption(text: str, tokens: list[Token], left_out: set[int]) -> str:
    """The prompt in one line without the words of these tokens; the whole prompt if no other word is left."""
    gaps = [*(token.start for token in tokens[1:]), len(text)]
    pieces = [text[token.start : gap] for token, gap in zip(tokens, gaps, strict=True)]
    kept = "".join(" " if at in left_out else piece for at, piece in enumerate(pieces))
    if left_out and any(character.isalnum() for character in kept):
        text = re.sub(r"\s+(?=[,.;:!?])", "", kept)
    return re.sub(r"\s+", " ", text).strip()


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
