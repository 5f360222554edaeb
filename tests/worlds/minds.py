"""What models want to say in block world, whatever the dialect of their endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muralist.agent.placing import lay_out
from muralist.parsing import parse_prompt

PROMPT = "a red cup to the left of a blue book"
Json = dict[str, Any]


def scene() -> Json:
    """The scene as a model would write it."""
    return parse_prompt(PROMPT).model_dump(mode="json", exclude_defaults=True)


def layout(shift: float = 0.0) -> Json:
    """A layout of the scene; `shift` moves everything down, by a fraction of the canvas."""
    drawn = lay_out(parse_prompt(PROMPT)).model_dump(mode="json", exclude_none=True)
    for region in drawn["regions"]:
        region["y0"], region["y1"] = region["y0"] + shift, min(1.0, region["y1"] + shift)
    return drawn


ADD_CUP = {"action": "add", "entity": "cup", "box": {"x0": 0.05, "y0": 0.2, "x1": 0.45, "y1": 0.8}}


def foreman(names: list[str], request: Json) -> tuple[str, Json]:
    """Takes the tool that has become available last, and fills it in well."""
    done = {
        "recaption": {"prompt": PROMPT, "scene": scene()},
        "plan": {"layout": layout()},
        "regional_diffuse": {},
        "inspect_and_edit": {"edits": [ADD_CUP]},
    }
    name = next(name for name in reversed([*done]) if name in names)
    return name, done[name]


class Script:
    """Says what is written down, then gives up."""

    def __init__(self, *said: tuple[str, Json]) -> None:
        self._said: Iterator[tuple[str, Json]] = iter(said)

    def __call__(self, names: list[str], request: Json) -> tuple[str, Json]:
        return next(self._said, ("give_up", {"reason": "I have nothing more to say"}))
