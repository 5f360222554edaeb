"""Placement: how things get into their regions, by attention, by a layout within the prompt, or by both."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from muralist.tools.abilities import Placement
from muralist.tools.errors import BadLayout, BadPrompt, BadSettings
from muralist.tools.layout import Layout, every
from muralist.tools.ports import PaintSpec

from .families import FAMILIES, FamilyInfo, family_info
from .layout_prompts import FORMATS, Format

TEMPLATE = 96
"""Tokens left for what a pipeline writes around a prompt."""


@dataclass(frozen=True)
class Placing:
    """What a placement comes to for one pipeline."""

    attention: bool
    format: Format | None


def placing(pipeline: str, info: FamilyInfo | None, placement: Placement) -> Placing:
    """What is done for a pipeline, by the name of its class and its family.

    'auto' is attention wherever it is known, else the native layout. Raises BadSettings for what it cannot do.
    """
    can_attend = info is None or bool(info.module)
    native = FORMATS[info.layout] if info and info.layout else None
    if placement == "auto":
        return Placing(True, None) if can_attend else Placing(False, native)
    if placement in ("native", "both") and native is None:
        taught = ", ".join(name for each in FAMILIES if each.layout for name in each.pipelines)
        raise BadSettings(
            f"placement '{placement}' needs a model that reads layouts, which {pipeline} does not: choose 'attention', "
            f"or one of {taught}"
        )
    if placement in ("attention", "both") and not can_attend:
        raise BadSettings(
            f"placement '{placement}' needs regional attention, and none is known for {pipeline}: choose 'native' or "
            "'auto'"
        )
    return Placing(placement != "native", None if placement == "attention" else native)


def check(layout: Layout, chosen: Placing) -> None:
    """Raise BadLayout for what only attention could keep."""
    if chosen.attention:
        return
    for region in every(layout.regions):
        if region.negative_prompt:
            raise BadLayout(
                f"region '{region.prompt[:60]}' has a negative prompt, for which its model has no place in a layout: "
                "leave it out, or choose a backbone with regional attention"
            )


def placed(pipe: Any, spec: PaintSpec, placement: Placement) -> tuple[bool, str]:
    """Whether regions are painted by attention, and the prompt for the whole: the base prompt, or the layout in it.

    Raises BadSettings, BadLayout, and BadPrompt for a layout that is longer than what the pipeline reads.
    """
    chosen = placing(type(pipe).__name__, family_info(pipe), placement)
    if not spec.regional or chosen.format is None:
        return spec.regional and chosen.attention, spec.layout.base_prompt
    check(spec.layout, chosen)
    prompt = chosen.format.write(spec.layout, spec.width, spec.height)
    _check_length(pipe, prompt)
    return chosen.attention, prompt


def _check_length(pipe: Any, prompt: str) -> None:
    """A pipeline would cut what is too long, and with it the regions that are told last."""
    known = inspect.signature(type(pipe).__call__).parameters
    most = known["max_sequence_length"].default if "max_sequence_length" in known else pipe.tokenizer_max_length
    tokenizer = getattr(pipe, "tokenizer", None) or pipe.processor
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # inside of a processor for pictures
    count = len(tokenizer(prompt, truncation=False, verbose=False).input_ids) + TEMPLATE
    if count > most:
        raise BadPrompt(
            f"the layout comes to {count} tokens, and {type(pipe).__name__} reads {most}: shorten the regions' "
            "prompts, or leave some out"
        )
