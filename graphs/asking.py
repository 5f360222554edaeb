"""What a message asks for: a new picture, an edit of the one that is there, the same again, or just an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from langchain_core.messages import BaseMessage, HumanMessage

from muralist.tools.errors import BadPrompt

from .pictures import image_in

if TYPE_CHECKING:
    from PIL import Image

Kind = Literal["new", "edit", "again", "talk"]

_TALK = (
    r"(?:hi|hello|hey|thanks?|thank you|cheers|great|nice|cool|wow|good|lovely|beautiful|perfect|ok(?:ay)?|yes|no|bye|"
    r"please|very|so|much|it|is|that|this|looks?|job|one|work|well done|i like|i love|love|there|a lot|how are you|"
    r"what can you do|how does (?:it|this) work|help|who are you|awesome|amazing)\b"
)
TALK = re.compile(rf"\W*(?:{_TALK}\W*)+", re.IGNORECASE)
_PAUSE = r"(?:[!.,;:]+\s*|\s*-+\s+)"
BEFORE = re.compile(rf"\W*(?:{_TALK}\W*)*{_TALK}\s*{_PAUSE}(?=\w)", re.IGNORECASE)
"""Talk before the matter: `thanks! now …`."""
ASIDE = re.compile(
    rf"\W*(?:{_TALK}\W*)*{_TALK}\s*(?:[!.]+\s*(?=\w)|{_PAUSE}(?=(?:now|please|then|an?|the|two|three|four|some|several|"
    r"paint|draw|show|create|generate)\b))",
    re.IGNORECASE,
)
"""The same before a description, to which `beautiful, serene lake` belongs as a whole."""
_OTHER = r"(?:(?:an?other|a\s+different|a\s+new)\s+seed|seed\s+\d+)"
_IT = r"(?:(?:paint|draw|do|try)\s+)(?:it|that|this|the same)\s+"
AGAIN = re.compile(
    r"\W*(?:now\s+)?(?:please\s+)?(?:"
    rf"(?:{_IT}|(?:paint|draw|do|try)\s+)?(?:once\s+)?(?:again|anew|once more|another try)"
    rf"(?:[\s,]+(?:(?:but|and)\s+)?(?:with\s+|use\s+)?{_OTHER})?"
    rf"|{_IT}with\s+{_OTHER}"
    rf"|(?:(?:try|use|take|with|give me)\s+)*{_OTHER}(?:[\s,]+again)?)(?:[\s,]+please)?\W*",
    re.IGNORECASE,
)
BUT = re.compile(r"\W*again[\s,]+(?:but|and)\s+", re.IGNORECASE)
"""`again, but make the cup green`: a wish."""
POLITE = re.compile(r"\A\W*(?:(?:now|please|then|also|and|so)\b[\s,]*)+", re.IGNORECASE)
LONGEST_TALK = 300
"""Characters of a message that are looked at for talk."""
SEED = re.compile(r"\bseed\s+(\d{1,18})\b", re.IGNORECASE)
ANEW = re.compile(
    r"\W*(?:please\s+)?(?:now\s+)?(?:draw|paint|show|create|generate)\s+(?:me\s+)?"
    r"(?:an?|two|three|four|some|several|(?P<the>the))\b",
    re.IGNORECASE,
)
DESCRIBED = re.compile(
    r"\W*(?:clear|drops?|set|place|colou?r|swap|cut)\s+(?!the|an?|this|that|these|those|it|all|every|both|my|out)\w",
    re.IGNORECASE,
)
"""Words that begin a description as often as a wish: `clear sky over a lake`, `a set of cups`."""


@dataclass(frozen=True)
class Asked:
    """A message as it was understood; `image` is a picture that came with it, or the id of one."""

    kind: Kind
    text: str
    image: Image.Image | str | None = None
    seed: int | None = None


def asked(message: BaseMessage, *, picture: bool) -> Asked:
    """Understand a message; `picture`: whether the thread has one to edit. Raises BadImage."""
    text, image = str(message.text).strip(), image_in(message)
    if image is not None:
        return Asked("edit", text, image)
    if len(text) <= LONGEST_TALK and TALK.fullmatch(text):
        return Asked("talk", text)
    if not picture:
        return Asked("new", _described(text))
    matter = _after(BEFORE, text)
    if AGAIN.fullmatch(matter):
        said = SEED.search(matter)
        return Asked("again", text, seed=int(said[1]) if said else None)
    matter = POLITE.sub("", BUT.sub("", matter, count=1))
    return Asked("edit", matter) if _is_wish(matter) else Asked("new", _described(text))


def latest(messages: Sequence[BaseMessage]) -> HumanMessage | None:
    """The user's message at the end, if there is one."""
    return messages[-1] if messages and isinstance(messages[-1], HumanMessage) else None


def _described(text: str) -> str:
    """A description without what is said before it; all of the text if nothing else is in it."""
    return POLITE.sub("", BUT.sub("", _after(ASIDE, text), count=1)) or text


def _after(talk: re.Pattern[str], text: str) -> str:
    """The text without the talk that it begins with."""
    head = talk.match(text, 0, LONGEST_TALK)
    return text[head.end() :] if head else text


def _is_wish(text: str) -> bool:
    """Whether it asks for changes, and does not describe a picture of its own."""
    from muralist.agent.wishes import read_wish

    anew = ANEW.match(text)
    if (anew and not anew["the"]) or DESCRIBED.match(text):
        return False
    try:
        first, *_ = [change.kind for change in read_wish(text)] or ["show"]
    except BadPrompt:
        return True  # of which the tool says what can be wished for
    return first == "recolour" if anew else first != "show"
