"""What a thing is said to be in: a place that surrounds everything, clothes, a hand, a row, or another thing."""

from __future__ import annotations

from muralist.tools.predicates import PredicateName
from muralist.tools.words import GROUNDS

from .noun_phrase import NounPhrase
from .words import BACKDROPS

INTO_SETTING = frozenset("in at into through across along throughout around amid during".split())

SETTINGS = frozenset(
    """
    forest woods wood jungle rainforest park garden field fields meadow beach desert city town village street road
    highway room kitchen bedroom bathroom office studio classroom library museum restaurant cafe shop store market farm
    yard backyard playground zoo stadium lake pond river sea ocean water sky space snow grass sand mud mountains hills
    valley countryside landscape air distance wild wilderness universe alley harbor harbour airport station hallway gym
    pasture coop campground safari savanna savannah lawn clouds neighborhood neighbourhood world prairie swamp tundra
    canyon cave underwater outdoors stone ground galaxy plaza hall ballroom corridor basement attic cellar theater
    theatre church temple cathedral school hospital mall supermarket arena cafeteria lobby orchard vineyard greenhouse
    marsh glade bay lagoon bakery pub bar gallery laboratory lab workshop factory warehouse stable suburb downtown ruins
    playroom nursery garage barn square farmyard driveway sidewalk pavement courtyard barnyard seaside shore shoreline
    riverbank lakeside
    """.split()
)
"""Places that hold a whole picture: after in, at or on they make the background."""

TIMES = frozenset(
    """
    night nighttime day daytime daylight sunset sunrise dusk dawn twilight morning evening afternoon noon midday
    midnight dark darkness rain rainfall snowfall sunlight sunshine moonlight starlight candlelight sun wind breeze
    storm thunderstorm snowstorm blizzard winter summer autumn fall spring fog mist haze shade weather hour
    """.split()
)
"""When it is, and in what weather and light: no place, so nothing that a ground is painted as."""

_GROUNDED = frozenset("grassy snowy sandy stony".split())

SKIES = frozenset("sky sunset sunrise moonlight sunlight stars night moon clouds".split())

_GARMENTS = frozenset(
    """
    shirt t-shirt tee dress suit jacket coat raincoat uniform costume sweater jumper hoodie apron robe gown kimono
    tuxedo jeans shorts pants trousers skirt blouse cloak cape vest bikini swimsuit pajamas pyjamas armor armour
    overalls cardigan blazer scarf tracksuit onesie sari toga poncho leotard tutu top sweatshirt undershirt pullover
    jersey waistcoat tunic parka anorak overcoat trenchcoat windbreaker bathrobe nightgown nightshirt sundress wetsuit
    spacesuit swimwear underwear lingerie corset kilt leggings tights stockings dungarees slacks sarong kaftan
    clothes clothing outfit attire garment gear disguise hat cap helmet beanie beret bonnet fedora sombrero turban
    bandana bandanna headband headscarf hijab veil hood crown tiara wig headphones earmuffs glasses sunglasses
    spectacles eyeglasses goggles monocle mask blindfold tie necktie bowtie belt sash shawl stole necklace
    """.split()
)
_WORN_IN_PAIRS = frozenset(
    """
    glove mitten gauntlet boot shoe sneaker sandal slipper sock clog loafer moccasin heel trainer skate snowshoe earring
    flip-flop
    """.split()
)

COVERED = frozenset("covered dressed clothed clad wrapped coated decorated draped drenched soaked bathed".split())
"""Behind these, what something is in is on it: a sign covered in stickers."""

_FORMATIONS = frozenset("row line circle queue column pile heap stack group pair cluster bunch formation".split())
_HOLDERS = frozenset("hand arm mouth beak paw jaw lap grip grasp claw hands arms paws jaws claws teeth".split())


def is_around(word: str, predicates: tuple[PredicateName, ...], phrase: NounPhrase) -> bool:
    """True if a phrase behind `word`, which says `predicates`, is all around rather than a thing: on grass."""
    head = phrase.head
    dressed = bool(phrase.attributes) and bool(phrase.determiner)
    entered = word in INTO_SETTING and predicates in {(), ("inside",), ("next to",)}
    described = dressed and (phrase.definite or head in GROUNDS)
    return (
        head in BACKDROPS
        or is_floor(phrase)
        or (entered and head in SETTINGS | GROUNDS)
        or (predicates == ("on",) and head in SETTINGS and not described)
        or (word in {"under", "beneath", "against", "below"} and head in SKIES)
        or (word == "against" and head in GROUNDS)
    )


def is_floor(phrase: NounPhrase) -> bool:
    """`a stone floor`, `grassy ground`: what the picture stands on, told by what it is made of."""
    described = {*(attribute.value for attribute in phrase.attributes), *phrase.noun.split()} - {"of", phrase.head}
    bare = phrase.head in {"floor", "ground"} and bool(described)
    return bare and phrase.count == 1 and described <= GROUNDS | _GROUNDED


def is_time(word: str, phrase: NounPhrase) -> bool:
    """True if a phrase behind `word` says when it is or what the weather is like: at sunset, on a rainy day."""
    return word in INTO_SETTING | {"on", "by", "under"} and phrase.head in TIMES


def is_worn(phrase: NounPhrase) -> bool:
    """A boy in a shirt or in red boots is not inside of another thing; a kitten in a boot is."""
    return phrase.head in _GARMENTS or (phrase.head in _WORN_IN_PAIRS and phrase.count > 1)


def holds_nothing(phrase: NounPhrase) -> bool:
    """`ants in a row`, `a balloon in her hand`: nothing that one could be inside of."""
    return phrase.head in _HOLDERS or (phrase.noun in _FORMATIONS and not phrase.attributes)
