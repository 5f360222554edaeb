"""The four tools as one table: what every door offers, and when."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from .abilities import ALL, Abilities
from .errors import BadSettings, PreconditionFailed
from .inspect_and_edit import InspectAndEditArgs, inspect_and_edit
from .outcome import Outcome
from .plan import PlanArgs, plan
from .ports import Ports
from .recaption import RecaptionArgs, recaption
from .regional_diffuse import RegionalDiffuseArgs, regional_diffuse
from .run import Run
from .value import Value

SIDES = ("x0", "y0", "x1", "y1")
SHAPES = {
    "Attribute": 'such as {"kind": "colour", "value": "red"}',
    "Box": 'such as {"x0": 0.1, "y0": 0.2, "x1": 0.5, "y1": 0.8}',
    "Instance": 'such as {"entity": "apple", "index": 0}',
    "Entity": 'such as {"id": "apple", "noun": "apple", "span": "a red apple"}',
    "Relation": 'such as {"subject": "apple", "predicate": "left of", "objects": ["cup"]}',
    "Region": 'such as {"prompt": "a red apple", "x0": 0, "y0": 0, "x1": 0.5, "y1": 1}',
    "OwnVerdict": 'such as {"question_id": "apple.exists", "p": 0.95}',
}
"""What models tend to write as text or as a list, as it has to be."""
HINTS = {
    ("entities", "color"): ': write "attributes": [{"kind": "colour", "value": "red"}]',
    ("entities", "colour"): ': write "attributes": [{"kind": "colour", "value": "red"}]',
    ("regions", "box"): ": write x0, y0, x1 and y1 beside the prompt",
    ("relations", "relation"): ": it is called predicate",
    ("relations", "object"): ': it is called objects, a list such as ["cup"]',
    ("verdicts", "answer"): ": give p, the probability of yes, such as 0.95",
}
"""Names that models tend to make up, by the list that they stand in, and what is meant."""


@dataclass(frozen=True)
class Tool:
    """One definition for the graph, MCP, Python and tests.

    `ready` is its precondition on a run.
    """

    name: str
    args: type[Value]
    effect: Callable[[Any, Run, Ports], Awaitable[Outcome]]
    ready: Callable[[Run], bool]

    @property
    def description(self) -> str:
        """The first line of its argument model's docstring."""
        return (self.args.__doc__ or "").strip()

    def schema(self, able: Abilities = ALL) -> dict[str, Any]:
        """The arguments as JSON schema, without those that a painter of such abilities has no use for."""
        schema = self.args.model_json_schema()
        for name in _useless(able).get(self.name, ()):
            del schema["properties"][name]
        return {**schema, "$defs": _referred(schema)} if "$defs" in schema else schema

    async def call(self, arguments: dict[str, Any] | Value, run: Run, ports: Ports) -> Outcome:
        """Validate, check the precondition, act. Raises a MuralistError with one line."""
        args = arguments if isinstance(arguments, self.args) else self.validated(arguments)
        if not self.ready(run):
            raise PreconditionFailed(f"{self.name} cannot be called yet: {', '.join(offered(run))} can")
        return await self.effect(args, run, ports)

    def validated(self, arguments: Any) -> Value:
        """The arguments as the tool's model; BadSettings in one line that names the first few wrong fields."""
        try:
            return self.args.model_validate(arguments)
        except ValidationError as error:
            raise BadSettings(f"{self.name}: {one_line(error)}") from None


def _useless(able: Abilities) -> dict[str, tuple[str, ...]]:
    """Arguments by tool."""
    return {
        "regional_diffuse": () if able.steps else ("steps",),
        "inspect_and_edit": () if able.edits else ("edits", "seed"),
    }


def _referred(schema: dict[str, Any]) -> dict[str, Any]:
    """Those of its definitions that it refers to, directly or by way of others."""
    definitions, found = schema["$defs"], set[str]()
    left = {key: value for key, value in schema.items() if key != "$defs"}
    while True:
        said = json.dumps([left, *(definitions[name] for name in found)])
        more = {name for name in definitions if f'"#/$defs/{name}"' in said} - found
        if not more:
            return {name: value for name, value in definitions.items() if name in found}
        found |= more


def one_line(error: ValidationError) -> str:
    """The first three complaints of a validation error: `regions.0.x1: …; …`."""
    lines = []
    details = error.errors(include_url=False, include_input=False)
    for detail in sorted(details, key=lambda detail: detail["type"] == "missing")[:3]:  # a name made up explains more
        where = ".".join(str(part) for part in detail["loc"])
        message = detail["msg"].removeprefix("Value error, ")
        last = str(detail["loc"][-1]) if detail["loc"] else ""
        if detail["type"] == "model_type":
            message = f"has to be an object, {SHAPES.get(detail['ctx']['class_name'], 'as the schema says')}"
        elif detail["type"] == "extra_forbidden":
            hint = [text for (place, name), text in HINTS.items() if name == last and place in detail["loc"]]
            message = f"there is no such field{''.join(hint)}"
        elif detail["type"] in {"less_than_equal", "greater_than_equal"} and last in SIDES:
            message += ": boxes are in fractions of the canvas, so divide pixels by its width or height"
        lines.append(f"{where}: {message}" if where else message)
    return "; ".join(dict.fromkeys(lines))


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("recaption", RecaptionArgs, recaption, lambda run: True),
        Tool("plan", PlanArgs, plan, lambda run: run.scene is not None),
        Tool(
            "regional_diffuse",
            RegionalDiffuseArgs,
            regional_diffuse,
            lambda run: run.layout is not None and run.source is None,
        ),
        Tool(
            "inspect_and_edit",
            InspectAndEditArgs,
            inspect_and_edit,
            lambda run: run.layout is not None and bool(run.current or run.source),
        ),
    )
}


def offered(run: Run) -> list[str]:
    """Names of the tools whose precondition holds."""
    return [name for name, tool in TOOLS.items() if tool.ready(run)]
