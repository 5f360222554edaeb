"""Words that describe: colours, shapes, textures, materials, sizes and other adjectives, with their kinds.

Nouns are not listed anywhere: whatever is left of a noun phrase once its describing words are off is the noun.
"""

from __future__ import annotations

from muralist.tools.scene import AttributeKind

COLOURS = frozenset(
    """
    red orange yellow green blue purple pink brown black white gray gold golden silver beige tan maroon navy teal cyan
    magenta turquoise violet lavender indigo crimson scarlet ivory cream khaki burgundy olive aqua amber ebony azure
    fuchsia mauve ochre sepia charcoal blond blonde copper bronze auburn
    """.split()
)

COLOUR_SPELLINGS = {"grey": "gray", "violett": "violet", "multicoloured": "multicolored", "colourful": "colorful"}
"""Other spellings to the one that is kept."""

SHADES = frozenset("light dark pale".split())
"""Before a colour these make another colour: dark blue."""

TINTS = frozenset(
    """
    sky navy royal baby forest olive lime mint emerald blood rose cherry lemon chocolate salmon coral slate steel
    jet snow army sea neon pastel electric midnight powder
    """.split()
)
"""Nouns and adjectives that only before a colour belong to it: sky blue, hot pink."""

SHAPES = frozenset(
    """
    round square rectangular triangular circular oval spherical cubic cubical cubed cylindrical conical pyramidal
    pentagonal hexagonal octagonal oblong diamond teardrop elliptical curved flat heart-shaped star-shaped pear-shaped
    diamond-shaped egg-shaped crescent spiral straight crooked pointed pointy angular trapezoidal polygonal domed bent
    ring-shaped u-shaped l-shaped arched hollow globular
    """.split()
)

TEXTURES = frozenset(
    """
    fluffy furry soft hard rough smooth shiny glossy matte sleek prickly spiky bumpy fuzzy hairy silky velvety rusty
    rusted crisp crispy crunchy sticky slimy slippery plush jagged sharp blunt dull striped checkered chequered plaid
    dotted spotted polka-dot patterned woven knitted wrinkled grainy sandy woolly leathery rubbery scaly feathery
    cracked polished reflective sparkling sparkly glittery glittering transparent translucent embroidered quilted
    ribbed bristly stubbly crumpled wavy frosted lacy frilly pleated tufted thorny mossy gritty lumpy brittle tattered
    """.split()
)

MATERIALS = frozenset(
    """
    wooden wood metallic metal glass leather plastic rubber fabric ceramic marble steel iron aluminum aluminium brass
    woolen woollen cotton silk velvet satin denim linen concrete cardboard porcelain wicker bamboo stainless suede
    earthenware terracotta stone granite mahogany oaken brick chrome vinyl nylon foam acrylic clay tin
    """.split()
)

SIZES = frozenset(
    """
    big small large little tiny huge tall short long giant gigantic enormous massive miniature mini wide narrow thick
    thin slim slender medium medium-sized oversized tremendous towering bulky petite immense colossal microscopic
    full-size life-size life-sized pocket-sized chunky skinny
    """.split()
)

OTHERS = frozenset(
    """
    old new young ancient modern vintage antique retro rustic elegant ornate fancy simple plain clean dirty dusty muddy
    wet dry hot cold warm cool icy frozen fresh ripe unripe raw juicy rotten sweet sour spicy salty delicious tasty
    bright dark deep vivid vibrant colorful multicolored rainbow monochrome pale faded glowing luminous shimmering
    gleaming lush leafy bare empty full open closed broken shattered torn beautiful pretty cute lovely adorable ugly
    handsome gorgeous stunning majestic graceful happy sad angry scared sleepy lazy playful curious friendly fierce
    gentle calm quiet loud noisy busy bustling crowded lonely wild tame fat chubby strong weak brave proud silly funny
    strange weird mysterious magical mystical mythical futuristic medieval gothic victorian traditional tropical exotic
    floral heavy lightweight sturdy fragile delicate steep shallow high low foggy misty cloudy sunny rainy snowy stormy
    windy cozy cosy comfortable luxurious expensive cheap rare golden-brown hardcover paperback bald bearded smiling
    sleeping realistic detailed serene peaceful tranquil lively abandoned lone single solitary edible electric digital
    analog portable wireless folded unfolded upright overgrown weathered worn tangled lit hungry thirsty tired
    famous royal blind rich poor deadly poisonous venomous burning bubbly curly blooming beady fiery lavish scenic
    scrumptious grim gloomy eerie spooky creepy haunted crystalline pristine immaculate intricate
    """.split()
)

ADJECTIVE_ENDINGS = (
    "-shaped", "-colored", "-coloured", "-like", "-sized", "-eyed", "-haired", "-patterned", "-striped", "-legged",
    "-covered", "-filled", "-made", "-toned", "-looking", "-themed", "-style",
    "ful", "ous", "less", "esque",
)  # fmt: skip
"""Endings by which an unlisted word is taken for an adjective when a noun follows it."""

NOUNS_DESPITE_ENDING = frozenset("handful spoonful mouthful armful octopus-like waterless mattress".split())

COMPOUNDS = frozenset(
    tuple(pair.split())
    for pair in """
    hot dog, ice cream, cream cheese, cream puff, cream cake, sweet potato, sweet pepper, sweet corn, hot chocolate,
    hot tub, hot air, hot pot, hot sauce, hard hat, hard drive, soft drink, soft toy, high chair, high heel, high heels,
    high school, orange juice, orange tree, orange slice, orange peel, olive oil, olive tree, olive branch, red panda,
    polar bear, sea lion, guinea pig, black hole, blue jay, wild boar, full moon, golden retriever, tin can, steel drum,
    cotton candy, cotton ball, cotton swab, metal detector, flat screen, flat iron, short cake, long board, long bow,
    long jump, electric guitar, electric fan, electric car, digital clock, digital camera, digital watch, bean bag,
    charcoal grill, bamboo shoot, dark chocolate, fresh water, lavender field, wet suit, iron man, brass band,
    sleeping bag, folding chair
    """.split(",")
)
"""Pairs that name one thing although the first word could describe."""


def spelling(word: str) -> str:
    """The one spelling that is kept: gray for grey."""
    return COLOUR_SPELLINGS.get(word, word)


def kind_of(word: str) -> AttributeKind | None:
    """What sort of property a single word names, or None if it names none by itself."""
    word = spelling(word)
    kinds: list[tuple[AttributeKind, frozenset[str]]] = [
        ("colour", COLOURS),
        ("shape", SHAPES),
        ("texture", TEXTURES),
        ("material", MATERIALS),
        ("size", SIZES),
        ("other", OTHERS),
    ]
    for kind, words in kinds:
        if word in words:
            return kind
    if word.endswith(ADJECTIVE_ENDINGS) and word not in NOUNS_DESPITE_ENDING and len(word) > 5:
        return "shape" if word.endswith("-shaped") else "other"
    return None
