"""The text format of RPG's planner: `Final split ratio: …`, `Regional Prompt: … BREAK …`.

Source: RPG (arXiv 2401.11708), section 2.3 and appendix A. Read tolerantly: people and small models write it.
"""

from __future__ import annotations

import re

from .layout import Grid, parse_split_ratio

_RATIO = re.compile(r"^\W*(?P<final>final\s+)?split\s+ratio\W*:\W*?(?P<ratio>[^\n]*)$", re.IGNORECASE | re.MULTILINE)
_BARE_RATIO = re.compile(r"^[ \t]*(?P<ratio>[\d.,;\s]*\d[\d.,; \t]*)$", re.MULTILINE)
_HEADING = re.compile(r"^\W*(?:final\s+)?regional\s+prompts?\W*?:[\s*_]*", re.IGNORECASE | re.MULTILINE)
_AROUND = " \t*_`'\"“”()[]"


def has_split_ratio(text: str) -> bool:
    """Whether a line says that it is a split ratio."""
    return _RATIO.search(text) is not None


def parse_rpg_plan(text: str, base_prompt: str) -> Grid | None:
    """The grid that a text gives; None if no line of it is a split ratio. The final ratio counts, then the last one.

    Prompts follow their heading, or the ratio if there is none; what is said after them in another paragraph is passed
    over. Raises BadLayout, or ValidationError for prompts that are too long.
    """
    found = list(_RATIO.finditer(text))
    match = next((each for each in reversed(found) if each["final"]), found[-1] if found else None)
    match = match or _BARE_RATIO.search(text)
    if match is None:
        return None
    ratio, rest = match["ratio"], text[match.end() :]
    if not ratio.strip(_AROUND):  # the numbers stand on the next line
        ratio, _, rest = rest.lstrip("\n").partition("\n")
    heading = _HEADING.search(rest) or next(reversed(list(_HEADING.finditer(text[: match.start()]))), None)
    if heading is not None:
        rest = heading.string[heading.end() :]
    return parse_split_ratio(ratio.strip(_AROUND), _prompts(rest), base_prompt)


def _prompts(text: str) -> str:
    """Up to the end of the last prompt's paragraph."""
    head, mark, last = text.rpartition("BREAK")
    return head + mark + re.split(r"\n\s*\n|\n```", last.strip("\n"), maxsplit=1)[0]
