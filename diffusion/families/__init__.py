"""What is particular to each family of diffusion models: one file each, to be read side by side.

A family's module says how it encodes prompts, which rows of a batch follow which side, and where its attention is led.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, Protocol, cast

from muralist.diffusion.control import Row, Side
from muralist.tools.errors import BadSettings

FAMILIES = {
    "UNet2DConditionModel": "stable_diffusion",
    "SD3Transformer2DModel": "stable_diffusion_3",
    "FluxTransformer2DModel": "flux",
    "Flux2Transformer2DModel": "flux2",
    "PixArtTransformer2DModel": "pixart",
    "SanaTransformer2DModel": "sana",
    "QwenImageTransformer2DModel": "qwen_image",
}
"""Class of the denoiser to module."""


class Denoising(Protocol):
    """A denoiser with regional attention in place."""

    def follow(self, rows: Sequence[Row]) -> None:
        """What each row of the batch follows from the next call on."""


class Family(Protocol):
    """What a family's module offers."""

    def encoded(self, pipe: Any, prompts: list[str]) -> tuple[Any, ...]:
        """Each prompt as the denoiser takes it, by the pipeline's own text encoders: (T, C), T may differ."""

    def sides(self, pipe: Any, call: dict[str, Any]) -> tuple[Side, ...]:
        """The side of each row of a call of the denoiser, given by its arguments' names."""

    def attached(self, pipe: Any) -> AbstractContextManager[Denoising]:
        """Regional attention in place, and gone at the end."""


def denoiser(pipe: Any) -> Any:
    """The pipeline's denoising network; BadSettings if it has none."""
    for name in ("unet", "transformer"):
        if (found := getattr(pipe, name, None)) is not None:
            return found
    raise BadSettings(
        f"regional attention needs a diffusers pipeline with a unet or a transformer: {type(pipe).__name__} has neither"
    )


def family_of(pipe: Any) -> Family:
    """The family of a pipeline; for one that is not known, composition in noise space."""
    kind = type(denoiser(pipe)).__name__
    if kind == "UNet2DConditionModel" and hasattr(pipe, "text_encoder_2"):
        module = "stable_diffusion_xl"
    else:
        module = FAMILIES.get(kind, "unknown")
    return cast(Family, import_module(f"{__name__}.{module}"))
