"""The singular of plural nouns."""

from __future__ import annotations

_IRREGULAR = {
    "men": "man", "women": "woman", "people": "person", "children": "child", "mice": "mouse", "geese": "goose",
    "feet": "foot", "teeth": "tooth", "oxen": "ox", "dice": "dice", "lice": "louse", "lenses": "lens", "gases": "gas",
    "buses": "bus", "axes": "axe", "quizzes": "quiz", "cacti": "cactus", "fungi": "fungus", "octopi": "octopus",
    "hippopotami": "hippopotamus", "knives": "knife", "wolves": "wolf", "leaves": "leaf", "shelves": "shelf",
    "loaves": "loaf", "lives": "life", "wives": "wife", "halves": "half", "calves": "calf", "thieves": "thief",
    "elves": "elf", "scarves": "scarf", "hooves": "hoof", "wharves": "wharf", "dwarves": "dwarf", "selves": "self",
    "bookshelves": "bookshelf", "penknives": "penknife", "shoes": "shoe", "horseshoes": "horseshoe", "toes": "toe",
    "canoes": "canoe", "hoes": "hoe", "oboes": "oboe", "snowshoes": "snowshoe", "statuses": "status",
    "firemen": "fireman", "policemen": "policeman", "snowmen": "snowman", "fishermen": "fisherman",
    "businessmen": "businessman", "businesswomen": "businesswoman", "gentlemen": "gentleman",
    "grandchildren": "grandchild", "brethren": "brother", "bacteria": "bacterium", "headaches": "headache",
    "aches": "ache", "caches": "cache", "thermoses": "thermos", "rhinoceroses": "rhinoceros",
    "albatrosses": "albatross", "avocadoes": "avocado",
}  # fmt: skip

_INVARIANT = frozenset(
    """
    sheep deer fish shrimp moose series species aircraft spacecraft hovercraft salmon trout bison swine squid cattle
    police goldfish swordfish jellyfish starfish catfish elk cod tuna offspring luggage furniture cutlery jewelry
    jewellery bread broccoli spaghetti pasta rice corn fruit lego hay sushi lens bus gas plus yes lettuce
    """.split()
)

PLURAL_ONLY = frozenset(
    """
    pants scissors glasses jeans shorts trousers sunglasses goggles binoculars tongs pliers clothes headphones tights
    leggings pajamas pyjamas tweezers shears overalls spectacles eyeglasses earphones knickers boxers briefs dungarees
    slacks woods stairs
    """.split()
)
"""Words that look plural and name one thing."""

_IE = frozenset(
    """
    movies cookies zombies pies ties brownies selfies hoodies smoothies pixies collies genies birdies bowties magpies
    rookies foodies goalies walkie-talkies beanies veggies hankies onesies townies prairies calories cuties sorties
    """.split()
)

_US = frozenset(
    """
    cactuses octopuses viruses walruses circuses platypuses hippopotamuses campuses abacuses lotuses crocuses
    minibuses trolleybuses geniuses statuses choruses hibiscuses
    """.split()
)


_I = frozenset(
    "taxi ski bikini kiwi zucchini khaki safari alibi martini okapi emoji rabbi yeti tsunami panini jacuzzi".split()
)

_SINGULAR_S = frozenset("canvas christmas texas atlas pancreas thermos cosmos chaos rhinoceros kudos pampas".split())


def singular(word: str) -> str:
    """`apples` -> `apple`, `women` -> `woman`; a word that is no plural is left as it is."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if max(word, default="") >= "\u3040":
        return word  # scripts without spaces, where a final s is a word of its own
    if (
        word in _INVARIANT
        or word in PLURAL_ONLY
        or not word.endswith("s")
        or (len(word) < 4 and not _is_initials(word))
    ):
        return word
    if word in _SINGULAR_S or (word.endswith(("ss", "us", "is", "'s")) and word[:-1] not in _I):
        return word
    if word.endswith("ies"):
        return word[:-1] if word in _IE or len(word) == 4 else word[:-3] + "y"
    if word in _US or (len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "tzes", "oes"))):
        return word[:-2]
    return word[:-1]


def _is_initials(word: str) -> bool:
    """`tvs`, `cds`, but neither `bus` nor `is`."""
    return len(word) == 3 and word.isalpha() and word[1] not in "aeiou"


def is_plural(word: str) -> bool:
    """True for a word whose form says that there are several."""
    return singular(word) != word


def may_be_plural(word: str) -> bool:
    """True for a word that a number above one may stand before: apples, sheep, scissors."""
    return is_plural(word) or word in _INVARIANT | PLURAL_ONLY
