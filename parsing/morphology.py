"""Whether a word that nobody listed describes: read off its ending, or off the parts between its hyphens.

English forms adjectives with few endings, and the nouns that share one (a party, a picnic, a table) are few enough to
name. A guess by form holds only where a noun follows, which the noun phrase checks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from muralist.tools.scene import AttributeKind

from .lexicon import COLOURS, SHADES, SIZES, TINTS, listed, spelling
from .words import ED_NOUNS, ING_MODIFIERS, ING_NOUNS, IRREGULAR_PAST, LY_NOUNS

_ENDINGS: dict[str, frozenset[str]] = {
    ending: frozenset(nouns.split())
    for ending, nouns in {
        "ish": "dish wish radish rubbish varnish garnish blemish relish parish finish polish fetish skirmish british",
        "ous": "",
        "ful": "handful spoonful mouthful armful roomful basketful cupful bucketful plateful bowlful",
        "less": "",
        "able": "table vegetable stable constable turntable timetable worktable cable fable gable",
        "ible": "bible crucible",
        "ic": """
            music fabric garlic picnic clinic mechanic comic magic attic traffic mosaic tonic topic critic lyric medic
            relic panic republic logic antic public cleric tunic colic epic fanatic arithmetic plastic ceramic acrylic
            """,
        "ical": "",
        "ial": "dial vial trial aerial material memorial tutorial burial serial denial official",
        "onal": "",
        "ular": "",
        "ive": """
            olive hive archive drive dive locomotive detective native executive representative chive five beehive
            directive relative adhesive
            """,
        "some": "some threesome twosome foursome",
        "esque": "burlesque arabesque",
        "escent": "crescent",
        "proof": "",
        "most": "",
        "oid": "asteroid android humanoid steroid paranoid",
    }.items()
}
"""Endings of adjectives, each with the nouns that have it nevertheless."""

_NOUN_Y = """
    ity ety phy logy graphy omy ncy acy berry erry fly ay ey oy uy ony ary ory ury try ndry unny uppy ddy dy llery
    """.split()
_ADJECTIVE_Y = frozenset(
    """
    bloody bony clayey cloudy funny gaudy giddy gloomy gluey gooey greedy handy hardy merry moody muddy needy paltry
    roomy rowdy ruddy runny sandy seedy shady shoddy speedy steady stony sturdy sultry sunny tardy tidy trendy unsteady
    untidy weedy windy wintry woody
    """.split()
)
_Y_NOUNS = frozenset(
    """
    academy admiralty allergy amnesty archery army artery baby bakery battery beauty botany bounty brewery buggy canopy
    casualty cavalry cavy celery cemetery clergy company controversy copy county courtesy curry cutlery dairy daisy
    delivery deputy derby destiny difficulty discovery doggy drapery dummy duty dynasty ecstasy effigy elegy embassy
    embroidery enemy energy envy epoxy faculty fairy fantasy fishery frenzy galaxy granny gravy greenery grocery gypsy
    heresy hobby honesty hosiery husky ivy jetty jewelry kitty leprosy levy liberty lobby lorry lottery loyalty
    machinery majesty mercy misery modesty monastery mummy mystery navy novelty nunnery nursery orgy palsy pansy party
    penalty penny piggy plenty policy poppy posy pottery potty prodigy property proxy pussy putty pygmy quarry rivalry
    robbery royalty ruby rugby scenery shrubbery sky specialty spy stationery strategy surgery tabby taffy therapy
    travesty treaty tummy tyranny upholstery whisky winery
    """.split()
)
_LY_ADVERBIAL = tuple("ably ibly ingly edly fully lessly ously ically ively ally antly ently".split())
_LY_DESCRIBING = ("bbly", "ckly", "ggly", "zzly", "mbly", "inkly", "arkly", "oily")
_LY_ADVERBS = frozenset("quickly thickly clearly nearly early fairly rarely mostly lastly justly wholly solely".split())
_NUMBERS = frozenset("one two three four five six seven eight nine ten single double triple multi half semi".split())
_SECOND = frozenset(
    """
    like shaped sized style free made bound built worn grown lit cut drawn spun woven eyed tech edge edged size length
    poly tone color colour story storey bladed engined piece legged way proof up down
    """.split()
)
"""What makes an adjective of any word before its hyphen: a gem-like stone."""


@lru_cache(4096)
def by_form(word: str) -> AttributeKind | None:
    """What sort of property an unlisted word seems to name, or None."""
    if "-" in word:
        return _hyphenated(word.split("-"))
    if word in IRREGULAR_PAST or len(word) < 4 or not word.isalpha():
        return None
    return next(filter(None, (guess(word) for guess in _GUESSES)), None)


def _hyphenated(parts: list[str]) -> AttributeKind | None:
    first, last = spelling(parts[0]), spelling(parts[-1])
    if not first or not last:
        return None
    if last in COLOURS or last in {"colored", "coloured", "hued"}:
        return "colour"
    if last == "shaped":
        return "shape"
    if last in {"sized", "size"}:
        return "size"
    if last in _SECOND or first in _NUMBERS:
        return "other"
    kind = listed(last) or (None if last in ED_NOUNS else by_form(last))
    return kind or ("other" if last.endswith("ed") and last not in ED_NOUNS else None)


def _colour(word: str) -> AttributeKind | None:
    stem = word.removesuffix("ish")
    stems = {stem, stem + "e", stem[:-1]} if stem != word else set()
    return "colour" if stems & COLOURS else None


def _participle(word: str) -> AttributeKind | None:
    if word.endswith("ed") and word not in ED_NOUNS:
        return "other"
    return "other" if word.endswith("ing") and word not in ING_NOUNS | ING_MODIFIERS and len(word) > 5 else None


def _ending(word: str) -> AttributeKind | None:
    if word.endswith(("fish", "dish")):
        return None
    return next(
        (
            "other"
            for ending, nouns in _ENDINGS.items()
            if word.endswith(ending) and len(word) > len(ending) + 1 and word not in nouns
        ),
        None,
    )


def _in_y(word: str) -> AttributeKind | None:
    """`gauzy`, `lanky`: what has the look or the feel of something."""
    if not word.endswith("y") or word.endswith("ly"):
        return None
    if word in _ADJECTIVE_Y:
        return "texture"
    return None if word in _Y_NOUNS or word.endswith(tuple(_NOUN_Y)) else "texture"


def _in_ly(word: str) -> AttributeKind | None:
    """`knobbly`, `bristly`, but neither `family` nor an adverb such as `gently`."""
    if not word.endswith("ly") or word in LY_NOUNS | _LY_ADVERBS or word.endswith(_LY_ADVERBIAL):
        return None
    return "texture" if word.endswith(_LY_DESCRIBING) else None


_GUESSES: tuple[Callable[[str], AttributeKind | None], ...] = (_colour, _participle, _ending, _in_y, _in_ly)


def graded(word: str) -> str | None:
    """The listed word that `fanciest`, `biggest` or `bigger` is a degree of; of comparatives only sizes are certain."""
    for ending in ("est", "er"):
        stem = word.removesuffix(ending)
        bases = {stem, stem + "e", stem[:-1] if stem[-2:-1] == stem[-1:] else stem, stem[:-1] + "y"}
        known = {base for base in bases if listed(base) and (ending == "est" or base in SIZES)}
        if stem != word and len(stem) > 2 and known:
            return min(known)
    return None


def names_colour(parts: list[str]) -> bool:
    """True for `dark-blue` and `black-and-white`: nothing but colours and what tints them."""
    return parts[-1] in COLOURS and all(part in COLOURS | SHADES | TINTS | {"and"} for part in parts)
