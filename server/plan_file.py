"""A layout that the user wrote: as JSON, or in the paper's text form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout
from muralist.tools.layout import Grid, Layout, parse_split_ratio

MAX_BYTES = 1 << 20

_RATIO = re.compile(r"^\W*(?:final\s+)?split\s+ratio\W*:\s*(?P<ratio>.*)$", re.IGNORECASE)
_BARE_RATIO = re.compile(r"^\s*(?P<ratio>[\d.,;\s]*\d[\d.,;\s]*)$")
_HEADING = re.compile(r"^\W*(?:final\s+)?regional\s+prompts?\W*:\s*", re.IGNORECASE)

FORMS = (
    "write JSON with 'regions' (or 'rows' or 'columns'), or a line 'split ratio: 1,1,1;2,1,1' "
    "and prompts separated by BREAK"
)


def read_plan(path: Path, prompt: str) -> Layout:
    """The layout in a file. Regions need no instances: `plan` matches them to the scene by their words.

    A plan without a base prompt takes `prompt`. Raises BadLayout, naming the file and what is wrong in it.
    """
    text = _text_of(path)
    try:
        if text.lstrip()[:1] in ("{", "["):
            return _from_json(text, prompt)
        return _from_text(text, prompt)
    except ValidationError as error:
        raise BadLayout(f"plan {path}: {one_line(error)}") from None
    except BadLayout as error:
        raise BadLayout(f"plan {path}: {error}") from None


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadLayout(f"plan {path} cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_BYTES:
        raise BadLayout(f"plan {path} is larger than {MAX_BYTES >> 20} MiB: a layout is far smaller")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadLayout(f"plan {path} is not UTF-8 text: {FORMS}") from None


def _from_json(text: str, prompt: str) -> Layout:
    try:
        plan: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadLayout(f"not JSON ({error}): {FORMS}") from None
    if isinstance(plan, list):
        plan = {"regions": plan}
    plan = {"base_prompt": prompt, **plan}
    if "rows" in plan or "columns" in plan:
        return Grid.model_validate(plan).layout()
    return Layout.model_validate(plan)


def _from_text(text: str, prompt: str) -> Layout:
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if match := _RATIO.match(line) or _BARE_RATIO.match(line):
            ratio, rest = match["ratio"], lines[number + 1 :]
            if not ratio.strip() and rest:  # the numbers stand on the next line
                ratio, rest = rest[0], rest[1:]
            prompts = _HEADING.sub("", "\n".join(rest), count=1)
            return parse_split_ratio(ratio.strip(" *`"), prompts, prompt).layout()
    raise BadLayout(f"no split ratio: {FORMS}")
