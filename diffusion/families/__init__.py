"""What is particular to each family of diffusion models: one file each, to be read side by side.

A family's module says how it encodes prompts, which rows of a batch follow which side, and where its attention is led.
A new one is such a module and a line in `FAMILIES`. Importing this package loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from muralist.tools.errors import BadSettings

if TYPE_CHECKING:
    from muralist.diffusion.control import Row, Side


@dataclass(frozen=True)
class Known:
    """A family that is known: its module here, its denoiser's class and those of its text-to-image pipelines."""

    module: str
    denoiser: str
    pipelines: tuple[str, ...]
    side: int | None = None
    """What its pictures' sides are multiples of, in pixels: latent cells, taken together in patches. None: a cell."""


FAMILIES = (
    Known("stable_diffusion", "UNet2DConditionModel", ("StableDiffusionPipeline",)),
    Known("stable_diffusion_xl", "UNet2DConditionModel", ("StableDiffusionXLPipeline",)),
    Known("stable_diffusion_3", "SD3Transformer2DModel", ("StableDiffusion3Pipeline",), 16),
    Known("flux", "FluxTransformer2DModel", ("FluxPipeline",), 16),
    Known("flux2", "Flux2Transformer2DModel", ("Flux2Pipeline", "Flux2KleinPipeline"), 16),
    Known("pixart", "PixArtTransformer2DModel", ("PixArtSigmaPipeline",), 16),
    Known("sana", "SanaTransformer2DModel", ("SanaPipeline",), 32),
    Known("qwen_image", "QwenImageTransformer2DModel", ("QwenImagePipeline",), 16),
    Known("z_image", "ZImageTransformer2DModel", ("ZImagePipeline",), 16),
)


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


def known(pipe: Any) -> Known | None:
    """What is known of a pipeline's family."""
    kind = type(denoiser(pipe)).__name__
    found = [each for each in FAMILIES if each.denoiser == kind]
    if not found:
        return None
    return found[-1] if hasattr(pipe, "text_encoder_2") else found[0]  # of the UNets, XL has a second text encoder


def family_of(pipe: Any) -> Family:
    """The family of a pipeline; for one that is not known, composition in noise space."""
    found = known(pipe)
    return cast(Family, import_module(f"{__name__}.{found.module if found else 'unknown'}"))


def side_of_pictures(pipe: Any) -> int:
    """What the sides of a pipeline's pictures are multiples of, in pixels."""
    found = known(pipe)
    return (found.side if found else None) or int(pipe.vae_scale_factor)
