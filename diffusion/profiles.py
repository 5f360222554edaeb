"""What each known kind of model paints best with, read from its files. Loads no weights and no torch.

Steps and guidance are those that the models' publishers recommend. What a model's files say goes first: its pipeline,
its scheduler, its denoiser's configuration. Where a kind differs from its family in the weights only, its name is taken
as a hint, and the profile says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from muralist.tools.errors import BackboneError
from muralist.tools.limits import MAX_SIDE, MIN_SIDE
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.profile import SHIPPED, Profile

from .families import FAMILIES
from .hub import fetch_configurations
from .location import HUB_ID, PICTUREBOOK, on_disk
from .model_files import INDEX, ModelFiles, header, read_json, resolved
from .solvers import DPM_2M, FLOW, OWN, solver_of

Config = Mapping[str, Any]
HALF, BRAIN = "float16", "bfloat16"
UNET = {"dtype": HALF, "text_tokens": 77}


def _kind(
    kind: str, side: int, steps: int, guidance: float, *, solver: str = FLOW, **others: Any
) -> tuple[str, Profile]:
    others = {"dtype": BRAIN, "text_tokens": 512, **others}
    return kind, Profile(kind=kind, width=side, height=side, steps=steps, guidance=guidance, solver=solver, **others)


KINDS = dict([
    _kind("SD 1.x", 512, 25, 7.5, solver=DPM_2M, **UNET),
    _kind("SD 2.x", 768, 25, 7.5, solver=DPM_2M, **UNET),
    _kind("SD Turbo", 512, 4, 0, solver="euler-ancestral-trailing", **UNET),
    _kind("SD LCM", 512, 4, 1, solver="lcm", **UNET),
    _kind("SD LCM (guidance embedded)", 512, 4, 8, solver="lcm", guides_above=None, **UNET),
    _kind("SD TCD", 512, 4, 0, solver="tcd", **UNET),
    _kind("SD Lightning", 512, 4, 0, solver="euler-trailing", **UNET),
    _kind("SDXL", 1024, 30, 5, solver=DPM_2M, **UNET),
    _kind("SDXL Turbo", 512, 4, 0, solver="euler-ancestral-trailing", **UNET),
    _kind("SDXL Lightning", 1024, 4, 0, solver="euler-trailing", **UNET),
    _kind("SDXL LCM", 1024, 4, 1, solver="lcm", **UNET),
    _kind("SDXL LCM (guidance embedded)", 1024, 4, 8, solver="lcm", guides_above=None, **UNET),
    _kind("SDXL TCD", 1024, 4, 0, solver="tcd", **UNET),
    _kind("SD3", 1024, 28, 7, text_tokens=256),
    _kind("SD3.5 Medium", 1024, 40, 4.5, text_tokens=256),
    _kind("SD3.5 Large", 1024, 28, 3.5, text_tokens=256),
    _kind("SD3.5 Turbo", 1024, 4, 0, text_tokens=256),
    _kind("FLUX.1 dev", 1024, 28, 3.5),
    _kind("FLUX.1 schnell", 1024, 4, 0, text_tokens=256),
    _kind("FLUX.2 dev", 1024, 28, 4, guides_above=None),
    _kind("FLUX.2 Klein", 1024, 4, 1, guides_above=None),
    _kind("FLUX.2 Klein base", 1024, 50, 4),
    _kind("PixArt-Sigma", 1024, 20, 4.5, solver=OWN, text_tokens=300),
    _kind("Sana", 1024, 20, 4.5, solver=OWN, text_tokens=300),
    _kind("Qwen-Image", 1328, 50, 4, text_tokens=1024),
    _kind("Qwen-Image Lightning", 1328, 8, 1, text_tokens=1024),
    _kind("Z-Image", 1024, 50, 4, guides_above=0),
    _kind("Z-Image Turbo", 1024, 8, 0, guides_above=0),
    _kind("Chroma", 1024, 35, 5),
    _kind("Qwen-Image-2.1", 1024, 40, 1, text_tokens=None),
    _kind("HunyuanImage", 2048, 50, 3.5, text_tokens=1000),
    _kind("HunyuanImage distilled", 2048, 8, 3.25, text_tokens=1000, guides_above=None),
    _kind("Ovis-Image", 1024, 50, 5, text_tokens=256),
    _kind("LongCat-Image", 1024, 50, 4.5),
    _kind("Krea 2", 1024, 28, 4.5, guides_above=0),
    _kind("Krea 2 Turbo", 1024, 8, 0, guides_above=0),
])  # fmt: skip
"""By name. Sides are what the files are read for, too; these stand where they do not say it."""

TRAINED_HERE = SHIPPED.model_copy(update={"kind": PICTUREBOOK, "solver": DPM_2M, "dtype": "float32", "text_tokens": 77})
PLAIN = {
    "StableDiffusionPipeline": "SD 1.x", "StableDiffusionXLPipeline": "SDXL", "StableDiffusion3Pipeline": "SD3",
    "FluxPipeline": "FLUX.1 dev", "Flux2Pipeline": "FLUX.2 dev", "Flux2KleinPipeline": "FLUX.2 Klein",
    "PixArtSigmaPipeline": "PixArt-Sigma", "SanaPipeline": "Sana", "QwenImagePipeline": "Qwen-Image",
    "ZImagePipeline": "Z-Image", "ChromaPipeline": "Chroma", "QwenImage21Pipeline": "Qwen-Image-2.1",
    "HunyuanImagePipeline": "HunyuanImage", "OvisImagePipeline": "Ovis-Image",
    "LongCatImagePipeline": "LongCat-Image", "Krea2Pipeline": "Krea 2",
}  # fmt: skip
"""The kind that a pipeline's class stands for, if nothing says more."""
HYPER = r"\bhyper sd"
NAMED = {
    "SD 1.x": {
        "turbo": "SD Turbo", "lightning": "SD Lightning", r"\blcm\b": "SD LCM", r"\btcd\b": "SD TCD", HYPER: "SD TCD",
    },
    "SDXL": {
        "turbo": "SDXL Turbo", "lightning": "SDXL Lightning", r"\blcm\b": "SDXL LCM", r"\btcd\b": "SDXL TCD",
        HYPER: "SDXL TCD", r"\bdmd2\b": "SDXL LCM",
    },
    "SD3": {"turbo": "SD3.5 Turbo"},
    "SD3.5 Medium": {"turbo": "SD3.5 Turbo"},
    "SD3.5 Large": {"turbo": "SD3.5 Turbo"},
    "Qwen-Image": {"lightning": "Qwen-Image Lightning"},
    "Z-Image": {"turbo": "Z-Image Turbo"},
}  # fmt: skip
"""Kinds that differ from another one in their weights only: by a word of their name."""
NAMED["SD 2.x"] = NAMED["SD 1.x"]
HUB_NAMES = {
    "qwen-image-2.1": "Qwen-Image-2.1", "hunyuanimage-2.1-distilled": "HunyuanImage distilled",
    "hunyuanimage": "HunyuanImage", "ovis-image": "Ovis-Image", "longcat-image": "LongCat-Image",
    "krea-2-turbo": "Krea 2 Turbo", "krea-2": "Krea 2",
    "qwen-image": "Qwen-Image", "z-image": "Z-Image", "pixart": "PixArt-Sigma", "sana": "Sana", "chroma": "Chroma",
    "flux.2-klein-base": "FLUX.2 Klein base", "flux.2-klein": "FLUX.2 Klein", "flux.2": "FLUX.2 dev",
    "flux.1-schnell": "FLUX.1 schnell", "flux": "FLUX.1 dev",
    "3.5-medium": "SD3.5 Medium", "3.5-large": "SD3.5 Large", "diffusion-3": "SD3", "sd3": "SD3",
    "[a-z]*xl": "SDXL", "playground-v2": "SDXL", "diffusion-2": "SD 2.x",
}  # fmt: skip
"""Of a model that is not on this machine: the kind by words of its hub id's last part, the first that are in it."""
STEPS = re.compile(r"(?<!\d)([1-9]\d?) ?steps?\b")
FEW = 8
"""Steps up to which a name may say how many a model was distilled to."""


def profile_of_backbone(backbone: str, painting: PaintingSettings | None = None, *, ask_hub: bool = False) -> Profile:
    """The profile of a backbone as `locate` takes it, with a scheduler of one's own if the settings name one.

    What is not on this machine is judged by its name; with `ask_hub`, by its configurations, if the hub gives them.
    Never raises: whether it can be loaded is said by `load`.
    """
    painting = painting or PaintingSettings()
    if ask_hub and HUB_ID.fullmatch(backbone) and not Path(backbone).expanduser().exists():
        fetch_configurations(backbone, painting.revision)
    try:
        files = None if backbone == PICTUREBOOK else _files(backbone, painting)
    except (BackboneError, OSError):
        files = None
    return profile_with(backbone, files, painting)


def profile_with(backbone: str, files: ModelFiles | None, painting: PaintingSettings) -> Profile:
    """The same where the files are known."""
    if backbone == PICTUREBOOK:
        profile = TRAINED_HERE
    elif files is None:
        profile = _of_hub_id(backbone)
    else:
        profile = profile_of_files(files, (backbone, *(path for path, _ in painting.loras)))
    said = {"solver": painting.scheduler, "dtype": painting.dtype}
    return profile.model_copy(update={name: value for name, value in said.items() if value})


def _files(backbone: str, painting: PaintingSettings) -> ModelFiles | None:
    place = on_disk(backbone, painting.revision)
    if place is None:
        return None
    file = place if place.is_file() else place / INDEX
    return _resolved(place, painting.variant, file.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _resolved(place: Path, variant: str | None, changed: int) -> ModelFiles:
    """Kept while the index or the file is the same: a run asks several times."""
    try:
        return resolved(place, variant)
    except BackboneError:
        folder = place if place.is_dir() else place.parent  # part of it is not there yet, such as the weights
        index = read_json(folder / INDEX)
        if "_class_name" not in index:
            raise
        return ModelFiles(folder, str(index["_class_name"]), index)


def profile_of_files(files: ModelFiles, names: tuple[str, ...] = ()) -> Profile:
    """What the files say; of what they do not say, what the names hint at: of the backbone, and of LoRAs on it."""
    scheduler = read_json(files.place / "scheduler" / "scheduler_config.json") if files.index else {}
    denoiser = files.config("unet") or files.config("transformer")
    kind = _kind_of(files, scheduler, denoiser)
    told, hints = _words(files, names), []
    for word, named in NAMED.get(kind, {}).items():
        if (match := re.search(word, told)) is not None:
            hints.append(f"'{match[0]}' in its name, which no file confirms")
            kind = named
            break
    profile = KINDS.get(kind, KINDS["SD 1.x"].model_copy(update={"kind": files.pipeline}))
    update: dict[str, Any] = {}
    if scheduler:
        solver = solver_of(files.pipeline, str(scheduler.get("_class_name")), scheduler)
        update["solver"] = profile.solver if solver == DPM_2M else solver
    if profile.steps <= FEW and (steps := STEPS.search(told)) is not None:
        update["steps"] = int(steps[1])
        hints.append(f"'{steps[0]}' in its name")
    if (side := _side(files, denoiser)) is not None:
        update |= {"width": side, "height": side}
    return profile.model_copy(update={**update, "hints": tuple(hints)})


def _kind_of(files: ModelFiles, scheduler: Config, denoiser: Config) -> str:
    """The kind by the files alone."""
    match files.pipeline:
        case "StableDiffusionPipeline" | "StableDiffusionXLPipeline":
            return _kind_of_unet(files, scheduler, denoiser)
        case "StableDiffusion3Pipeline" if denoiser.get("qk_norm"):
            return "SD3.5 Medium" if denoiser.get("dual_attention_layers") else "SD3.5 Large"
        case "FluxPipeline" if denoiser and not denoiser.get("guidance_embeds"):
            return "FLUX.1 schnell"
        case "Flux2KleinPipeline" if not files.index.get("is_distilled", True):
            return "FLUX.2 Klein base"
        case "HunyuanImagePipeline" if denoiser.get("guidance_embeds"):
            return "HunyuanImage distilled"
        case "Krea2Pipeline" if files.index.get("is_distilled"):
            return "Krea 2 Turbo"
        case other:
            return PLAIN.get(other, other)


def _kind_of_unet(files: ModelFiles, scheduler: Config, denoiser: Config) -> str:
    """Stable Diffusion's kinds, by the solver that comes with them."""
    large = files.pipeline == "StableDiffusionXLPipeline"
    family = "SDXL" if large else "SD"
    solver = solver_of(files.pipeline, str(scheduler.get("_class_name")), scheduler)
    if solver == "lcm" or denoiser.get("time_cond_proj_dim"):
        return f"{family} LCM (guidance embedded)" if denoiser.get("time_cond_proj_dim") else f"{family} LCM"
    if solver == "tcd":
        return f"{family} TCD"
    plain_noise = scheduler.get("prediction_type", "epsilon") == "epsilon" and not scheduler.get(
        "rescale_betas_zero_snr"
    )
    if plain_noise and solver == "euler-trailing":  # models of v-prediction down to pure noise have it undistilled
        return f"{family} Lightning"
    if plain_noise and solver == "euler-ancestral-trailing":
        return f"{family} Turbo"
    return "SDXL" if large else _generation(files, denoiser)


def _generation(files: ModelFiles, denoiser: Config) -> str:
    """1.x or 2.x, by the width of the text that the UNet attends to."""
    width = denoiser.get("cross_attention_dim")
    if files.whole and files.file is not None:
        tensors = header(files.file)
        key = tensors.get("model.diffusion_model.input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight")
        width = key.shape[1] if key else width
    return "SD 2.x" if width == 1024 else "SD 1.x"


def _side(files: ModelFiles, denoiser: Config) -> int | None:
    """The side of the pictures that the denoiser was trained on, in pixels; None if its configuration does not say."""
    cells = denoiser.get("sample_size")
    if files.whole or files.pipeline not in SQUARE or not isinstance(cells, int):
        return None
    vae = files.config("vae")
    blocks = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [0] * 4
    step = next((each.side for each in FAMILIES if files.pipeline in each.pipelines), None) or 8
    side = int(cells * 2 ** (len(blocks) - 1))
    return min(MAX_SIDE, max(MIN_SIDE, side // step * step))


SQUARE = (
    "StableDiffusionPipeline", "StableDiffusionXLPipeline", "StableDiffusion3Pipeline", "PixArtSigmaPipeline",
    "SanaPipeline",
)  # fmt: skip
"""Pipelines whose denoiser's `sample_size` is the side in latent cells; the others' positions know no size."""


def _words(files: ModelFiles, names: tuple[str, ...]) -> str:
    """All that the model is called, in small letters, words apart."""
    configs = [files.index, files.config("unet"), files.config("transformer")]
    called = [*names, str(files.place), *([str(files.file)] if files.file else ())]
    called += [name for config in configs if isinstance(name := config.get("_name_or_path"), str)]
    return re.sub(r"[\W_]+", " ", " / ".join(map(_last, called))).lower()


def _last(path: str) -> str:
    """The last part of a path or a hub id; of a snapshot in the hub's cache, the model's name."""
    parts = Path(path).parts
    return next((part for part in parts if part.startswith("models--")), parts[-1] if parts else "")


def _of_hub_id(backbone: str) -> Profile:
    """By the name alone."""
    name = _last(backbone).lower()
    kind = next((kind for word, kind in HUB_NAMES.items() if re.search(f"(?<![a-z]){word}(?![a-z])", name)), "SD 1.x")
    words = re.sub(r"[\W_]+", " ", name)
    kind = next((named for word, named in NAMED.get(kind, {}).items() if re.search(word, words)), kind)
    return KINDS[kind].model_copy(update={"hints": ("by its name alone: it is not on this machine",)})
