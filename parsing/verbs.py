"""Telling verbs from nouns without a dictionary: by their endings and by what stands around them."""

from __future__ import annotations

from collections.abc import Sequence

from muralist.tools.plurals import is_plural
from muralist.tools.words import ARTICLES

from .lexicon import listed
from .morphology import by_form
from .numbers import number
from .words import (
    AUXILIARIES,
    BOUNDS,
    CLAUSE_WORDS,
    CONJUNCTIONS,
    DEFINITE,
    DETERMINERS,
    ED_MODIFIERS,
    ED_NOUNS,
    INDEFINITE,
    ING_MODIFIERS,
    ING_NOUNS,
    IRREGULAR_PAST,
    LY_NOUNS,
    NOUNS_TOO,
    PARTICLES,
    POSITION_VERBS,
    PREPOSITIONS,
    RELATIVES,
    SPATIAL,
    VERB_STEMS,
)

_BOUNDARIES = CONJUNCTIONS | CLAUSE_WORDS | RELATIVES


def is_noun_like(words: Sequence[str], at: int) -> bool:
    """True if the word at `at` may stand inside a noun phrase."""
    return at < len(words) and words[at][0].isalnum() and words[at] not in BOUNDS and not _starts_side(words, at)


def _starts_side(words: Sequence[str], at: int) -> bool:
    """`left of`, `right side of`, or `left`, `top left` with nothing behind it: where something is, not what it is."""
    if words[at] in {"top", "bottom", "upper", "lower"}:
        named = not at or words[at - 1] in DETERMINERS or not words[at - 1][0].isalnum()
        sided = not named and list(words[at + 1 : at + 2]) in (["left"], ["right"])
        return sided and (at + 2 >= len(words) or words[at + 2] in BOUNDS or not words[at + 2][0].isalnum())
    if words[at] in {"smack", "bang", "dead"}:
        return at > 0 and words[at + 1 : at + 2] != [] and words[at + 1] in {"in", "on", "at", "centre", "center"}
    if words[at] not in {"left", "right"}:
        return False
    if at + 1 >= len(words) or not words[at + 1][0].isalnum() or words[at + 1] in CONJUNCTIONS:
        return at > 0 and words[at - 1] not in DETERMINERS
    sided = words[at + 1] == "side" and "of" in words[at + 2 : at + 3]
    return sided or words[at + 1] in {"of", "to", "in", "at", "on"} | SPATIAL


def is_participle(words: Sequence[str], at: int) -> bool:
    """`roasted`, `wagging`: a form of a verb, unless it is a noun or belongs to the noun that follows."""
    word = words[at]
    followed = is_noun_like(words, at + 1)
    if word.endswith("ed") and len(word) > 3:
        return word not in ED_NOUNS and not (word in ED_MODIFIERS and followed)
    if word.endswith("ing") and len(word) > 4:
        if words[at + 1 : at + 2] and words[at + 1] in DETERMINERS and not (at and words[at - 1] in DETERMINERS):
            return listed(words[at - 1]) is None if at else True  # drawing a sketch, but: a fine painting the man sold
        return word not in ING_NOUNS and not (word in ING_MODIFIERS and followed)
    return False


def is_gerund(words: Sequence[str], at: int) -> bool:
    """`creating`, but neither `painting` nor the `dining` of a dining table."""
    return words[at].endswith("ing") and is_participle(words, at)


def is_adverb(word: str) -> bool:
    """`happily`, but neither `butterfly` nor `prickly`."""
    return word.endswith("ly") and len(word) > 4 and word not in LY_NOUNS and (listed(word) or by_form(word)) is None


def ends_noun(
    words: Sequence[str], at: int, after_plural: bool = False, singular: bool = False, counted: bool = False
) -> bool:
    """True if the word at `at`, standing right behind a noun, is a verb or an adverb rather than more of the noun.

    `singular` says that no plural is to come (the noun has `a` before it, or the sentence still lacks its verb),
    `counted` that a number above one is before it, so that its plural is still to come: four traffic lights.
    """
    word = words[at]
    following = words[at + 1] if at + 1 < len(words) else ""
    if words[at - 1].endswith("'s"):
        return False
    doing = word.endswith("ing") and len(word) > 4 and word not in ING_NOUNS  # a man playing guitar
    if doing or word in IRREGULAR_PAST or word in PARTICLES or is_participle(words, at) or is_adverb(word):
        return True
    if word == "set":
        return words[at - 1] in {"sun", "moon"}
    if word == "can":
        return following in VERB_STEMS or following == "be"
    opens = following in DETERMINERS or number(following) is not None
    if opens and word in POSITION_VERBS:
        return True  # behind the goal stand two trees
    if word in VERB_STEMS - NOUNS_TOO and following in PREPOSITIONS - {"of"}:
        return True  # make the cat sit on a mat
    if opens and (after_plural or is_plural(word) or word in VERB_STEMS - NOUNS_TOO):
        return True  # vines embrace the statues: no noun holds a determiner
    stems = {word[:-1], word[:-2], word[:-3] + "y" if word.endswith("ies") else ""} & VERB_STEMS
    sided = bool(following) and _starts_side(words, at + 1)  # a cat sits left of a dog
    led_on = opens or sided or following in PREPOSITIONS | INDEFINITE or following.endswith("ly")
    led_on = led_on or (singular and (listed(following) is not None or is_plural(following)))  # throws red balls
    if after_plural:
        return word in VERB_STEMS or (word.endswith("s") and (singular or bool(stems)) and led_on)
    if not word.endswith("s") or counted:
        return False
    if not stems:
        # a peacock struts past a fountain: behind `a` there is no plural.
        return singular and led_on and is_plural(word)
    at_end = not following or not following[0].isalnum()
    if stems & NOUNS_TOO:
        return (led_on and (singular or word in POSITION_VERBS)) or (at_end and singular)
    return led_on or at_end


def awaits_verb(words: Sequence[str], start: int) -> bool:
    """True if the phrase at `start` only adds to a subject that still has no verb: the man with the umbrella walks.

    A subject in the plural takes no verb in -s, so that any word in -s before is a verb already or rules one out.
    """
    if not start or not (words[start - 1] in PREPOSITIONS or words[start - 1].endswith("ing")):
        return False
    begin = start
    while begin and words[begin - 1][0].isalnum() and words[begin - 1] not in _BOUNDARIES:
        begin -= 1
    return words[begin] in DEFINITE | ARTICLES and not any(
        is_plural(words[at]) or _is_finite(words, at) for at in range(begin, start)
    )


def _is_finite(words: Sequence[str], at: int) -> bool:
    """True if the word is certainly the verb of its sentence, and does not describe a noun as `bearded` does."""
    ending = words[at].endswith("ed") and words[at] not in ED_NOUNS and not is_noun_like(words, at + 1)
    return ending or words[at] in AUXILIARIES | IRREGULAR_PAST


def is_verb_form(words: Sequence[str], at: int) -> bool:
    """True if the word at `at` looks like a verb where no noun phrase is under way."""
    if words[at] in POSITION_VERBS or words[at] in IRREGULAR_PAST:
        return True
    describes = listed(words[at]) is not None and is_noun_like(words, at + 1)
    return is_participle(words, at) and not describes


def is_infinitive(words: Sequence[str], at: int) -> bool:
    """True if the word at `at`, standing behind `to`, is a verb: to reach a shelf, to catch fish, to sleep."""
    if not is_noun_like(words, at) or words[at] in POSITION_VERBS & NOUNS_TOO:
        return False
    following = words[at + 1] if at + 1 < len(words) else ""
    return words[at] in VERB_STEMS or following in DETERMINERS
