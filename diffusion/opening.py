"""Opening a backbone: what is to be loaded is resolved, checked and weighed first, and then loaded as planned."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muralist.tools.device_health import check_device
from muralist.tools.device_memory import MEMORY
from muralist.tools.errors import BackboneError, BadSettings
from muralist.tools.painting_settings import PaintingSettings
from muralist.tools.profile import Profile

from .hub import fetched
from .loading_ladder import LoadingPlan, Memory, Weight, check_library, measured, planned, weigh
from .location import SIDES, locate
from .model_files import DENOISERS, GGUF, PICKLES, ModelFiles, read_json, resolved
from .profiles import profile_with
from .solvers import DISTILLED, check_fits, check_solver, with_solver

if TYPE_CHECKING:
    from .engine.device import Device

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What is known of a backbone before anything of it is loaded."""

    files: ModelFiles
    profile: Profile
    device: Device
    dtype: str
    weights: list[Weight]
    plan: LoadingPlan
    """If other models give way (`tools/device_memory.py`)."""


def prepare(
    backbone: str, files: ModelFiles, painting: PaintingSettings, memory: Callable[[str], Memory] = measured
) -> Prepared:
    """Check and weigh what is to be loaded. Raises BackboneError or BadSettings."""
    from .engine.device import chosen

    check(backbone, files, painting)
    device = chosen(painting.device)
    check_device(device.place)
    profile = profile_with(backbone, files, painting)
    dtype = "float32" if device.kind == "cpu" and not painting.dtype else profile.dtype
    weights = weigh(files, profile, 4 if dtype == "float32" else 2)
    plan = planned(weights, memory(device.place).if_others_left(device.place), painting)
    return Prepared(files, profile, device, dtype, weights, plan)


def _with_room(prepared: Prepared, painting: PaintingSettings, memory: Callable[[str], Memory]) -> LoadingPlan:
    """Have others give way for the plan, and plan again with what is free then: some may have been at work."""
    place, plan = prepared.device.place, prepared.plan
    beside = MEMORY.missing(place) if plan.rung == "full" and place.startswith("cuda") else 0
    MEMORY.make_room(place, plan.peak + beside, wait=True, free=lambda _: memory(place).here)
    if place.startswith("cuda") and plan.rung != "full":
        total = sum(each.weights for each in prepared.weights)
        MEMORY.make_room("cpu", total, wait=True, free=lambda _: memory(place).host)
    return planned(prepared.weights, memory(place).beside_others(place), painting)


def opened(backbone: str, painting: PaintingSettings, memory: Callable[[str], Memory] = measured) -> Any:
    """What `backbone.load` gives; raises whatever the libraries raise, too."""
    place = locate(backbone)
    files = resolved(place, painting.variant) if isinstance(place, Path) else fetched(place, painting)
    prepared = prepare(backbone, files, painting, memory)
    profile, plan = prepared.profile, _with_room(prepared, painting, memory)
    log.info("backbone %s: %s", backbone, plan)
    pipe = _built(files, prepared.dtype, plan)
    _add_vae(pipe, painting.vae, files)
    _add_loras(pipe, painting)
    if solver := painting.scheduler or (profile.solver if profile.solver in DISTILLED else None):
        pipe.scheduler = with_solver(pipe, solver).scheduler
    _check_whole(pipe)
    _place(pipe, plan, prepared.device.place)
    if painting.compile:
        _denoiser(pipe).compile_repeated_blocks()
    pipe.set_progress_bar_config(disable=True)
    pipe.loading_plan = plan
    return pipe


def check(backbone: str, files: ModelFiles, painting: PaintingSettings) -> None:
    """Raise BackboneError or BadSettings for what can be told before anything is loaded."""
    if files.pipeline not in SIDES:
        raise BackboneError(f"backbone '{backbone}' is a {files.pipeline}: one of {', '.join(SIDES)} is needed")
    if painting.quantize and files.file is not None:
        raise BadSettings(
            f"quantize '{painting.quantize}' is for folders in diffusers format: {files.file} is one file"
        )
    if painting.scheduler:
        check_solver(painting.scheduler)
        check_fits(painting.scheduler, files.pipeline, str(files.config("scheduler").get("_class_name")))
    if files.file is not None and files.file.suffix == GGUF:
        check_library("gguf", str(files.file))
    if painting.loras and importlib.util.find_spec("peft") is None:
        raise BadSettings("a LoRA needs peft: pip install peft")
    for path, _ in painting.loras:
        _check_place("LoRA", path)
    if painting.vae:
        _check_place("VAE", painting.vae)
        _check_channels(painting.vae, read_json(Path(painting.vae).expanduser() / "config.json"), files.config("vae"))


def _check_place(what: str, path: str) -> None:
    place = Path(path).expanduser()
    if place.suffix in PICKLES:
        raise BadSettings(f"{what} {path} is a pickle, which may run code when it is loaded: give a .safetensors file")
    if not place.exists() and (place.suffix or path.count("/") != 1):
        raise BadSettings(f"there is no {what} {path}: give a folder, a .safetensors file or a hub id (owner/name)")


def _check_channels(vae: str, config: dict[str, Any], own: dict[str, Any]) -> None:
    channels, wanted = config.get("latent_channels"), own.get("latent_channels")
    if channels and wanted and channels != wanted:
        raise BadSettings(
            f"VAE {vae} has {channels} latent channels, and the backbone's has {wanted}: give one of its family"
        )


def _built(files: ModelFiles, dtype: str, plan: LoadingPlan) -> Any:
    """The pipeline on the CPU."""
    import diffusers
    import torch

    made = getattr(diffusers, files.pipeline)
    given: dict[str, Any] = {"dtype": getattr(torch, dtype), **dict.fromkeys(files.without())}
    if files.pipeline == "StableDiffusionPipeline":
        given |= {"safety_checker": None, "requires_safety_checker": False}
    if files.whole:
        return made.from_single_file(str(files.file), config=str(files.folder) if files.index else None, **given)
    if files.file is not None and files.denoiser is not None:
        given[files.denoiser.name] = _denoiser_of(files, given["dtype"])
    if plan.quantize is not None:
        given["quantization_config"] = _quantisation(files, plan.quantize)
    return made.from_pretrained(files.place, use_safetensors=True, variant=files.variant, **given)


def _denoiser_of(files: ModelFiles, dtype: Any) -> Any:
    """The denoiser out of a file of its own."""
    import diffusers

    part, file = files.denoiser, files.file
    assert part is not None
    assert file is not None
    given: dict[str, Any] = {"dtype": dtype}
    if file.suffix == GGUF:
        given["quantization_config"] = diffusers.GGUFQuantizationConfig(compute_dtype=dtype)
    made = getattr(diffusers, part.kind)
    return made.from_single_file(str(file), config=str(files.place), subfolder=part.name, **given)


def _quantisation(files: ModelFiles, quantize: str) -> Any:
    """For the denoiser and the text encoders: diffusers and transformers have a configuration each."""
    import diffusers
    import torch
    import transformers

    def of(library: Any) -> Any:
        if quantize.startswith("bnb"):
            four = quantize == "bnb-4bit"
            also = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.bfloat16} if four else {}
            return library.BitsAndBytesConfig(load_in_4bit=four, load_in_8bit=not four, **also)
        from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig

        return library.TorchAoConfig(Int4WeightOnlyConfig() if quantize == "torchao-int4" else Int8WeightOnlyConfig())

    mapping = {part.name: of(diffusers) for part in files.parts if part.name in DENOISERS}
    mapping |= {part.name: of(transformers) for part in files.parts if part.name.startswith("text_encoder")}
    return diffusers.PipelineQuantizationConfig(quant_mapping=mapping)


def _add_vae(pipe: Any, vae: str | None, files: ModelFiles) -> None:
    """Raises BadSettings for one of another kind; then the pipeline keeps its own."""
    if vae is None:
        return
    import diffusers

    place, dtype = Path(vae).expanduser(), pipe.vae.dtype
    if place.is_file():
        config = {"config": str(files.place), "subfolder": "vae"} if files.index else {}
        loaded = type(pipe.vae).from_single_file(str(place), dtype=dtype, **config)
    else:
        loaded = diffusers.AutoModel.from_pretrained(
            str(place) if place.exists() else vae, dtype=dtype, use_safetensors=True
        )
    if not type(loaded).__name__.startswith("Autoencoder"):
        raise BadSettings(f"VAE {vae} is a {type(loaded).__name__}: give an autoencoder")
    _check_channels(vae, loaded.config, pipe.vae.config)
    pipe.register_modules(vae=loaded)


def _add_loras(pipe: Any, painting: PaintingSettings) -> None:
    """Raises BadSettings for one that changes nothing of this pipeline."""
    names = []
    for number, (path, _) in enumerate(painting.loras):
        place, name = Path(path).expanduser(), f"lora_{number}"
        where = {"weight_name": place.name} if place.is_file() else {}
        source = str(place.parent if place.is_file() else place) if place.exists() else path
        try:
            pipe.load_lora_weights(source, adapter_name=name, use_safetensors=True, **where)
            fits = any(name in adapters for adapters in pipe.get_list_adapters().values())
        except (RuntimeError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
            raise BadSettings(f"LoRA {path} is not for a {type(pipe).__name__}: {str(error).strip()[:200]}") from None
        if not fits:
            raise BadSettings(f"LoRA {path} is not for a {type(pipe).__name__}: no weight of it has a place there")
        names.append(name)
    if names:
        pipe.set_adapters(names, [scale for _, scale in painting.loras])


def _check_whole(pipe: Any) -> None:
    """Raise BackboneError for weights that no file gave: they would be made up."""
    for name, part in pipe.components.items():
        if hasattr(part, "parameters") and any(weight.is_meta for weight in part.parameters()):
            raise BackboneError(f"the files lack weights of {name}: they are of another model, or incomplete")


def _place(pipe: Any, plan: LoadingPlan, device: str) -> None:
    """Bring the pipeline to the device, by its rung."""
    import torch

    match plan.rung:
        case "full":
            pipe.to(device)
        case "model":
            pipe.enable_model_cpu_offload(device=device)
        case "sequential":
            pipe.enable_sequential_cpu_offload(device=device)
        case "group":
            streams = {"use_stream": True, "low_cpu_mem_usage": True} if device.startswith("cuda") else {}
            pipe.enable_group_offload(onload_device=torch.device(device), offload_type="leaf_level", **streams)


def _denoiser(pipe: Any) -> Any:
    return next(getattr(pipe, name) for name in DENOISERS if getattr(pipe, name, None) is not None)
