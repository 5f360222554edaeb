"""Words that describe: colours, shapes, textures, materials, sizes and other adjectives, with their kinds.

Nouns are not listed anywhere: whatever is left of a noun phrase once its describing words are off is the noun. What is
not listed here may still describe by its form (see `morphology`).
"""

from __future__ import annotations

from muralist.tools.scene import AttributeKind

COLOURS = frozenset(
    """
    red orange yellow green blue purple pink brown black white gray gold golden silver beige tan maroon navy teal cyan
    magenta turquoise violet lavender indigo crimson scarlet ivory cream khaki burgundy olive aqua amber ebony azure
    fuchsia mauve ochre sepia charcoal blond blonde copper bronze auburn lilac chartreuse cerulean taupe ecru vermilion
    vermillion ultramarine puce cobalt aquamarine periwinkle chestnut tawny ginger brunette
    """.split()
)

COLOUR_SPELLINGS = {"grey": "gray", "violett": "violet", "multicoloured": "multicolored", "colourful": "colorful",
                    "greyish": "grayish", "multi-coloured": "multicolored", "multi-colored": "multicolored",
                    "woollen": "woolen", "chequered": "checkered"}  # fmt: skip
"""Other spellings to the one that is kept."""

SHADES = frozenset("light dark pale".split())
"""Before a colour these make another colour: dark blue."""

TINTS = frozenset(
    """
    sky navy royal baby forest olive lime mint emerald blood rose cherry lemon chocolate salmon coral slate steel jet
    snow army sea neon pastel electric midnight powder brick rust mustard canary ruby wine cobalt ice peach bottle ash
    ocean pine moss jade sapphire
    """.split()
)
"""Nouns and adjectives that only before a colour belong to it: sky blue, hot pink."""

SHAPES = frozenset(
    """
    round square rectangular triangular circular oval spherical cubic cubical cubed cylindrical conical pyramidal
    pentagonal hexagonal octagonal oblong diamond teardrop elliptical curved flat crescent spiral straight crooked
    pointed pointy angular trapezoidal polygonal domed bent arched hollow globular tubular semicircular bulbous rhombic
    zigzag cuboid ovoid ovate concave convex tapered rounded squared forked twisted coiled curled heptagonal
    asymmetrical symmetrical helical toroidal prismatic lopsided misshapen boxy squarish roundish
    """.split()
)

TEXTURES = frozenset(
    """
    fluffy furry soft hard rough smooth shiny glossy matte sleek prickly spiky bumpy fuzzy hairy silky velvety rusty
    rusted crisp crispy crunchy sticky slimy slippery plush jagged sharp blunt dull striped checkered plaid dotted
    spotted polka-dot patterned woven knitted knit wrinkled wrinkly grainy sandy woolly leathery rubbery scaly feathery
    cracked polished reflective sparkling sparkly glittery glittering transparent translucent embroidered quilted ribbed
    bristly stubbly crumpled wavy frosted lacy frilly pleated tufted thorny mossy gritty lumpy brittle tattered opaque
    coarse speckled freckled mottled marbled veined grooved ridged serrated notched dented scratched corrugated crinkled
    crinkly waxy greasy oily sooty grimy gauzy squishy spongy gooey gummy chewy flaky powdery dusty chalky pebbly rocky
    stony craggy gravelly splintered splintery crumbly fibrous porous bubbly foamy frothy creamy buttery syrupy pulpy
    mushy doughy shaggy scruffy matted nubby nubbly downy fleecy cottony furrowed uneven textured embossed engraved
    etched carved studded beaded sequined braided fringed frayed ragged threadbare faceted iridescent pearlescent
    opalescent lustrous satiny glassy mirrored hammered brushed varnished lacquered glazed unglazed painted unpainted
    gilded tarnished corroded crusty crusted icy barbed stretchy elastic springy bouncy flexible rigid stiff supple limp
    floppy dense airy wispy tweedy checked tartan paisley camouflage camo tie-dyed swirled
    """.split()
)

MATERIALS = frozenset(
    """
    wooden wood metallic metal glass leather plastic rubber fabric ceramic marble steel iron aluminum aluminium brass
    woolen wool cotton silk silken velvet satin denim linen concrete cardboard porcelain wicker bamboo stainless suede
    earthenware terracotta stone granite mahogany oaken brick chrome vinyl nylon foam acrylic clay tin oak pine walnut
    teak maple cedar birch rosewood cherrywood plywood driftwood timber straw paper jade pearl crystal quartz onyx
    obsidian sandstone limestone slate bone wax waxen burlap canvas rattan jute hemp felt fleece flannel lace tulle
    chiffon corduroy tweed cashmere polyester spandex lycra mohair fur latex silicone pewter titanium platinum zinc
    resin cork adobe thatch thatched papier-mache plaster stucco tile tiled mosaic enamel enameled fiberglass plexiglass
    styrofoam gingham muslin taffeta brocade organza hessian sackcloth oilcloth sheepskin snakeskin cobblestone flint
    asphalt
    """.split()
)

SIZES = frozenset(
    """
    big small large little tiny huge tall short long giant gigantic enormous massive miniature mini wide narrow thick
    thin slim slender medium medium-sized oversized tremendous towering bulky petite immense colossal microscopic
    full-size life-size life-sized pocket-sized chunky skinny minuscule vast broad lanky stocky squat stout stubby plump
    hefty mammoth monumental teeny puny compact jumbo king-size king-sized queen-size bite-sized supersized elongated
    stumpy dwarf pint-sized palm-sized gargantuan spacious
    """.split()
)

OTHERS = frozenset(
    """
    bold still slick lean mild prime shrill slight sore tart terse tough trim vague vile void crass curt dank deaf deft
    dire drab dumb firm foul frank frail gaunt glum grave gross gruff hoarse lame lank lithe meek mute obese suave
    svelte swarthy wry wan staunch strict smug spry clear blank solid stark crude whole entire alien steampunk cyberpunk
    mature dainty elaborate desolate moderate pleasant abundant vacant exuberant decent violent efficient excellent
    prominent turbulent placid fluid liquid frigid docile mobile sterile feline canine feminine masculine genuine pure
    obscure complete intact spectral neutral ideal formal brutal equal vital fatal tonal pivotal ornamental monumental
    experimental elemental sentimental universal old new young ancient modern vintage antique retro rustic ornate fancy
    simple plain clean dirty muddy wet dry hot cold warm cool frozen fresh ripe unripe raw juicy rotten sweet sour spicy
    salty bright dark deep vivid vibrant colorful multicolored rainbow monochrome pale faded glowing luminous shimmering
    gleaming lush leafy bare empty full open closed broken shattered torn quiet loud noisy busy bustling crowded wild
    tame fat chubby magical mystical mythical futuristic medieval gothic victorian traditional tropical exotic floral
    heavy lightweight sturdy fragile delicate steep shallow high low foggy misty cloudy sunny rainy snowy stormy windy
    comfortable luxurious expensive cheap rare golden-brown hardcover paperback bald bearded smiling sleeping detailed
    abandoned single edible electric digital analog portable wireless folded unfolded upright overgrown weathered worn
    tangled lit royal blind rich poor deadly poisonous venomous burning curly blooming beady fiery lavish scenic grim
    gloomy haunted crystalline pristine immaculate intricate rickety cluttered tidy neat messy shabby dilapidated ruined
    decrepit quaint whimsical quirky kitschy tacky gaudy garish flashy showy posh classy chic stylish trendy baroque
    rococo neoclassical colonial imperial regal stately grand opulent humble modest dapper smart tense elderly aged
    newborn juvenile adult infant teenage youthful male female pregnant muscular athletic wounded injured sick dead
    alive extinct prehistoric primeval aquatic marine nocturnal feral stray domestic native foreign local rural urban
    suburban coastal alpine arctic polar arid barren fertile verdant rugged hilly mountainous sunlit moonlit starlit
    candlelit dim shady shadowy murky hazy smoky steamy dewy drizzly blustery breezy balmy humid radiant brilliant
    incandescent fluorescent neon phosphorescent bioluminescent mellow harsh intense subtle faint muted earthy pastel
    sombre somber savory savoury bitter tangy zesty bland overripe underripe stale moldy mouldy rancid hearty fragrant
    aromatic scented perfumed smelly stinky pungent silent hushed melodious musical rhythmic squeaky creaky wobbly shaky
    unsteady stable secure hazardous perilous agile nimble clumsy awkward cumbersome loose tight taut slack snug baggy
    droopy wilted withered shriveled dried barbecued fallen sunken submerged suspended toppled overturned inverted
    slanted tilted vertical horizontal diagonal parallel distant remote hidden secret invisible forgotten sacred holy
    divine heavenly angelic demonic infernal ghostly ghastly ferocious savage vicious aggressive gruesome bloody gory
    macabre comical humorous absurd ridiculous bizarre peculiar odd unusual unique ordinary typical standard basic
    classic classical contemporary geometric organic natural artificial synthetic robotic mechanical electronic
    automatic manual industrial nautical military ceremonial festive tribal ethnic celtic nordic oriental asian african
    american european persian egyptian roman greek italian french german english british irish scottish spanish mexican
    indian chinese japanese korean russian turkish arabic dutch swiss intimate tender affectionate generous polite rude
    honest nostalgic wistful dreamlike ethereal otherworldly celestial cosmic lunar solar stellar astral starry infinite
    endless eternal seasonal wintry autumnal summery relentless restless alert attentive watchful vigilant idle diligent
    skilled skillful talented expert amateur useful useless handy practical perfect flawless imperfect faulty defective
    spare central final initial original authentic fake false true real precious valuable priceless worthless lucrative
    famed historic historical holiday patriotic religious sinuous serpentine gnarled knotted knobbly knotty twiggy bushy
    bountiful plentiful sparse scattered unlit soaked soggy damp moist drenched watery melted molten burnt charred
    singed ablaze aflame insulated padded cushioned upholstered wheeled motorized armored armoured winged horned hooded
    masked caped crowned veiled clothed naked nude barefoot bespectacled mustached moustached tattooed pierced freckly
    """.split()
)

MOODS = frozenset(
    """
    beautiful pretty cute lovely adorable ugly handsome gorgeous stunning majestic graceful happy sad angry scared
    sleepy lazy playful curious friendly fierce gentle calm lonely lone solitary strong weak brave proud silly funny
    strange weird mysterious delicious tasty scrumptious fast quick slow swift rapid sluggish speedy nervous worried
    frightened anxious cheerful joyful jolly merry gleeful grumpy grouchy moody sullen stern serious solemn pensive
    thoughtful wise clever cunning sly mischievous naughty cheeky innocent shy timid fearless heroic noble gallant
    loyal faithful tired weary exhausted drowsy hungry thirsty famous legendary iconic nice good great amazing awesome
    wonderful fantastic incredible interesting charming excited bored confused surprised relaxed peaceful serene
    tranquil lively dangerous safe magnificent splendid exquisite elegant kind evil wicked sinister ominous spooky
    creepy eerie scary cozy cosy romantic dreamy dramatic epic
    """.split()
)
"""What one thinks of a thing, how it feels, how fast it is: a claim for a viewer to judge, no look to be painted."""

PICTURED = frozenset(
    """
    cartoon cartoonish anime manga minimalist minimalistic impressionist impressionistic surrealist surreal cubist
    photorealistic hyperrealistic realistic abstract pixelated watercolor watercolour isometric low-poly
    """.split()
) | {"pixel art", "line art"}
"""How a thing is pictured, which is the style of the picture: a cartoon frog."""
_PICTURED_IN = PICTURED | frozenset({"pixel", "comic book", "comic", "oil painting", "pencil"})


def pictures(look: str) -> bool:
    """True for a look that is the style of the picture, `cartoon`, or names it as `comic book style` does."""
    stem = look.removesuffix("style").rstrip(" -")
    return look in PICTURED or (stem != look and stem in _PICTURED_IN)


PHRASES: dict[tuple[str, ...], AttributeKind] = {
    ("stainless", "steel"): "material", ("cast", "iron"): "material", ("wrought", "iron"): "material",
    ("stained", "glass"): "material", ("solid", "gold"): "material", ("solid", "silver"): "material",
    ("solid", "wood"): "material", ("carbon", "fiber"): "material", ("faux", "fur"): "material",
    ("polka", "dot"): "texture", ("tie", "dye"): "texture", ("leopard", "print"): "texture",
    ("hot", "pink"): "colour", ("rose", "gold"): "colour", ("life", "size"): "size", ("diamond", "shaped"): "shape",
    ("heart", "shaped"): "shape", ("star", "shaped"): "shape", ("egg", "shaped"): "shape",
    ("old", "fashioned"): "other", ("high", "tech"): "other",
}  # fmt: skip
"""Two words that name one property."""

COMPOUNDS = frozenset(
    tuple(pair.split())
    for pair in """
    bald eagle, bamboo shoot, bean bag, black hole, blue jay, bone marrow, brass band, charcoal grill, chestnut
    tree, cold cuts, cork board, cotton ball, cotton candy, cotton swab, cream cake, cream cheese, cream puff,
    crystal ball, dark chocolate, digital camera, digital clock, digital watch, electric car, electric fan, electric
    guitar, fast food, felt tip, fine art, fire truck, flat iron, flat screen, folding chair, french fries, french
    horn, french toast, fresh water, full moon, fur seal, german shepherd, ginger ale, ginger beer, ginger root,
    golden retriever, grand piano, greek salad, guinea pig, hard drive, hard hat, high chair, high heel, high heels,
    high school, hot air, hot chocolate, hot dog, hot pot, hot sauce, hot tub, ice cream, ice rink, ice skate,
    indian elephant, iron man, lavender field, lilac bush, lime juice, living room, long board, long bow, long jump,
    lunar module, maple syrup, metal detector, musical instrument, olive branch, olive oil, olive tree, orange
    juice, orange peel, orange slice, orange tree, paper clip, paper cutter, paper towel, paper towels, polar bear,
    rainbow trout, red panda, remote control, sea lion, short cake, sleeping bag, smart phone, smart watch, soft
    drink, soft toy, solar panel, solar system, spare tire, spare tyre, steel drum, still life, sweet corn, sweet
    pepper, sweet potato, swiss army, tin can, wax museum, wet suit, wild boar
    """.split(",")
)
"""Pairs that name one thing although the first word could describe."""

GROWN = frozenset(
    """
    tree trees leaf leaves cone cones branch branches forest grove plant plants log logs stump bush seed seeds seedling
    sapling saplings shoot shoots nut nuts plantation needles acorn twig twigs cork berry berries
    """.split()
)
"""What a wood, a straw or a bamboo grows as: before these it is part of the name."""

WOODS = frozenset(
    "oak pine walnut teak maple cedar birch bamboo mahogany cork hemp cotton olive ginger chestnut".split()
)


def spelling(word: str) -> str:
    """The one spelling that is kept: gray for grey."""
    return COLOUR_SPELLINGS.get(word, word)


_LISTS: tuple[tuple[AttributeKind, frozenset[str]], ...] = (
    ("other", OTHERS | MOODS | PICTURED),
    ("size", SIZES),
    ("material", MATERIALS),
    ("texture", TEXTURES),
    ("shape", SHAPES),
    ("colour", COLOURS),
)
"""A word in two lists is of the later kind."""

_KINDS: dict[str, AttributeKind] = {word: kind for kind, words in _LISTS for word in words}


def listed(word: str) -> AttributeKind | None:
    """What sort of property a listed word names, or None if it is not listed."""
    return _KINDS.get(spelling(word))
