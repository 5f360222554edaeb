"""Evaluates a backbone on fixed prompts, without regions, by template correlation rather than a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image

from muralist.tools.words import with_article

from .correlation import CLEAR, Match, colour, look, things
from .forms import form
from .vocabulary import BACKGROUNDS, COLOURS, NOUNS

SEEN = 0.6
"""From this correlation on, something counts as a thing that is there."""
BATCH = 16


@dataclass(frozen=True)
class EvaluationPrompt:
    """A prompt of the evaluation: what it names, as (colour, noun), left to right."""

    prompt: str
    named: tuple[tuple[str, str], ...]
    seed: int


@dataclass(frozen=True)
class Metrics:
    """The metrics of one prompt, as shares of its things.

    `recognised`: something is most like it; `clear`: at a correlation of at least `CLEAR`, of which `value` is the
    mean; `called`: a person would call it so (`forms`); `coloured`: it has its colour. `extra` is how many there are
    too many.
    """

    recognised: float
    clear: float
    value: float
    called: float
    coloured: float
    extra: int

    @property
    def right(self) -> bool:
        """Everything is there, a person would call it so, in its colour, and there is nothing else."""
        return self.called == 1 and self.coloured == 1 and self.extra == 0


def evaluation_prompts(number: int, count: int = 96) -> list[EvaluationPrompt]:
    """`count` prompts of one or two things; every noun equally often, held-out pairs among them. Always the same."""
    rng = np.random.default_rng([24, number])
    nouns, colours, grounds = list(NOUNS), list(COLOURS), list(BACKGROUNDS)
    found = []
    for place in range(count):
        first = nouns[place % len(nouns)]
        others = [noun for noun in nouns if noun != first]
        chosen = [first, *rng.choice(others, number - 1, replace=False)]
        named = tuple(zip(map(str, rng.choice(colours, number, replace=False)), map(str, chosen), strict=True))
        words = " to the left of ".join(with_article(f"{tint} {noun}") for tint, noun in named)
        found.append(EvaluationPrompt(f"{words} on {rng.choice(grounds)}", named, 100 * number + place))
    return found


def measure(picture: Image.Image, named: Sequence[tuple[str, str]]) -> Metrics:
    """Mark one picture: a thing is recognised where its noun is what something is most like."""
    seen = things(picture, at_least=0.4)
    own: list[Match | None] = []
    for _, noun in named:
        own.append(next((match for match in seen if match.noun == noun and match not in own), None))
    found = [match for match in own if match is not None]
    tints = [match is not None and colour(picture, match) == tint for match, (tint, _) in zip(own, named, strict=True)]
    return Metrics(
        recognised=len(found) / len(named),
        clear=sum(match.value >= CLEAR for match in found) / len(named),
        value=fsum(match.value for match in found) / len(named),
        called=sum(_called(picture, match) for match in found) / len(named),
        coloured=sum(tints) / len(named),
        extra=sum(match.value >= SEEN and match not in own for match in seen),
    )


def _called(picture: Image.Image, match: Match) -> bool:
    """A person would call it by its noun."""
    seen = look(picture, match.box)
    return seen.noun == match.noun and form(seen) >= 0.5


def sampled(
    pipe: Any, prompts: Sequence[EvaluationPrompt], steps: int = 20, guidance: float = 4.0
) -> list[Image.Image]:
    """The prompts painted plainly with the loop's solver; each from its own seed."""
    solver = pipe.scheduler
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(solver.config)
    pictures: list[Image.Image] = []
    try:
        for start in range(0, len(prompts), BATCH):
            part = prompts[start : start + BATCH]
            generators = [torch.Generator().manual_seed(each.seed) for each in part]
            pictures += pipe(
                [each.prompt for each in part], num_inference_steps=steps, guidance_scale=guidance, generator=generators
            ).images
    finally:
        pipe.scheduler = solver
    return pictures


def evaluated(pipe: Any, number: int, count: int) -> tuple[list[Image.Image], list[Metrics]]:
    """Pictures and metrics of `count` prompts of so many things."""
    prompts = evaluation_prompts(number, count)
    pictures = sampled(pipe, prompts)
    return pictures, [measure(picture, each.named) for picture, each in zip(pictures, prompts, strict=True)]


def summary(number: int, marks: Sequence[Metrics]) -> str:
    """A line: the shares of `Metrics`, their median correlation, and the share of pictures that are all right."""
    return (
        f"{number} thing{'s' * (number > 1)}, {len(marks)} prompts: "
        f"recognised {fmean(m.recognised for m in marks):.2f}, clear {fmean(m.clear for m in marks):.2f}, "
        f"median {median(m.value for m in marks):.2f}, called so {fmean(m.called for m in marks):.2f}, "
        f"colour {fmean(m.coloured for m in marks):.2f}, "
        f"extra things {fmean(m.extra for m in marks):.2f}, all right {fmean(m.right for m in marks):.2f}"
    )
