"""A layout that the user wrote: as JSON, or in the paper's text form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout
from muralist.tools.layout import Grid, Layout
from muralist.tools.rpg_plan_format import parse_rpg_plan

MAX_BYTES = 1 << 20

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
    grid = parse_rpg_plan(text, prompt)
    if grid is None:
        raise BadLayout(f"no split ratio: {FORMS}")
    return grid.layout()
