"""Small English: articles, things on their ground, and which words are the same or say nothing."""

from __future__ import annotations

import re

from .plurals import singular

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""A run of letters and digits; in scripts without spaces, every character."""

NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
    )
}

SEVERAL = frozenset(
    "both pair pairs couple trio dozen several some few many multiple numerous various twin each other another group "
    "row set bunch flock herd crowd all every".split()
)
"""Words by which one noun may stand for more than one thing."""

ARTICLES = frozenset({"a", "an"})

GROUNDS = frozenset({"sand", "grass", "snow", "sky", "stone"})
"""What a whole picture may stand on."""

ROOMY = frozenset(
    """
    market street city town village forest jungle garden park room kitchen bedroom bathroom office shop store library
    restaurant cafe beach harbour harbor station crowd party wedding festival parade zoo farm playground classroom
    landscape countryside skyline cityscape
    """.split()
)
"""What holds many things that nobody names."""

MEDIA = frozenset(
    """
    painting photo photograph picture image drawing sketch illustration render rendering portrait cartoon poster
    watercolor watercolour print shot close-up closeup snapshot artwork scene view depiction mural collage photography
    doodle engraving etching mosaic fresco woodcut lithograph comic storybook
    """.split()
)
"""What a picture can be."""

DENYING = frozenset(
    """
    no not without never neither nor or none nobody zero single instead rather than don doesn isn aren t leave leaving
    out off except minus sans avoid avoiding exclude excluding omit omitting remove skip anything anywhere allowed
    wanted free
    """.split()
)
"""Words that say that something must not be there."""

CHANGING = frozenset(
    """
    remove delete erase get rid cut clear drop take away out off replace swap exchange against make turn change recolor
    recolour dye paint move shift bring push drag slide up down upwards downwards over a bit little further farther add
    insert draw more another additional extra please now also then can could you want
    """.split()
)
"""Words that say what to do to a picture."""

POINTING = frozenset({"it", "them", "they", "everything", "things"})
"""Words that name a thing of a given picture without its noun."""

_EMPTY = frozenset(
    """
    a an the this that these those its his her their my your our said some any another other each every all both various
    and plus while whereas but then when where as because so since until before after if although though yet than which
    who whose what it them him they he she itself themselves himself herself we us you i me one ones is are was were be
    been being am s d m re ve has have had having do does did could will would should must may might gets get let of
    with for from to into onto during like at by about in on upon edge corner side hand half via per featuring including
    include contain add put use need containing throughout there here please very really quite extremely slightly
    somewhat rather just also too only exactly directly immediately still et etc e g draw paint show showing create
    generate make render depict imagine illustrate design produce give see want photograph sitting sits sit sat standing
    stands stand stood lying lies lie lay laying lays resting rests rest rested placed located positioned situated set
    mounted laid seated hanging hangs hang hung leaning leans lean leaned leant together arranged displayed found seen
    visible shown appears appear picture image photo depiction shot snapshot scene view part parts color colour colored
    coloured something nothing hi hello hey ok okay thanks thank kindly maybe perhaps possibly simply actually wonder
    wondering how can pls plz thx wanna gimme lemme gotta hoping love wish try start begin surprise sorry place move
    goes go belongs belong everything sure preferably ideally
    """.split()
) - {"right"}  # fmt: skip
"""Words that a scene need not keep: they say nothing by themselves, or only that something is somewhere."""


def with_article(name: str) -> str:
    """`red apple` -> `a red apple`; `orange cup` -> `an orange cup`."""
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def with_ground(text: str, background: str | None) -> str:
    """`a red apple`, `sand` -> `a red apple on sand`; longer backgrounds are put behind a comma; None adds nothing."""
    if not background:
        return text
    return f"{text} on {background}" if background.isalpha() else f"{text}, {background} in the background"


def words(text: str) -> list[str]:
    """The words in order, in one case; hyphens and apostrophes part them."""
    return _WORD.findall(text.casefold())


def stem(word: str) -> str:
    """One form for singular and plural: berry, berries -> berri; box, boxes -> box; men, man -> man; grey -> gray."""
    while (one := singular(word)) != word:
        word = one
    word = "gray" if word == "grey" else word
    if word.endswith("men"):
        word = word[:-2] + "an"
    plural = len(word) > 3 or (len(word) == 3 and word[1] not in "aeiou")  # tvs, but not gas
    if plural and word.endswith("s") and not word.endswith(("ss", "us")):
        word = word[:-1]
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + {"y": "i", "f": "v"}.get(word[-1], word[-1])


def stems(text: str) -> frozenset[str]:
    """The stems of all words."""
    return frozenset(map(stem, words(text)))


def says_something(word: str) -> bool:
    """True unless the word is empty by itself, such as `the`, `of` or `sitting`."""
    return word not in _EMPTY
