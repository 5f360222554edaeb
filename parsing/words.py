"""The closed classes of English that bound a noun phrase, and the verbs that stand between phrases."""

from __future__ import annotations

from muralist.tools.words import ARTICLES

DEFINITE = frozenset("the this that these those its his her their my your our said".split())
DETERMINERS = (
    ARTICLES | DEFINITE | frozenset("some any another other each every all both various different certain".split())
)
ENDS = frozenset(".;!?\n")
"""What ends a clause."""
CONJUNCTIONS = frozenset("and & plus or nor as-well-as".split())
CLAUSE_WORDS = frozenset(
    "while whereas but then when where as because so since until before after if although though yet".split()
)
RELATIVES = frozenset("that which who whose".split())
PRONOUNS = frozenset("it them him they he she itself themselves himself herself her".split())
BE = frozenset(
    "is are was were be been being am 's isn't aren't there's here's it's that's who's he's she's they're".split()
)
AUXILIARIES = BE | frozenset("has have had having do does did could will would should must may might gets get".split())
NEGATIONS = frozenset("no without not never zero neither minus except sans".split())
ORDINALS = frozenset("first second third fourth fifth sixth seventh eighth ninth tenth".split())
"""Before a noun these tell it from another one of its kind; by themselves, in which order things come."""

PREPOSITIONS = frozenset(
    """
    of with for from to into onto through during like at around across along toward towards against about by off in on
    upon over above under below beneath underneath beside besides near inside outside within between among amongst amid
    behind past beyond up down out via per featuring including containing atop next amidst throughout without underside
    alongside opposite instead
    """.split()
)

SPATIAL = frozenset(
    """
    over above under below beneath underneath beside besides near inside outside within between among amongst amid
    behind past beyond atop next amidst underside alongside opposite left right against
    """.split()
)

DIRECTIONS = frozenset("up down through across along around off out toward towards".split())
"""Behind a verb, where it leads: walking down the street."""

MEANT = SPATIAL | DIRECTIONS
"""Words that say where something is or leads, and so are never without meaning."""

ADVERBS = frozenset(
    """
    aloft overhead nearby afar apart somewhere anywhere everywhere asleep awake alone away far outdoors indoors
    """.split()
)
"""How or where something is; no noun holds them."""

FILLERS = frozenset(
    """
    there here please very really quite extremely slightly somewhat rather just also too only exactly directly
    immediately together still me us i we you one's et etc e.g i.e so standing sitting what how what's i'd i'm let's
    pls plz thx thanks maybe perhaps possibly kindly preferably ideally respectively once
    """.split()
)

OPENERS = frozenset(
    """
    draw paint show create generate make render depict imagine illustrate design produce give see want photograph
    """.split()
)
"""Verbs that order a picture: nothing to be seen by themselves."""

PLACING = frozenset(
    "add put use place make have bring get insert try position set include start sketch colour color turn".split()
)
"""Verbs that order something into the picture, most of them nouns too."""

EXCHANGING = frozenset("change replace swap exchange".split())
"""Verbs that put one thing in the place of another."""

ASKERS = frozenset(
    "i we you i'd i'm i've i'll we'd we're we've we'll you'd you'll you've u ya let's gimme lemme gotta wanna".split()
)
"""Who speaks and who is spoken to: no part of the picture."""

PARTICLES = frozenset(
    "up down out off away back together high low ahead apart aloft alone asleep outdoors indoors".split()
)

POSITION_VERBS = frozenset(
    """
    sitting sits sit sat standing stands stand stood lying lies lie lay laying lays resting rests rest rested hanging
    hangs hang hung placed located positioned situated set mounted put laid seated perched perching perches leaning
    leans lean leaned leant parked floating floats float floated flying flies fly flew hovering hovers hovered arranged
    displayed found attached stacked balanced balancing balances stays stay stayed waiting waits appears appearing
    appear seen visible nestled tucked planted growing grows grew swimming swims swam painted drawn shown facing
    belongs belong goes go comes
    """.split()
)
"""Verbs that only say that something is where the following preposition puts it."""

_VERBS = """
    sit stand lie lay rest hang lean perch float fly hover swim run walk jump leap climb play chase eat drink hold carry
    wear ride drive watch look stare gaze sleep nap snooze smile laugh cry talk speak chat sing dance read write paint
    draw cook bake cut chop slice wash clean push pull throw catch kick hit bounce roll slide fall rise shine glow
    sparkle glisten shimmer blaze burn melt grow bloom wave swing sway spin turn point reach touch hug kiss pet feed wag
    bark roam graze buzz hop crawl slither scurry gallop trot race zoom speed pass cross enter leave wait work study
    teach learn build fix repair make take give bring buy sell open close wrap cover surround hide contrast lead land
    park sail row travel move gather meet greet shake clap cheer celebrate perform practice prepare serve pour fill stir
    mix blow sniff lick bite chew peck dig plant water pick collect sweep mop iron knit sew type tap text call ring hum
    rumble honk churn adorn decorate display feature contain include face guard protect follow peek peer resemble
    reflect cast line dart glide soar circle flutter flap drift loom tower stretch curl snuggle cuddle balance juggle
    seem appear become stay remain keep tell ask say think feel enjoy admire examine inspect appreciate browse visit
    explore hike camp fish hunt ski skate surf dive exercise meditate pray relax recline crouch kneel squat march parade
    cluck croak moo snort snore roar howl blossom illuminate light frame border flank overlook support share clutter
    pack ripen taste smell roast grill boil stack pile arrange place put set mount tie attach locate position situate
    embrace invite munch nibble devour scatter emerge vanish whirl twirl twist flicker gleam twinkle glitter shout
    scream growl purr meow chirp squeak hiss chatter giggle chuckle frown yawn blink nod wander stride sprint collide
    smash crush explode erupt wilt wither hoot lurk dwell scamper prowl swoop hurtle flee escape lift lower raise drag
    tow haul dangle drape cling soak splash drip spill cool freeze thaw belong go come
    """.split()

VERB_STEMS = frozenset(_VERBS)

NOUNS_TOO = frozenset(
    """
    light frame line dart ring swing plant park fish camp pile stack tower circle text watch iron call type tie water
    pack face guard support share border flank cast land point turn mop stay train print cover wave wash drink bowl wrap
    mix paint cut chop fall pull push catch throw kick hit rest stand perch bark pet hug kiss bite lick cook walk race
    speed pass cross work study build repair open lead row travel clap cheer practice blow hum honk feature shop hop
    drift loom hunt ski surf squat march parade snore roar howl blossom bloom place set mount roast grill boil taste
    smell sail nap smile laugh cry talk chat dance draw slice dive read ride drive run jump leap climb glow sparkle
    shimmer burn float fly hang ship shake pick
    """.split()
)
"""Verbs whose -s form is as often the plural of a noun: the traffic lights."""

_PAST = """
    sat stood lay hung shone swam flew ran ate sang drank slept wore held kept wrote drove sped blew grew rang fell led
    caught made took gave brought bought threw rode spun slid swept leant cast crept clung fed built found told went
    came lit lost met spread rose fought sought bent swung sprang strode lain shook chose broke dug leapt knelt read
    laid hid woke began became seen shown drawn worn torn thrown given taken written driven hidden stuck dealt felt left
    """.split()

IRREGULAR_PAST = frozenset(_PAST) - frozenset({"left", "rose", "torn", "worn"})

PARTICIPLES = frozenset(
    """
    lit worn torn woven drawn built made grown hidden frozen broken bent cut carven written driven known shorn sewn hung
    spun bound wound wrought burnt spilt split cast set thrown ground knit swollen sunken molten shaven dried
    """.split()
)
"""Irregular ones that describe: a brightly lit room."""

ED_NOUNS = frozenset(
    "bed seed weed sled shed reed steed feed speed breed bobsled moped newlywed red flatbed seabed".split()
)

ED_MODIFIERS = frozenset(
    "potted stuffed baked fried dried canned iced smoked scrambled grilled roasted mashed boiled toasted".split()
)
"""Participles that belong to the noun they precede: a potted plant."""

INDEFINITE = frozenset("anything something nothing everything".split())
"""Nouns by themselves: what describes them stands behind."""

ING_NOUNS = INDEFINITE | frozenset(
    """
    painting building ceiling earring ring wedding string king spring wing swing clothing lightning evening morning
    flooring railing pudding duckling thing sling sting frosting icing dressing stocking sibling sapling dumpling
    seedling gosling viking drawing carving bring lighting bearing crossing landing opening filling topping siding
    keyring awning offering gathering housing bedding legging meeting engraving
    being darling starling herring shilling o-ring boxspring drawstring shoestring hamstring mooring tubing wiring
    coating binding clearing
    """.split()
)

ING_MODIFIERS = frozenset(
    """
    cutting dining warning charging parking swimming sewing washing shopping living sleeping running walking hiking
    fishing boxing rolling ironing measuring knitting baking frying mixing serving drinking watering rocking racing
    chewing building teething skipping jumping bowling drying mailing filing changing dressing waiting reading writing
    drawing vending cooking hunting climbing riding tracking greeting playing flying magnifying shaving cleaning
    gardening landing lightning steering traveling carving bathing skating skiing training sailing spinning recycling
    wishing pruning weighing feeding curling
    """.split()
)
"""Gerunds that may belong to the noun that follows: a cutting board."""

ABSTRACT = INDEFINITE | frozenset(
    """
    moment melody sound sounds trip time fun view way kind type lot lots front side background foreground top bottom
    middle left right center centre distance corner edge scene image picture photo photograph shot composition style
    color colour colors colours shape size texture beauty awe fashion manner addition total position place part piece
    look feel feeling atmosphere mood ambience vibe sense quality detail details resolution focus each other others
    number amount variety someone none breeze love knowledge skill skills excitement
    joy peace freedom courage wisdom precision artistry magic life death work rest sleep help care pride hope fear anger
    grief luck truth fate grace charm elegance warmth comfort wonder delight pleasure fetch need sake own rebirth
    renewal arrival silence speed motion ready contrast
    """.split()
)
"""Words that name nothing to paint when they head a noun phrase by themselves."""

CONCRETE = frozenset(
    "harness wilderness lioness ship spaceship airship warship steamship battleship hood prism".split()
)
"""What ends like an abstract noun and is none."""

GROUPS = {"pair": 2, "couple": 2, "trio": 3, "dozen": 12, "row": 3, "line": 3, "bunch": 3,
          "group": 3, "herd": 3, "flock": 3, "crowd": 5,
          "school": 3, "swarm": 3, "handful": 3, "few": 3, "lot": 4, "lots": 4, "number": 3,
          "team": 3, "gang": 3, "litter": 3, "quartet": 4, "quintet": 5,
          "plenty": 4, "scores": 12, "dozens": 12, "hundreds": 16, "thousands": 16}  # fmt: skip
"""Collectives before `of` plural: how many are taken for granted."""

SURFACES = frozenset({"wall", "floor", "ground", "ceiling"})
"""What bounds a room: where something on them is said to be, it is said of the thing."""


CANVAS = frozenset(
    "picture image photo photograph canvas scene frame composition drawing illustration shot screen view".split()
)
"""What the picture calls itself in `at the top of the picture`."""

PARTS = frozenset(
    """
    eye eyes hair leg legs tail ear ears wing wings fur nose face beard mustache skin feather feathers mane paw paws
    horn horns
    """.split()
)
"""What a thing has rather than what stands beside it: with green eyes."""

BACKDROPS = frozenset({"background", "backdrop"})

LY_NOUNS = frozenset(
    """
    butterfly family jelly belly fly bully holly doily supply assembly dragonfly firefly ally lolly dolly gully folly
    brolly lily reply anomaly
    """.split()
)

BOUNDS = (
    DETERMINERS | CONJUNCTIONS | PREPOSITIONS | AUXILIARIES | CLAUSE_WORDS | RELATIVES | PRONOUNS | NEGATIONS | FILLERS
    | ADVERBS | {"or", "either"}
)  # fmt: skip
"""What no noun holds inside."""

EMPTY_WORDS = (BOUNDS | OPENERS) - NEGATIONS - MEANT - ADVERBS - {"or", "either", "instead", "nor"}
"""What says nothing by itself about the picture."""
