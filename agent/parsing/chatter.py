"""What is said to the painter rather than of the picture: greetings, orders, wishes, and remarks about who asks.

Such words make no things. What a remark speaks of is kept, since a later word may mean it: `I love owls, draw one`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from muralist.tools.words import ARTICLES, GROUNDS, MEDIA

from .denial import denies
from .lexicon import listed
from .morphology import by_form
from .noun_phrase import NounPhrase, read_noun_phrase, read_thing
from .numbers import is_plural, number
from .positions import read_position
from .verbs import is_noun_like
from .words import ASKERS, BACKDROPS, BE, CANVAS, DETERMINERS, ENDS, EXCHANGING, INDEFINITE, OPENERS, PLACING, PRONOUNS

_GREETINGS = frozenset("hi hello hey hiya howdy yo ahoy greetings dear ok okay oh well um hmm alright".split())
_ADDRESSED = frozenset("there again everyone all you dear friend friends folks team painter artist".split())
_THANKS = frozenset("thanks thank thx cheers ta bye".split())
_PRAISE = frozenset(
    "nice great cool lovely perfect awesome fantastic wonderful amazing good fine enough ideal fun brilliant".split()
)
"""What one thinks of being given something: a cat would be nice."""
_MODALS = frozenset("can could would will shall may might should".split())
_FRAME = (
    ASKERS
    | _MODALS
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
_WISHES = frozenset("want wanted need needed wish would i'd we'd see wondering thinking looking could can".split())
_LIKING = frozenset(
    """
    love loves loved loving like likes adore adores adored enjoy enjoys prefer prefers collect collects hate hates
    dislike dislikes fancy fancies fond crazy mad obsessed fan fans keen
    """.split()
)
_TURNING = frozenset("drawing painting making creating showing adding sketching putting including having".split())
"""What one asks for as a deed: would you mind drawing."""
_WISHED = tuple(
    tuple(wish.split())
    for wish in "it would be,it'd be,would it be,is it possible,is there any chance,any chance".split(",")
)
"""How wishes begin that no asker heads."""
_ORDERS = tuple(
    tuple(order.split())
    for order in "let there be,don't forget,do not forget,never forget,remember to,make sure to,be sure to".split(",")
)
"""Orders of several words; not to forget something is to draw it."""
_PHRASAL = frozenset("throw toss chuck pop whip knock rustle sneak slip".split())
_REQUESTS = frozenset("request idea prompt wish task commission order challenge brief".split())
_ANNOUNCING = frozenset(
    "my our the this a an here's here is i have i've got simple small quick little new first next easy".split()
)
_WANTING = frozenset("want wants wanted need needs needed requested requests asked asks wishes".split())
_ORDERING = frozenset("draw paint show create generate make render put add place".split())
_LEADING = frozenset("please now then and also just kindly next finally first so but lastly".split())
_STARTING = frozenset("start begin finish end surprise amaze go come continue".split())
_BENEFICIARIES = frozenset("me us my our myself ourselves".split())


@dataclass
class Chatter:
    """Words that say nothing of the picture, and the things that they speak of nevertheless."""

    said: set[int] = field(default_factory=set)
    spoken: list[NounPhrase] = field(default_factory=list)


def read_chatter(words: Sequence[str]) -> Chatter:
    """Find what is said to the painter, wherever it stands."""
    chatter, at = Chatter(), 0
    while at < len(words):
        end = _greeting(words, at) or _remark(words, at, chatter) or _condition(words, at) or _question(words, at)
        end = end or _announcement(words, at) or _label(words, at) or _wish_of_another(words, at)
        end = end or _order(words, at) or _wish(words, at) or _praise(words, at) or _beneficiary(words, at)
        end = end or (_is_ordinal(words, at) and at + 1)
        chatter.said.update(place for place in range(at, end) if words[place][0].isalnum())
        at = max(end, at + 1)
    return chatter


def _segment_end(words: Sequence[str], at: int) -> int:
    while at < len(words) and words[at][0].isalnum():
        at += 1
    return at


def _is_head(words: Sequence[str], at: int) -> bool:
    """True where a part of a sentence begins, be it behind words such as `and then please`."""
    while at and words[at - 1] in _LEADING:
        at -= 1
    return not at or not words[at - 1][0].isalnum() or words[at - 1] in _GREETINGS


def _greeting(words: Sequence[str], at: int) -> int:
    """`hello there`, `thanks a lot`; what is greeted may have a name if more follows: `hi robot, …`."""
    if words[at] == "thank" and list(words[at + 1 : at + 2]) in (["you"], ["u"]) and not _is_head(words, at):
        return at + 2
    if not _is_head(words, at):
        return 0
    end = _segment_end(words, at)
    if not at and words[at] in {"sorry", "excuse", "pardon"}:
        return end
    if words[at] in _THANKS:
        owed = [place + 1 for place in range(at, end - 1) if words[place] == "for" and _opens(words, place + 1)]
        return owed[0] if owed and words[owed[0]] not in {"your", "the", "any", "all"} else end
    if words[at] == "good" and words[at + 1 : at + 2] in (["morning"], ["evening"], ["afternoon"], ["day"]):
        return at + 2 if at + 2 == end else 0
    if words[at] not in _GREETINGS:
        return 0
    begin = at + 1
    while begin < end and words[begin] in _ADDRESSED:
        begin += 1
    named = end - begin == 1 and end + 1 < len(words) and not is_plural(words[begin])
    return end if begin == end or named else begin if words[begin : begin + 1] != ["kitty"] else 0


def _remark(words: Sequence[str], at: int, chatter: Chatter) -> int:
    """`my daughter loves owls`, `today is my birthday`, where what is to be drawn is said behind it."""
    end = _segment_end(words, at)
    joints = (place for place in range(at + 1, end - 1) if words[place] in {"and", "so", "but", "because"})
    end = next((place for place in joints if words[place + 1] in ASKERS), end)
    if at == end or (at and words[at - 1][0].isalnum() and words[at - 1] not in _GREETINGS):
        return 0
    told = list(words[at:end])
    liking = next((place for place in range(at + 1, end) if words[place] in _LIKING), None)
    preferred = "favourite" in told or "favorite" in told
    if preferred:
        liking = next((place for place in range(at, end) if words[place] in BE), None)
    owned = told[0] in {"my", "our"} or told[:1] in (["i"], ["we"])
    about_asker = (owned and liking is not None and not _WISHES & {*told[: max(2, (liking or 0) - at)]}) or (
        "birthday" in told and bool({"my", "our", "his", "her", "it's"} & {*told})
    )
    if told[:2] in (["i've", "never"], ["i", "never"]):
        liking, about_asker = at + 2, len(told) > 3
    about_asker = about_asker or told[:1] == ["i'm"] or told[:2] == ["i", "am"] or (preferred and "my" in told)
    if not about_asker or _WISHES & {*told} or not _asks(words, end):
        return 0
    after = 0 if liking is None else liking + 1 + (words[liking + 1] in {"of", "on", "about", "with", "for"})
    if after and (phrase := read_thing(words, after)) is not None:
        chatter.spoken.append(phrase)
    return end


def _asks(words: Sequence[str], at: int) -> bool:
    """True if something is asked for behind word `at`, other than what was spoken of: `draw it`."""
    for place in range(at, len(words)):
        end = _order(words, place) or _wish(words, place)
        if end:
            given = end < len(words) and words[end] in PRONOUNS and not _opens(words, end + 1)
            return end < len(words) and not given
    return False


def _condition(words: Sequence[str], at: int) -> int:
    """`if you don't mind`, `when you have time`, `as soon as possible`, up to the next comma."""
    if words[at] not in {"if", "when", "whenever", "as"}:
        return 0
    end = _segment_end(words, at)
    if words[at] == "as" or list(words[at : at + 2]) == ["if", "possible"]:
        found = [place + 1 for place in range(at, min(end, at + 5)) if words[place] == "possible"]
        return found[0] if found else 0
    told = {*words[at + 1 : at + 2]}
    short = end - at <= 7
    return end if short and told & (ASKERS | {"that's", "it's"}) and not {*words[at:end]} & _ORDERING else 0


def _question(words: Sequence[str], at: int) -> int:
    """`what would … look like?`, `how about`, `why not`, `what if there was`."""
    following = words[at + 1] if at + 1 < len(words) else ""
    if words[at] == "look" and following == "like":
        return at + 2 if at + 2 == len(words) or not words[at + 2][0].isalnum() else 0
    if not _is_head(words, at):
        return 0
    if words[at] in _MODALS and following in ARTICLES | {"the", "there"}:
        return at + 1 + (following == "there") + (list(words[at + 2 : at + 3]) == ["be"])
    if (words[at], following) in {("how", "about"), ("what", "about"), ("what", "if"), ("why", "not")}:
        return at + 2
    asked = words[at] in {"what", "how"} and following in _MODALS | {"does", "do"}
    return at + 2 if asked and "look" in words[at:] else 0


def _praise(words: Sequence[str], at: int) -> int:
    """`… would be nice`: what one thinks of being given it."""
    end = at + 2
    if words[at] == "be" and not (at and words[at - 1] == "would"):
        asked = not _MODALS.isdisjoint(words[max(0, at - 8) : at])
        done = at + 2 >= len(words) or not words[at + 2][0].isalnum()
        return at + 2 if asked and done and {*words[at + 1 : at + 2]} & (_PRAISE | _GREETINGS) else 0
    said = list(words[at : at + 2]) in (["would", "be"], ["might", "be"], ["sounds", "really"])
    closing = end + 1 >= len(words) or not words[end + 1][0].isalnum()
    return end + 1 if said and {*words[end : end + 1]} & _PRAISE and closing else 0


def _is_ordinal(words: Sequence[str], at: int) -> bool:
    """`first draw a house`, `next, add a tree`: in which order things are drawn."""
    begin = at + 1 + (list(words[at + 1 : at + 2]) == [","])
    ordering = words[at] in {"first", "next", "second", "secondly", "firstly", "finally", "lastly"}
    return ordering and begin < len(words) and _is_head(words, at) and bool(_order(words, begin) or _wish(words, begin))


def _announcement(words: Sequence[str], at: int) -> int:
    """`here's my idea:`, `my request is`, `the picture should show`: what is said to come."""
    if not _is_head(words, at):
        return 0
    end = at
    while end < len(words) and words[end] in _ANNOUNCING:
        end += 1
    if end >= len(words) - 1 or (end == at and words[at] != "it"):
        return 0
    following = words[end + 1]
    if words[end] in _REQUESTS and (following in BE or following in {":", ".", ","}):
        return end + 1 + (following in BE)
    begin = end = end + 1 if words[end] in CANVAS | {"it"} else 0
    while end and end < len(words) and words[end] in _MODALS | {"must", "has", "have", "needs", "to"}:
        end += 1
    shows = begin and begin <= end < len(words) and words[end] in {"show", "shows", "contain", "contains", "depict"}
    return end + 1 if shows else 0


def _label(words: Sequence[str], at: int) -> int:
    """`title:`, `quick one:`, `step 1:` before a sentence: bare words that head what is told behind them."""
    end = _segment_end(words, at)
    if not (at < end <= at + 3) or list(words[end : end + 1]) != [":"] or (at and words[at - 1][0].isalnum()):
        return 0
    named = words[at:end]
    behind = end + 1 < len(words) and (words[end + 1] in ARTICLES or bool(_order(words, end + 1)))
    bare = all(is_noun_like(words, place) for place in range(at, end)) and number(words[at]) is None
    telling = GROUNDS | BACKDROPS | MEDIA | INDEFINITE | {"style", "art"}
    looks = all(listed(word) is not None for word in named)
    return (
        end if behind and bare and not looks and telling.isdisjoint(named) and read_position(words, at) is None else 0
    )


def _wish_of_another(words: Sequence[str], at: int) -> int:
    """`my son wants`, `she asked for`, where nothing was named that might be meant."""
    owned = words[at] in {"my", "our"}
    if not _is_head(words, at) or not (owned or words[at] in {"he", "she", "they"}):
        return 0
    if not owned and not ARTICLES.isdisjoint(words[:at]):
        return 0
    end = _segment_end(words, at)
    wanting = [place for place in range(at + 1, min(end, at + 5)) if words[place] in _WANTING | {"would", "'d"}]
    if not wanting or any(words[place] in DETERMINERS for place in range(at + 1, wanting[0])):
        return 0
    behind = wanting[0] + 1
    if words[wanting[0]] == "would" and words[behind : behind + 1] and words[behind] not in {"like", "love"}:
        return 0
    while behind < len(words) and words[behind] in {"like", "love", "for", "to", "see", "have", "get"}:
        behind += 1
    return behind


def _wish(words: Sequence[str], at: int) -> int:
    """`I would love to see`, `could you please draw me`, `you can imagine`, `all I want is`."""
    begin = at
    if words[at] in _MODALS | {"all", "what", "do", "would"} and _is_head(words, at):
        begin = at + 1
    opened = next((at + len(wish) for wish in _WISHED if tuple(words[at : at + len(wish)]) == wish), 0)
    if not opened and (begin >= len(words) or words[begin] not in ASKERS):
        return 0
    end = opened or begin + 1
    frame = _FRAME | _PRAISE if opened else _FRAME
    while end < len(words):
        if words[end] in frame and words[end] != "my":
            end += 1
        elif words[end - 1] in _MODALS | {"to", "i", "we", "you"} and _is_unknown_verb(words, end):
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


def _is_unknown_verb(words: Sequence[str], at: int) -> bool:
    """`whip up a cake`: a verb that nobody listed, by what follows it."""
    if not is_noun_like(words, at) or listed(words[at]) is not None or is_plural(words[at]):
        return False
    end = at + 1
    while end < len(words) and words[end] in {"up", "out", "together", "me", "us"}:
        end += 1
    return end > at + 1 or end >= len(words) or words[end] in DETERMINERS | ASKERS or number(words[end]) is not None


def _order(words: Sequence[str], at: int) -> int:
    """`draw me`, `add`, `surprise us with`, and any verb of an order by what follows it: `chalk a cat`."""
    if not _is_head(words, at) or not words[at][0].isalnum():
        return 0
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
    if words[at] in _PHRASAL and following in {"in", "up", "out", "together"} and _opens(words, at + 2):
        return at + 2
    if words[at] in {"mind", "fancy", "consider", "try"} and following in _TURNING:
        return at + 2
    if words[at] == "make" and following in {"sure", "certain"}:
        return end + 1 + (list(words[end + 1 : end + 2]) == ["that"])
    if words[at] == "picture" and following in ARTICLES | {"this", "if"}:
        return end + (following in {"this", "if"})
    if words[at] in OPENERS and following[0].isalnum():
        return _past_asker(words, end)
    if words[at] in PLACING and (is_noun_like(words, end) or following in DETERMINERS | PRONOUNS):
        sure = words[at] in {"add", "include", "insert", "use"}
        return end if sure or _opens(words, end) else 0
    begins = not at or words[at - 1] in ENDS or words[at - 1] in {"please", "then"}
    plain = is_noun_like(words, at) and listed(words[at]) is None and by_form(words[at]) is None
    named = number(words[at]) is not None or is_plural(words[at]) or words[at] in MEDIA | {"half", "quarter", "such"}
    placed = read_position(words, at) is not None  # left a lamp
    exchanged = words[at] in EXCHANGING | {"leave"} or denies(words, at) > 0
    return end if begins and plain and not (named or placed or exchanged) and following in ARTICLES | {"the"} else 0


def _opens(words: Sequence[str], at: int) -> bool:
    """True if a noun phrase surely begins at `at`."""
    word = words[at] if at < len(words) else " "
    return word in DETERMINERS | PRONOUNS or number(word) is not None or listed(word) is not None or is_plural(word)


def _past_asker(words: Sequence[str], at: int) -> int:
    while at < len(words) and words[at] in {"me", "us", "up", "please"}:
        at += 1
    return at + (list(words[at : at + 1]) == ["with"] and words[at - 1] in {"me", "us", "up"})


def _beneficiary(words: Sequence[str], at: int) -> int:
    """For whom or what the picture is: `for my kitchen`, `a picture for the hall:`, `for school, …`, `as a gift`."""
    if list(words[at : at + 2]) == ["as", "a"] and {*words[at + 2 : at + 3]} & {"gift", "present", "surprise"}:
        return at + 3
    if words[at] != "for" or at + 1 >= len(words):
        return 0
    if words[at + 1] in {"me", "us", "myself", "ourselves"}:
        return at + 2
    phrase = read_noun_phrase(words, at + 1)
    if phrase is None or not phrase.noun:
        return 0
    heads = not at and list(words[phrase.end : phrase.end + 1]) in ([","], [":"])
    heads = heads and phrase.head not in BACKDROPS
    return phrase.end if heads or words[at + 1] in _BENEFICIARIES or (at and words[at - 1] in MEDIA) else 0
