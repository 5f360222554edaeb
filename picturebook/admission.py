"""What the embedded backbone can draw, what to say about the rest, and how to tell it the whole."""

from __future__ import annotations

from difflib import get_close_matches

from muralist.tools.errors import BadPrompt
from muralist.tools.scene import Scene

from .vocabulary import BACKGROUNDS, COLOURS, NOUNS, plural

REMEDY = "or choose a backbone that knows it with --backbone (MURALIST_BACKBONE): a hub id or a local diffusers folder"


def admit(scene: Scene) -> None:
    """Raise BadPrompt, naming the nearest known words, if the scene needs a noun or colour outside the vocabulary."""
    if not scene.entities:
        raise BadPrompt(f"the prompt names nothing that picturebook can draw: it knows {', '.join(NOUNS)}; {REMEDY}")
    for entity in scene.entities:
        if entity.noun not in NOUNS:
            raise BadPrompt(f"picturebook cannot draw '{entity.noun}': {_nearest(entity.noun, list(NOUNS))}; {REMEDY}")
        for attribute in entity.attributes:
            if attribute.kind == "colour" and attribute.value not in COLOURS:
                known = _nearest(attribute.value, list(COLOURS))
                raise BadPrompt(f"picturebook has no colour '{attribute.value}': {known}; {REMEDY}")


def gist(base_prompt: str) -> str:
    """What the backbone is told of a whole whose parts the regions tell: `many things on sand`.

    The captions it learnt from never tell more than two things, and a thing that the base prompt names is drawn
    anywhere; told the gist, it leaves the things to their regions.
    """
    grounds = [word for word in base_prompt.lower().replace(",", " ").split() if word in BACKGROUNDS]
    return f"many things on {grounds[-1]}" if grounds else "many things"


def _nearest(word: str, known: list[str]) -> str:
    forms = {plural(noun): noun for noun in known if noun in NOUNS} | {noun: noun for noun in known}
    close = [forms[match] for match in get_close_matches(word, list(forms), n=3, cutoff=0.75)]
    meant = f"did you mean {' or '.join(dict.fromkeys(close))}? " if close else ""
    return f"{meant}it knows {', '.join(known)}"
