"""Orders and wishes: `could you draw me`, `I would love to see`, `surprise us with`, `my son wants`, `chalk a cat`."""

from __future__ import annotations

from collections.abc import Sequence

from muralist.tools.plurals import is_plural
from muralist.tools.words import ARTICLES, MEDIA

from .denial import denies
from .lexicon import listed
from .morphology import by_form
from .numbers import number
from .positions import read_position
from .verbs import is_noun_like
from .words import ASKERS, DETERMINERS, ENDS, EXCHANGING, OPENERS, PLACING, PRONOUNS

GREETINGS = frozenset("hi hello hey hiya howdy yo ahoy greetings dear ok okay oh well um hmm alright".split())
PRAISE = frozenset(
    "nice great cool lovely perfect awesome fantastic wonderful amazing good fine enough ideal fun brilliant".split()
)
"""What one thinks of being given something: a cat would be nice."""
MODALS = frozenset("can could would will shall may might should".split())
_FRAME = (
    ASKERS
    | MODALS
    | OPENERS
    | frozenset(
        """
        me us my do did am are was were is have had been be got if whether why wonder wondering wondered hope hoping
        like love wish want wanted wanting need needed prefer looking thinking dreaming imagining asking after for of
        about able kind nice so as to please kindly maybe perhaps possibly just really also simply actually rather
        quickly mind try trying make have get think find picture ask request order dream must
        always wanna gonna gotta know possible it'd appreciate glad happy grateful thankful start begin add put use
        include place sketch
        """.split()
    )
)
"""Words of which wishes are made: `I was wondering if you could draw me`."""
_TURNING = frozenset("drawing painting making creating showing adding sketching putting including having".split())
"""What one asks for as a deed: would you mind drawing."""
_WISHED = tuple(
    tuple(begun.split())
    for begun in "it would be,it'd be,would it be,is it possible,is there any chance,any chance".split(",")
)
"""How wishes begin that no asker heads."""
_ORDERS = tuple(
    tuple(said.split())
    for said in "let there be,don't forget,do not forget,never forget,remember to,make sure to,be sure to".split(",")
)
"""Orders of several words; not to forget something is to draw it."""
_PHRASAL = frozenset("throw toss chuck pop whip knock rustle sneak slip".split())
_WANTING = frozenset("want wants wanted need needs needed requested requests asked asks wishes".split())
_LEADING = frozenset("please now then and also just kindly next finally first so but lastly".split())
_STARTING = frozenset("start begin finish end surprise amaze go come continue".split())


def segment_end(words: Sequence[str], at: int) -> int:
    while at < len(words) and words[at][0].isalnum():
        at += 1
    return at


def is_head(words: Sequence[str], at: int) -> bool:
    """True where a part of a sentence begins, be it behind words such as `and then please`."""
    while at and words[at - 1] in _LEADING:
        at -= 1
    return not at or not words[at - 1][0].isalnum() or words[at - 1] in GREETINGS


def order(words: Sequence[str], at: int) -> int:
    """`draw me`, `add`, `surprise us with`, and any verb of an order by what follows it: `chalk a cat`."""
    if not is_head(words, at) or not words[at][0].isalnum():
        return 0
    return _phrase_of_order(words, at) or _verb_of_order(words, at)


def _phrase_of_order(words: Sequence[str], at: int) -> int:
    """`surprise us with`, `start by drawing`, `don't forget to add`, `throw in`, `make sure that`."""
    following = words[at + 1] if at + 1 < len(words) else " "
    end = at + 1
    if following in {"me", "us"} and is_noun_like(words, at):
        return _past_asker(words, end)
    if words[at] in _STARTING and following == "by" and {*words[at + 2 : at + 3]} & _TURNING:
        return at + 3
    if words[at] in _STARTING and following == "with":
        return at + 2
    if (said := next((len(each) for each in _ORDERS if tuple(words[at : at + len(each)]) == each), 0)) > 0:
        return at + said + (list(words[at + said : at + said + 1]) in (["add"], ["include"], ["draw"]))
    if words[at] in _STARTING and following in {"it", "things", "this"}:
        off = at + 2 + (list(words[at + 2 : at + 3]) in (["off"], ["up"], ["out"]))
        return off + 1 if list(words[off : off + 1]) == ["with"] else 0
    if words[at] in _PHRASAL and following in {"in", "up", "out", "together"} and opens_phrase(words, at + 2):
        return at + 2
    if words[at] in {"mind", "fancy", "consider", "try"} and following in _TURNING:
        return at + 2
    if words[at] == "make" and following in {"sure", "certain"}:
        return end + 1 + (list(words[end + 1 : end + 2]) == ["that"])
    return 0


def _verb_of_order(words: Sequence[str], at: int) -> int:
    """`draw me`, `add`, and at the head of a sentence whatever an article follows: `chalk a cat`."""
    following = words[at + 1] if at + 1 < len(words) else " "
    end = at + 1
    if words[at] == "picture" and following in ARTICLES | {"this", "if"}:
        return end + (following in {"this", "if"})
    if words[at] in OPENERS and following[0].isalnum():
        return _past_asker(words, end)
    if words[at] in PLACING and (is_noun_like(words, end) or following in DETERMINERS | PRONOUNS):
        sure = words[at] in {"add", "include", "insert", "use"}
        return end if sure or opens_phrase(words, end) else 0
    begins = not at or words[at - 1] in ENDS or words[at - 1] in {"please", "then"}
    plain = is_noun_like(words, at) and listed(words[at]) is None and by_form(words[at]) is None
    named = number(words[at]) is not None or is_plural(words[at]) or words[at] in MEDIA | {"half", "quarter", "such"}
    placed = read_position(words, at) is not None  # left a lamp
    exchanged = words[at] in EXCHANGING | {"leave"} or denies(words, at) > 0
    return end if begins and plain and not (named or placed or exchanged) and following in ARTICLES | {"the"} else 0


def wish(words: Sequence[str], at: int) -> int:
    """`I would love to see`, `could you please draw me`, `you can imagine`, `all I want is`."""
    begin = at
    if words[at] in MODALS | {"all", "what", "do", "would"} and is_head(words, at):
        begin = at + 1
    opened = next((at + len(said) for said in _WISHED if tuple(words[at : at + len(said)]) == said), 0)
    if not opened and (begin >= len(words) or words[begin] not in ASKERS):
        return 0
    end = opened or begin + 1
    frame = _FRAME | PRAISE if opened else _FRAME
    while end < len(words):
        if words[end] in frame and words[end] != "my":
            end += 1
        elif words[end - 1] in MODALS | {"to", "i", "we", "you"} and _is_unknown_verb(words, end):
            end += 1
            while end < len(words) and words[end] in {"me", "us", "up", "out", "together"}:
                end += 1
        else:
            break
    if end < len(words) and words[end] in _TURNING and words[end - 1] in {"mind", "of", "about", "try"}:
        end += 1 + (words[end + 1 : end + 2] in (["me"], ["us"]))
    if words[end - 1] == "know" and list(words[end : end + 1]) == ["what"]:
        end += 1
    if list(words[end : end + 2]) == ["in", "mind"]:
        end += 2
    return end


def wish_of_another(words: Sequence[str], at: int) -> int:
    """`my son wants`, `she asked for`, where nothing was named that might be meant."""
    owned = words[at] in {"my", "our"}
    if not is_head(words, at) or not (owned or words[at] in {"he", "she", "they"}):
        return 0
    if not owned and not ARTICLES.isdisjoint(words[:at]):
        return 0
    end = segment_end(words, at)
    wanting = [place for place in range(at + 1, min(end, at + 5)) if words[place] in _WANTING | {"would", "'d"}]
    if not wanting or any(words[place] in DETERMINERS for place in range(at + 1, wanting[0])):
        return 0
    behind = wanting[0] + 1
    if words[wanting[0]] == "would" and words[behind : behind + 1] and words[behind] not in {"like", "love"}:
        return 0
    while behind < len(words) and words[behind] in {"like", "love", "for", "to", "see", "have", "get"}:
        behind += 1
    return behind


def _is_unknown_verb(words: Sequence[str], at: int) -> bool:
    """`whip up a cake`: a verb that nobody listed, by what follows it."""
    if not is_noun_like(words, at) or listed(words[at]) is not None or is_plural(words[at]):
        return False
    end = at + 1
    while end < len(words) and words[end] in {"up", "out", "together", "me", "us"}:
        end += 1
    return end > at + 1 or end >= len(words) or words[end] in DETERMINERS | ASKERS or number(words[end]) is not None


def opens_phrase(words: Sequence[str], at: int) -> bool:
    """True if a noun phrase surely begins at `at`."""
    word = words[at] if at < len(words) else " "
    return word in DETERMINERS | PRONOUNS or number(word) is not None or listed(word) is not None or is_plural(word)


def _past_asker(words: Sequence[str], at: int) -> int:
    while at < len(words) and words[at] in {"me", "us", "up", "please"}:
        at += 1
    return at + (list(words[at : at + 1]) == ["with"] and words[at - 1] in {"me", "us", "up"})
