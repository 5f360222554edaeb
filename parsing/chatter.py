"""What is said to the painter rather than of the picture: greetings, thanks, labels, and remarks about who asks.

Such words make no things. What a remark speaks of is kept, since a later word may mean it: `I love owls, draw one`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from muralist.tools.plurals import is_plural
from muralist.tools.words import ARTICLES, GROUNDS, MEDIA

from .lexicon import listed
from .noun_phrase import NounPhrase, read_noun_phrase, read_thing
from .numbers import number
from .orders import GREETINGS, MODALS, PRAISE, is_head, opens_phrase, order, segment_end, wish, wish_of_another
from .positions import read_position
from .verbs import is_noun_like
from .words import ASKERS, BACKDROPS, BE, CANVAS, INDEFINITE, PRONOUNS

_ADDRESSED = frozenset("there again everyone all you dear friend friends folks team painter artist".split())
_THANKS = frozenset("thanks thank thx cheers ta bye".split())
_WISHES = frozenset("want wanted need needed wish would i'd we'd see wondering thinking looking could can".split())
_LIKING = frozenset(
    """
    love loves loved loving like likes adore adores adored enjoy enjoys prefer prefers collect collects hate hates
    dislike dislikes fancy fancies fond crazy mad obsessed fan fans keen
    """.split()
)
_REQUESTS = frozenset("request idea prompt wish task commission order challenge brief".split())
_ANNOUNCING = frozenset(
    "my our the this a an here's here is i have i've got simple small quick little new first next easy".split()
)
_ORDERING = frozenset("draw paint show create generate make render put add place".split())
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
        end = end or _announcement(words, at) or _label(words, at) or wish_of_another(words, at)
        end = end or order(words, at) or wish(words, at) or _praise(words, at) or _beneficiary(words, at)
        end = end or (_is_ordinal(words, at) and at + 1)
        chatter.said.update(place for place in range(at, end) if words[place][0].isalnum())
        at = max(end, at + 1)
    return chatter


def _greeting(words: Sequence[str], at: int) -> int:
    """`hello there`, `thanks a lot`; what is greeted may have a name if more follows: `hi robot, …`."""
    if words[at] == "thank" and list(words[at + 1 : at + 2]) in (["you"], ["u"]) and not is_head(words, at):
        return at + 2
    if not is_head(words, at):
        return 0
    end = segment_end(words, at)
    if not at and words[at] in {"sorry", "excuse", "pardon"}:
        return end
    if words[at] in _THANKS:
        owed = [place + 1 for place in range(at, end - 1) if words[place] == "for" and opens_phrase(words, place + 1)]
        return owed[0] if owed and words[owed[0]] not in {"your", "the", "any", "all"} else end
    if words[at] == "good" and words[at + 1 : at + 2] in (["morning"], ["evening"], ["afternoon"], ["day"]):
        return at + 2 if at + 2 == end else 0
    if words[at] not in GREETINGS:
        return 0
    begin = at + 1
    while begin < end and words[begin] in _ADDRESSED:
        begin += 1
    named = end - begin == 1 and end + 1 < len(words) and not is_plural(words[begin])
    return end if begin == end or named else begin


def _remark(words: Sequence[str], at: int, chatter: Chatter) -> int:
    """`my daughter loves owls`, `today is my birthday`, where what is to be drawn is said behind it."""
    end = segment_end(words, at)
    joints = (place for place in range(at + 1, end - 1) if words[place] in {"and", "so", "but", "because"})
    end = next((place for place in joints if words[place + 1] in ASKERS), end)
    if at == end or (at and words[at - 1][0].isalnum() and words[at - 1] not in GREETINGS):
        return 0
    span = list(words[at:end])
    liking = next((place for place in range(at + 1, end) if words[place] in _LIKING), None)
    preferred = "favourite" in span or "favorite" in span
    if preferred:
        liking = next((place for place in range(at, end) if words[place] in BE), None)
    owned = span[0] in {"my", "our"} or span[:1] in (["i"], ["we"])
    about_asker = (owned and liking is not None and not _WISHES & {*span[: max(2, (liking or 0) - at)]}) or (
        "birthday" in span and bool({"my", "our", "his", "her", "it's"} & {*span})
    )
    if span[:2] in (["i've", "never"], ["i", "never"]):
        liking, about_asker = at + 2, len(span) > 3
    about_asker = about_asker or span[:1] == ["i'm"] or span[:2] == ["i", "am"] or (preferred and "my" in span)
    if not about_asker or _WISHES & {*span} or not _asks(words, end):
        return 0
    after = 0 if liking is None else liking + 1 + (words[liking + 1] in {"of", "on", "about", "with", "for"})
    if after and (phrase := read_thing(words, after)) is not None:
        chatter.spoken.append(phrase)
    return end


def _asks(words: Sequence[str], at: int) -> bool:
    """True if something is asked for behind word `at`, other than what was spoken of: `draw it`."""
    for place in range(at, len(words)):
        end = order(words, place) or wish(words, place)
        if end:
            given = end < len(words) and words[end] in PRONOUNS and not opens_phrase(words, end + 1)
            return end < len(words) and not given
    return False


def _condition(words: Sequence[str], at: int) -> int:
    """`if you don't mind`, `when you have time`, `as soon as possible`, up to the next comma."""
    if words[at] not in {"if", "when", "whenever", "as"}:
        return 0
    end = segment_end(words, at)
    if words[at] == "as" or list(words[at : at + 2]) == ["if", "possible"]:
        found = [place + 1 for place in range(at, min(end, at + 5)) if words[place] == "possible"]
        return found[0] if found else 0
    following = {*words[at + 1 : at + 2]}
    short = end - at <= 7
    return end if short and following & (ASKERS | {"that's", "it's"}) and not {*words[at:end]} & _ORDERING else 0


def _question(words: Sequence[str], at: int) -> int:
    """`what would … look like?`, `how about`, `why not`, `what if there was`."""
    following = words[at + 1] if at + 1 < len(words) else ""
    if words[at] == "look" and following == "like":
        return at + 2 if at + 2 == len(words) or not words[at + 2][0].isalnum() else 0
    if not is_head(words, at):
        return 0
    if words[at] in MODALS and following in ARTICLES | {"the", "there"}:
        return at + 1 + (following == "there") + (list(words[at + 2 : at + 3]) == ["be"])
    if (words[at], following) in {("how", "about"), ("what", "about"), ("what", "if"), ("why", "not")}:
        return at + 2
    asked = words[at] in {"what", "how"} and following in MODALS | {"does", "do"}
    return at + 2 if asked and "look" in words[at:] else 0


def _praise(words: Sequence[str], at: int) -> int:
    """`… would be nice`: what one thinks of being given it."""
    end = at + 2
    if words[at] == "be" and not (at and words[at - 1] == "would"):
        asked = not MODALS.isdisjoint(words[max(0, at - 8) : at])
        done = at + 2 >= len(words) or not words[at + 2][0].isalnum()
        return at + 2 if asked and done and {*words[at + 1 : at + 2]} & (PRAISE | GREETINGS) else 0
    said = list(words[at : at + 2]) in (["would", "be"], ["might", "be"], ["sounds", "really"])
    closing = end + 1 >= len(words) or not words[end + 1][0].isalnum()
    return end + 1 if said and {*words[end : end + 1]} & PRAISE and closing else 0


def _is_ordinal(words: Sequence[str], at: int) -> bool:
    """`first draw a house`, `next, add a tree`: in which order things are drawn."""
    begin = at + 1 + (list(words[at + 1 : at + 2]) == [","])
    ordering = words[at] in {"first", "next", "second", "secondly", "firstly", "finally", "lastly"}
    return ordering and begin < len(words) and is_head(words, at) and bool(order(words, begin) or wish(words, begin))


def _announcement(words: Sequence[str], at: int) -> int:
    """`here's my idea:`, `my request is`, `the picture should show`: what is said to come."""
    if not is_head(words, at):
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
    while end and end < len(words) and words[end] in MODALS | {"must", "has", "have", "needs", "to"}:
        end += 1
    shows = begin and begin <= end < len(words) and words[end] in {"show", "shows", "contain", "contains", "depict"}
    return end + 1 if shows else 0


def _label(words: Sequence[str], at: int) -> int:
    """`title:`, `quick one:`, `step 1:` before a sentence: bare words that head what is told behind them."""
    end = segment_end(words, at)
    if not (at < end <= at + 3) or list(words[end : end + 1]) != [":"] or (at and words[at - 1][0].isalnum()):
        return 0
    named = words[at:end]
    behind = end + 1 < len(words) and (words[end + 1] in ARTICLES or bool(order(words, end + 1)))
    bare = all(is_noun_like(words, place) for place in range(at, end)) and number(words[at]) is None
    telling = GROUNDS | BACKDROPS | MEDIA | INDEFINITE | {"style", "art"}
    looks = all(listed(word) is not None for word in named)
    return (
        end if behind and bare and not looks and telling.isdisjoint(named) and read_position(words, at) is None else 0
    )


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
