"""Several inspectors as one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from muralist.tools.checklist import Checklist
from muralist.tools.observation import Observation
from muralist.tools.ports import Calibrated, Foreseeing, Inspector, Observer
from muralist.tools.verdict import NOISE, Verdict, combine


@dataclass(frozen=True)
class CombinedInspector:
    """All of them look at once; `tools.verdict.combine` is what their answers come to."""

    inspectors: Sequence[Inspector]

    @property
    def name(self) -> str:
        """All their names: `grounded+mllm`."""
        return "+".join(inspector.name for inspector in self.inspectors)

    async def observe(self, image: Image.Image, nouns: Sequence[str]) -> Observation | None:
        """What the first of them sees that can tell."""
        for inspector in self.inspectors:
            if isinstance(inspector, Observer) and (observation := await inspector.observe(image, nouns)) is not None:
                return observation
        return None

    @property
    def noise(self) -> float:
        """Of the noisiest."""
        return max(each.noise if isinstance(each, Calibrated) else NOISE for each in self.inspectors)

    @property
    def sure(self) -> float:
        """Their answers are averaged, and nobody has measured what that is worth."""
        return 0.0

    def cannot_answer(self, checklist: Checklist) -> dict[str, str]:
        """What none of them can answer, with the first one's reason."""
        each = [one.cannot_answer(checklist) if isinstance(one, Foreseeing) else {} for one in self.inspectors]
        return {name: why for name, why in each[0].items() if all(name in others for others in each)}

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        """A verdict for every question that one of them answers. Raises what the first that fails raises."""
        looking = [inspector.inspect(image, checklist) for inspector in self.inspectors]
        answers = await asyncio.gather(*looking, return_exceptions=True)  # all are waited for, whoever fails
        given: list[list[Verdict]] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            given.append(answer)
        return combine(given, self.name)
