"""How the picture is to look as a whole: `an oil painting of …`, `…, in the style of …`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from muralist.tools.words import MEDIA

from .lexicon import PICTURED
from .words import AUXILIARIES, DETERMINERS, FILLERS, NEGATIONS, OPENERS

_UNTOLD = frozenset("picture image photo photograph scene view depiction shot snapshot".split())
"""Media that say nothing about the look."""

_TAGS = frozenset(
    """
    art painting photography illustration cartoon anime watercolor watercolour render sketch photo photograph drawing
    style impressionism surrealism minimalism cubism photorealistic photorealism realistic cinematic isometric
    """.split()
)
_QUALITY = frozenset(
    """
    highly detailed ultra hd 4k 8k hdr uhd masterpiece best quality high resolution sharp focus trending on artstation
    unreal engine octane intricate award winning award-winning professional very realistic hyperrealistic
    """.split()
)
_BEFORE_MEDIA = (
    OPENERS | FILLERS | AUXILIARIES | frozenset("it as to this that , like can and so then ! .".split()) | {" "}
)
_STOPS = frozenset(",.;:!?\n")
_LONGEST_OPENING = 7
_AS_IF = (("as", "if"), ("as", "though"), ("the", "way"), ("just", "like"), ("like",), ("as",))
_MADE = {
    "painted": "painted", "paint": "painted", "drawn": "drawn", "draw": "drawn", "drew": "drawn",
    "sketched": "sketched", "illustrated": "illustrated", "photographed": "photographed",
}  # fmt: skip
_TECHNIQUES = frozenset(
    "style watercolor watercolour crayon crayons pencil pencils ink gouache pastels acrylics oils chalk art".split()
)


@dataclass
class Style:
    """What was found, which words say it, and where the contents begin."""

    name: str | None = None
    said: set[int] = field(default_factory=set)
    praise: set[int] = field(default_factory=set)
    begin: int = 0


def read_style(words: Sequence[str]) -> Style:
    """Find the medium in front, the style anywhere, and praise such as `highly detailed` between commas."""
    style = Style()
    names = [_opening(words, style), _as_if(words, style), _in_the_style(words, style), *_tags(words, style)]
    style.name = ", ".join(dict.fromkeys(name for name in names if name))[:300] or None
    return style


def _opening(words: Sequence[str], style: Style) -> str:
    """`a watercolour painting of`, `an oil painting:`, `pixel art, …`."""
    start = 0
    while start < len(words) and words[start] in _BEFORE_MEDIA:
        start += 1
    for end in range(start + 1, min(len(words), start + _LONGEST_OPENING)):
        if (behind := end + _joint(words, start, end)) > end:
            inner = [word for word in words[start:end] if word not in DETERMINERS | {" "}]
            style.said.update(range(behind))
            style.begin = behind
            return "" if len(inner) == 1 and inner[0] in _UNTOLD else " ".join(inner)
        if words[end] in _STOPS | DETERMINERS | AUXILIARIES or words[end] == "of":
            break  # a robot is painting a portrait of …: not how the picture looks, but what it shows
    return ""


def _joint(words: Sequence[str], start: int, end: int) -> int:
    """How many words from `end` on join the medium in front of them to its contents; 0 if none do."""
    last = end - 1
    while last > start and words[last] == " ":
        last -= 1  # a poster for my shop: …
    medium = words[last] in MEDIA | {"art"}
    if words[end] == "of":
        return int(medium or list(words[end - 2 : end]) == ["close", "up"])
    if words[end] in {"that", "which"} and list(words[end + 1 : end + 2]) in (["shows"], ["depicts"]):
        return 2 * medium
    named = end > start + 1 or words[start] in PICTURED
    listed = words[end] == "," and words[start] != "in" and _is_tag(words[start:end]) and named
    return int(listed or (medium and words[end] == ":"))


def _as_if(words: Sequence[str], style: Style) -> str:
    """`as if Hokusai had painted it`, `as painted by a child`, `the way Miro would draw it`: who made the picture."""
    for at in range(style.begin, len(words)):
        end = at
        while end < len(words) and words[end] not in _STOPS:
            end += 1
        span = list(words[at:end])
        made = next((place for place, word in enumerate(span) if word in _MADE), 0)
        led = next((len(lead) for lead in _AS_IF if tuple(span[: len(lead)]) == lead), 0)
        if not span or span[made] not in _MADE or not (led or made == 0):
            continue
        by, whole = span[made + 1 : made + 2] == ["by"], span[made + 1 :] == ["it"]
        maker = span[made + 2 :] if by else span[led:made] if whole else []
        name = [word for word in maker if word not in AUXILIARIES | {"been", "like"}]
        if name and len(name) < _LONGEST_OPENING and not (led == 0 and name[0] in DETERMINERS):
            style.said.update(range(at, end))
            return f"{_MADE[span[made]]} by {' '.join(name)}"
    return ""


def _in_the_style(words: Sequence[str], style: Style) -> str:
    """`in the style of Hokusai`, `in a flat cartoon style`, `in watercolor`."""
    for at in range(style.begin, len(words)):
        if words[at] not in {"in", "as"}:
            continue
        end = at + 1
        while end < len(words) and words[end] not in _STOPS:
            end += 1
        inner = [word for word in words[at + 1 : end] if word not in DETERMINERS]
        if inner[:2] == ["style", "of"] and len(inner) > 2:
            style.said.update(range(at, end))
            return " ".join(inner[2:])
        for length in range(1, min(5, end - at)):
            last = at + length
            if words[last] in _TECHNIQUES and (length > 1 or words[last] not in {"style", "art"}):
                named = [word for word in words[at + 1 : last + 1] if word not in DETERMINERS]
                style.said.update(range(at, last + 1))
                return " ".join(named)
    return ""


def _is_tag(part: Sequence[str]) -> bool:
    return part[-1] in _TAGS and len(part) <= 4 and part[0] not in DETERMINERS | NEGATIONS


def _tags(words: Sequence[str], style: Style) -> list[str]:
    """`…, digital art, highly detailed`: the parts between commas behind the first."""
    found, start = [], None
    for at in range(style.begin, len(words) + 1):
        if list(words[at : at + 1]) == [":"] and at and words[at - 1] == "style":
            style.said.add(at - 1)
        if at < len(words) and words[at] not in _STOPS:
            continue
        if start is not None and start < at:
            part = list(words[start:at])
            if all(word in _QUALITY for word in part):
                style.praise.update(range(start, at))
            elif _is_tag(part) and start not in style.said:
                style.said.update(range(start, at))
                found.append(" ".join(part))
        start = at + 1
    return found
