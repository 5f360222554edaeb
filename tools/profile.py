"""What a painter paints best with: a run takes from it whatever its settings leave out."""

from __future__ import annotations

from pydantic import Field

from .layout import BASE_RATIO
from .limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE
from .value import Value


class Profile(Value):
    """Of one model, in one setting. The defaults are those of the shipped one."""

    kind: str = Field(default="", description="The kind of model, such as 'SDXL Turbo'.")
    width: int = Field(default=128, ge=MIN_SIDE, le=MAX_SIDE, description="Pixels.")
    height: int = Field(default=128, ge=MIN_SIDE, le=MAX_SIDE, description="Pixels.")
    steps: int = Field(default=20, ge=1, le=MAX_STEPS, description="Denoising steps per picture.")
    guidance: float = Field(default=4.0, ge=0, le=MAX_GUIDANCE, description="Guidance scale.")
    solver: str = Field(default="", description="What integrates the steps; empty: not ours to choose.")
    base_ratio: float = Field(default=BASE_RATIO, ge=0, le=1, description="The base prompt's share inside regions.")
    text_tokens: int | None = Field(default=None, description="Tokens of a prompt that the text encoder reads.")
    dtype: str = Field(default="", description="Type of the weights on an accelerator.")
    guides_above: float | None = Field(
        default=1, description="The guidance scale above which negative prompts have an effect; none: at no scale."
    )
    hints: tuple[str, ...] = Field(default=(), description="What was taken from a name alone, since no file says it.")

    def __str__(self) -> str:
        size = f"{self.width}x{self.height}, {self.steps} steps, guidance {self.guidance:g}"
        return ", ".join(filter(None, [self.kind, size, self.solver, self.dtype, *self.hints]))

    def guides_at(self, guidance: float) -> bool:
        """Whether negative prompts have an effect at that scale."""
        return self.guides_above is not None and guidance > self.guides_above


SHIPPED = Profile()
"""That of a painter that says nothing about itself."""


def profile_of(painter: object) -> Profile:
    """What the painter says of itself."""
    return getattr(painter, "profile", SHIPPED)
