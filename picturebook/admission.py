"""What the embedded backbone can draw, what to say about the rest, and how to tell it the whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from muralist.tools.errors import BadPrompt
from muralist.tools.ports import Vocabulary
from muralist.tools.scene import Entity, Scene
from muralist.tools.words import with_article

from .vocabulary import BACKGROUNDS, COLOURS, NOUNS, SYNONYMS, plural

WORDS = Vocabulary(tuple(NOUNS), tuple(COLOURS), tuple(BACKGROUNDS), SYNONYMS)
REMEDY = "or choose a backbone that knows more with --backbone (MURALIST_BACKBONE): a hub id or a local folder"


def admit(scene: Scene) -> Scene:
    """The scene in words that the backbone was taught: a kitten is a cat.

    Raises BadPrompt if it needs other nouns or colours, naming all of them, each with the known word that it may be a
    misspelling of.
    """
    scene = _in_known_words(scene)
    if not scene.entities:
        raise BadPrompt(f"the prompt names nothing that picturebook can draw: it knows {', '.join(NOUNS)}; {REMEDY}")
    nouns = _unknown((entity.noun for entity in scene.entities), NOUNS)
    colours = _unknown((colour for entity in scene.entities for colour in _colours(entity)), COLOURS)
    trouble = [f"cannot draw {nouns}: it knows {', '.join(NOUNS)}"] if nouns else []
    trouble += [f"has no colour {colours}: it knows {', '.join(COLOURS)}"] if colours else []
    if trouble:
        raise BadPrompt(f"picturebook {'; it '.join(trouble)}; {REMEDY}")
    return scene


def short_caption(base_prompt: str) -> str:
    """The base prompt shortened for the backbone where regions name the things: `many things on sand`.

    Its training captions name at most two things, and a thing that the base prompt names is drawn anywhere; with the
    short caption, it leaves the things to their regions.
    """
    grounds = [word for word in base_prompt.lower().replace(",", " ").split() if word in BACKGROUNDS]
    return f"many things on {grounds[-1]}" if grounds else "many things"


def _in_known_words(scene: Scene) -> Scene:
    """The scene with every synonym replaced, wherever it is painted or asked for."""
    entities = [_known_entity(entity) for entity in scene.entities]
    nouns = {entity.noun for entity in entities}
    said = [word for entity in scene.entities for word in (entity.noun, *_colours(entity))]
    said += [scene.background or "", *scene.absent]
    changed = {
        "entities": entities,
        "background": SYNONYMS.get(scene.background or "", scene.background),
        # "a cat, but no kitten" must not become "a cat, but no cat"
        "absent": [noun if SYNONYMS.get(noun) in nouns else SYNONYMS.get(noun, noun) for noun in scene.absent],
        "caption": _known_text(scene.caption, said),
        "claims": [_known_text(claim, said) for claim in scene.claims],
    }
    return scene.model_copy(update=changed)


def _known_entity(entity: Entity) -> Entity:
    attributes = [
        attribute.model_copy(update={"value": SYNONYMS.get(attribute.value, attribute.value)})
        if attribute.kind == "colour"
        else attribute
        for attribute in entity.attributes
    ]
    return entity.model_copy(update={"noun": SYNONYMS.get(entity.noun, entity.noun), "attributes": attributes})


def _known_text(text: str, said: Iterable[str]) -> str:
    """The text with those of its words that are synonyms replaced, in singular and plural: an aeroplane, two mugs."""
    for word in {word for word in said if word in SYNONYMS}:
        known = SYNONYMS[word]
        many = plural(known) if known in NOUNS else known
        text = re.sub(rf"\b{plural(word)}\b", many, text, flags=re.IGNORECASE)
        one = known if known in BACKGROUNDS else with_article(known)
        text = re.sub(rf"\ban? {word}\b", one, text, flags=re.IGNORECASE)
        text = re.sub(rf"\b{word}\b", known, text, flags=re.IGNORECASE)
    return text


def _colours(entity: Entity) -> list[str]:
    return [attribute.value for attribute in entity.attributes if attribute.kind == "colour"]


def _unknown(words: Iterable[str], known: Iterable[str]) -> str:
    """Those of the words that are not known, each with what may have been meant; empty if all are."""
    return ", ".join(f"'{word}'{_hint(word)}" for word in dict.fromkeys(words) if word not in known)


def _hint(said: str) -> str:
    """` (did you mean boat?)` of `boot` and `paddle boat`, ` (did you mean red apple?)` of `reed aple`."""
    *qualities, head = said.split()
    meant = _nearest(said) or _nearest(head)
    if meant and not _nearest(said):
        meant = " ".join([*filter(None, map(_nearest, qualities)), meant])
    return f" (did you mean {meant}?)" if meant else ""


def _nearest(word: str) -> str:
    """The word that is spelt most like it, among all that are understood; empty if none is much like it."""
    nouns = [*NOUNS, *(word for word in SYNONYMS if SYNONYMS[word] in NOUNS)]
    forms = {plural(noun): noun for noun in nouns} | {each: each for each in (*nouns, *COLOURS, *SYNONYMS)}
    return next((forms[form] for form in get_close_matches(word, forms, n=1, cutoff=0.75)), "")
