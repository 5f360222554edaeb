"""What is particular to each family of diffusion models: one file each, to be read side by side.

A family's module says how it encodes prompts, which rows of a batch are on which guidance side, and where regional
attention goes in. A new one is such a module and a line in `FAMILIES`. Importing this package loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from muralist.tools.errors import BadSettings

if TYPE_CHECKING:
    from muralist.diffusion.layout_prompts import FormatName
    from muralist.diffusion.region_schedule import RowConditioning, Side


@dataclass(frozen=True)
class FamilyInfo:
    """A supported family, or its pipelines that can do the same: its module here, its denoiser's class and theirs.

    Without a module (empty) it is painted with, but no regional attention is known for it.
    """

    module: str
    denoiser: str
    pipelines: tuple[str, ...]
    side: int | None = None
    """What its pictures' sides are multiples of, in pixels: latent cells, taken together in patches. None: a cell."""
    layout: FormatName | None = None
    """The format in which it takes a layout within its prompt; None if it was taught none."""
    repaints: bool = True
    """Whether diffusers can repaint parts of a picture with its pipelines."""


FAMILIES = (
    FamilyInfo("stable_diffusion", "UNet2DConditionModel", ("StableDiffusionPipeline",)),
    FamilyInfo("stable_diffusion_xl", "UNet2DConditionModel", ("StableDiffusionXLPipeline",)),
    FamilyInfo("stable_diffusion_3", "SD3Transformer2DModel", ("StableDiffusion3Pipeline",), 16),
    FamilyInfo("flux", "FluxTransformer2DModel", ("FluxPipeline",), 16),
    FamilyInfo("flux2", "Flux2Transformer2DModel", ("Flux2Pipeline",), 16, "flux2", repaints=False),
    FamilyInfo("flux2", "Flux2Transformer2DModel", ("Flux2KleinPipeline",), 16, "flux2"),
    FamilyInfo("pixart", "PixArtTransformer2DModel", ("PixArtSigmaPipeline",), 16, repaints=False),
    FamilyInfo("sana", "SanaTransformer2DModel", ("SanaPipeline",), 32, repaints=False),
    FamilyInfo("qwen_image", "QwenImageTransformer2DModel", ("QwenImagePipeline",), 16),
    FamilyInfo("qwen_image_21", "QwenImage21Transformer2DModel", ("QwenImage21Pipeline",), 32, repaints=False),
    FamilyInfo("z_image", "ZImageTransformer2DModel", ("ZImagePipeline",), 16),
    FamilyInfo("chroma", "ChromaTransformer2DModel", ("ChromaPipeline",), 16),
    FamilyInfo("hunyuan_image", "HunyuanImageTransformer2DModel", ("HunyuanImagePipeline",), 32, repaints=False),
    FamilyInfo("ovis_image", "OvisImageTransformer2DModel", ("OvisImagePipeline",), 16, repaints=False),
    FamilyInfo("longcat_image", "LongCatImageTransformer2DModel", ("LongCatImagePipeline",), 16, repaints=False),
    FamilyInfo("krea2", "Krea2Transformer2DModel", ("Krea2Pipeline",), 16, repaints=False),
    FamilyInfo("", "Ideogram4Transformer2DModel", ("Ideogram4Pipeline",), 16, "ideogram", repaints=False),
    FamilyInfo("", "BriaFiboTransformer2DModel", ("BriaFiboPipeline",), 16, "fibo", repaints=False),
    FamilyInfo("", "BriaFibo2Transformer2DModel", ("BriaFibo2Pipeline",), 16, "fibo", repaints=False),
)


class ConditioningState(Protocol):
    """A denoiser with regional attention in place."""

    blocks: int
    """How many transformer blocks attend texts; 0 where regions do not hold by block."""

    def set_rows(self, rows: Sequence[RowConditioning]) -> None:
        """The conditioning of each row of the batch from the next call on."""


class Family(Protocol):
    """What a family's module offers."""

    def encoded(self, pipe: Any, prompts: list[str], **length: int) -> tuple[Any, ...]:
        """Each prompt as the denoiser takes it, by the pipeline's own text encoders: (T, C), T may differ.

        Families whose denoisers read padding like text have a `PADDING`, and are given the `length` to pad to.
        """

    def sides(self, pipe: Any, call: dict[str, Any]) -> tuple[Side, ...]:
        """The side of each row of a call of the denoiser, given by its arguments' names."""

    def attached(self, pipe: Any) -> AbstractContextManager[ConditioningState]:
        """Regional attention in place, and gone at the end."""


def denoiser(pipe: Any) -> Any:
    """The pipeline's denoising network; BadSettings if it has none."""
    for name in ("unet", "transformer"):
        if (found := getattr(pipe, name, None)) is not None:
            return getattr(found, "_orig_mod", found)  # within what torch.compile gives
    raise BadSettings(
        f"regional attention needs a diffusers pipeline with a unet or a transformer: {type(pipe).__name__} has neither"
    )


def family_info(pipe: Any) -> FamilyInfo | None:
    """The supported family of a pipeline, if it is one."""
    kind = type(denoiser(pipe)).__name__
    found = [each for each in FAMILIES if each.denoiser == kind]
    if not found:
        return None
    named = next((each for each in found if type(pipe).__name__ in each.pipelines), None)
    return named or (found[-1] if hasattr(pipe, "text_encoder_2") else found[0])  # of the UNets, XL has a second one


def family_of(pipe: Any) -> Family:
    """The family of a pipeline; for one that is not known, composition in noise space.

    Raises BadSettings for one without regional attention.
    """
    found = family_info(pipe)
    if found is not None and not found.module:
        raise BadSettings(
            f"no regional attention is known for {type(pipe).__name__}: it takes the layout within its prompt, so "
            "paint with placement 'native' or 'auto'"
        )
    return cast(Family, import_module(f"{__name__}.{found.module if found else 'unknown'}"))


def info_of(pipeline: str) -> FamilyInfo | None:
    """The supported family of a text-to-image pipeline, by the name of its class."""
    return next((each for each in FAMILIES if pipeline in each.pipelines), None)


def side_of_pictures(pipe: Any) -> int:
    """What the sides of a pipeline's pictures are multiples of, in pixels."""
    found = family_info(pipe)
    return (found.side if found else None) or int(pipe.vae_scale_factor)
