"""How a backbone is brought into memory: weighed against what is free, and decided on, before anything is loaded.

The rungs, fastest first: all of it on the device; one part at a time; one layer at a time; the same with quantised
weights. A CPU has the first one only.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from muralist.tools.device_memory import MEMORY, DeviceMemory
from muralist.tools.errors import BackboneError, BadSettings
from muralist.tools.painting_settings import PaintingSettings, Quantize
from muralist.tools.profile import Profile
from muralist.tools.value import Value

from .model_files import DENOISERS, GGUF, ModelFiles, Tensor, header
from .solvers import STABLE_DIFFUSION

Rung = Literal["full", "model", "group", "sequential"]
WORDS: dict[Rung, str] = {
    "full": "all of it on the device", "model": "model offload: a part at a time on the device",
    "group": "group offload: a layer at a time on the device",
    "sequential": "sequential offload: a tensor at a time on the device",
}  # fmt: skip
RESERVE = 512 << 20
"""Bytes that the device's own libraries and the gaps between tensors take."""
LIVE = 24
"""Tensors of (2, tokens, width) that are alive at once in a denoiser: a block's inputs, queries, keys, values, and its
feed-forward layer, on both sides of guidance."""
MAPS = 4
"""Feature maps at full resolution that are alive at once in an autoencoder that decodes."""
LAYERS = 4
"""Layers on the device at once while they stream: one that works, and those before and after it."""
QUANTISED: dict[Quantize, float] = {"torchao-int8": 0.55, "bnb-8bit": 0.55, "torchao-int4": 0.32, "bnb-4bit": 0.32}
"""Bytes that weights take, in shares of what they do in half precision: norms and embeddings stay as they are."""
ON_CPUS: tuple[Quantize, ...] = ("torchao-int8",)
LIBRARIES: dict[Quantize, tuple[str, ...]] = {
    "torchao-int8": ("torchao",), "bnb-8bit": ("bitsandbytes",), "torchao-int4": ("torchao", "mslk"),
    "bnb-4bit": ("bitsandbytes",),
}  # fmt: skip
"""The modules that are needed."""
REQUIREMENTS = {
    "bitsandbytes": "bitsandbytes>=0.48", "torchao": "torchao>=0.15", "mslk": "mslk-cuda", "gguf": "gguf>=0.10",
}  # fmt: skip
"""By module, as pip is told: diffusers refuses older ones, or cannot move what they quantise."""
PREFIXES = {"model.diffusion_model.": "unet", "first_stage_model.": "vae"}
"""Of a whole checkpoint in one file: the part by how its weights' names begin; all else is the text encoder's."""


@dataclass(frozen=True)
class Memory:
    """Bytes that are free: on the device (None: it paints in the machine's own), and on the machine."""

    device: int | None
    host: int
    reserved: int = 0
    """Bytes of the device that others want beside a backbone that stays there while nothing is painted."""

    @property
    def here(self) -> int:
        """Bytes that are free where it paints."""
        return self.host if self.device is None else self.device

    def if_others_left(self, place: str, memory: DeviceMemory = MEMORY) -> Memory:
        """What were free, had all others unloaded; what those want that come back beside a backbone is reserved."""
        needed = memory.needed(place)
        if self.device is None:
            return Memory(None, self.host + memory.held(place), needed)
        return Memory(self.device + memory.held(place), self.host + memory.held("cpu"), needed)

    def beside_others(self, place: str, memory: DeviceMemory = MEMORY) -> Memory:
        """What is free, with what others want besides what they hold already reserved."""
        return replace(self, reserved=memory.missing(place))


@dataclass(frozen=True)
class Weight:
    """What one part takes, in bytes."""

    name: str
    weights: int
    largest: int
    """Its largest tensor."""
    working: int = 0
    """What it takes besides while it works."""
    quantisable: bool = False
    """Whether it can be loaded so: what is in one file is loaded as it is."""

    @property
    def busy(self) -> int:
        """While it works."""
        return self.weights + self.working

    def quantised(self, share: float) -> Weight:
        """With its weights at that share."""
        if not self.quantisable:
            return self
        return Weight(self.name, int(self.weights * share), int(self.largest * share), self.working, True)


class LoadingPlan(Value):
    """What was decided on, and what it takes."""

    rung: Rung = "full"
    quantize: Quantize | None = None
    peak: int = 0
    """Bytes on the device, at most, as estimated."""
    free: int = 0
    """Bytes that were free there."""

    @property
    def plain(self) -> bool:
        """Whether all of it is loaded as it is."""
        return self.rung == "full" and self.quantize is None

    @property
    def way(self) -> str:
        """The rung in words."""
        return WORDS[self.rung] + (f", quantised by {self.quantize}" if self.quantize else "")

    def __str__(self) -> str:
        return f"{self.way}; about {_gb(self.peak)} of {_gb(self.free)} that are free"


def measured(device: str) -> Memory:
    """What is free on this machine now, and on a device as torch names it."""
    return Memory(MEMORY.free(device) if device.startswith("cuda") else None, MEMORY.free("cpu"))


def plan_of(pipe: Any) -> LoadingPlan:
    """How a pipeline was loaded; one that `load` did not load is as it is."""
    return getattr(pipe, "loading_plan", LoadingPlan())


def weigh(files: ModelFiles, profile: Profile, item: int) -> list[Weight]:
    """Every part by its files' headers, with `item` bytes a number, at the profile's size. Raises BackboneError."""
    return [
        Weight(
            name, sum(sizes), max(sizes, default=0), _working(name, files, profile, item),
            not files.whole and (name.startswith("text_encoder") or (name in DENOISERS and files.file is None)),
        )
        for name, sizes in _sizes(files, item)
    ]  # fmt: skip


def _sizes(files: ModelFiles, item: int) -> Iterator[tuple[str, list[int]]]:
    """Bytes of every tensor, by part."""
    if files.whole and files.file is not None:
        parts: dict[str, list[int]] = {}
        for name, tensor in header(files.file).items():
            part = next((part for prefix, part in PREFIXES.items() if name.startswith(prefix)), "text_encoder")
            parts.setdefault(part, []).append(tensor.bytes_at(item))
        yield from parts.items()
        return
    for each in files.parts:
        if each.name in DENOISERS and files.file is not None:
            yield each.name, _sizes_of_file(files.file, item)
        elif each.weights:
            yield each.name, _bytes(each.tensors(), item)


def _sizes_of_file(file: Path, item: int) -> list[int]:
    if file.suffix == GGUF:  # stays as it is; its blocks are alike
        size = file.stat().st_size
        return [size // 50] * 50
    return _bytes(header(file), item)


def _bytes(tensors: Mapping[str, Tensor], item: int) -> list[int]:
    return [tensor.bytes_at(item) for tensor in tensors.values()]


def _working(name: str, files: ModelFiles, profile: Profile, item: int) -> int:
    """Bytes that a denoiser or an autoencoder takes for one picture of the profile's size."""
    pixels = profile.width * profile.height
    config = files.config(name)
    if name in DENOISERS:
        heads, size = config.get("num_attention_heads"), config.get("attention_head_dim")
        if name == "transformer" and isinstance(heads, int) and isinstance(size, int):
            return 2 * LIVE * item * (pixels // 256) * heads * size  # a token is a square of 16 pixels
        widths = config.get("block_out_channels") or [320]
        return 2 * LIVE * item * (pixels // 64) * int(widths[0])
    if name == "vae":
        widths = config.get("block_out_channels") or config.get("decoder_block_out_channels") or [128, 256]
        item = 4 if files.pipeline == STABLE_DIFFUSION[1] else item  # decodes in float32, since it overflows
        return MAPS * item * pixels * int(widths[min(1, len(widths) - 1)])
    return 0


def planned(weights: Sequence[Weight], memory: Memory, painting: PaintingSettings | None = None) -> LoadingPlan:
    """The first rung that has room, or the one that the settings force.

    Raises BackboneError if there is room on none, BadSettings for an offload or a quantisation that needs a GPU where
    there is none, or a library that is not installed.
    """
    painting = painting or PaintingSettings()
    check_quantize(painting.quantize, memory.device is not None)
    if memory.device is None:
        return _in_own_memory(weights, memory, painting)
    if painting.offload != "auto":
        rung: Rung = "full" if painting.offload == "none" else painting.offload
        peak = _peak(_at(weights, painting.quantize), rung)
        return LoadingPlan(rung=rung, quantize=painting.quantize, peak=peak, free=memory.device)
    rungs = list(_rungs(weights, painting.quantize))
    for reserved in (memory.reserved, 0):  # beside the others, if that can be, else in turns with them
        for rung, quantize, peak, host in rungs:
            beside = reserved if rung == "full" else 0  # on all other rungs the device is empty between pictures
            if peak + beside <= memory.device and host <= memory.host:
                return LoadingPlan(rung=rung, quantize=quantize, peak=peak, free=memory.device)
    least = min(peak for _, _, peak, _ in rungs)
    raise BackboneError(
        f"it takes {_gb(least)} on the GPU at least, with {_gb(sum(each.weights for each in weights))} in the "
        f"machine's memory, of which {_gb(memory.device)} and {_gb(memory.host)} are free: free some, or choose a "
        "smaller one"
    )


def _in_own_memory(weights: Sequence[Weight], memory: Memory, painting: PaintingSettings) -> LoadingPlan:
    if painting.offload not in ("auto", "none"):
        raise BadSettings(f"offload '{painting.offload}' moves parts off a GPU, and there is none: leave it out")
    peak = _peak(_at(weights, painting.quantize), "full") - RESERVE
    if peak > memory.host:
        raise BackboneError(
            f"it takes {_gb(peak)}, and {_gb(memory.host)} are free: free some, or choose a smaller one"
        )
    return LoadingPlan(quantize=painting.quantize, peak=peak, free=memory.host)


def _rungs(weights: Sequence[Weight], quantize: Quantize | None) -> Iterator[tuple[Rung, Quantize | None, int, int]]:
    """Every rung that there is, with bytes on the device and on the machine."""
    if quantize is None:
        total = sum(each.weights for each in weights)
        yield "full", None, _peak(weights, "full"), 0
        yield "model", None, _peak(weights, "model"), total
        yield "group", None, _peak(weights, "group"), total
    if not any(each.quantisable for each in weights):
        return
    for each in [quantize] if quantize else [known for known in QUANTISED if all(map(_installed, LIBRARIES[known]))]:
        lighter = _at(weights, each)
        yield "full", each, _peak(lighter, "full"), 0
        yield "model", each, _peak(lighter, "model"), sum(weight.weights for weight in lighter)


def _peak(weights: Sequence[Weight], rung: Rung) -> int:
    match rung:
        case "full":
            peak = sum(each.weights for each in weights) + max(each.working for each in weights)
        case "model":
            peak = max(each.busy for each in weights)
        case "group":
            peak = max(LAYERS * each.largest + each.working for each in weights)
        case "sequential":
            peak = max(each.largest + each.working for each in weights)
    return peak + RESERVE


def _at(weights: Sequence[Weight], quantize: Quantize | None) -> list[Weight]:
    return [each.quantised(QUANTISED[quantize]) if quantize else each for each in weights]


def check_quantize(quantize: Quantize | None, on_gpu: bool = True) -> None:
    """Raise BadSettings if it needs a GPU and there is none, or a library that is not installed or too old."""
    if quantize is None:
        return
    if not on_gpu and quantize not in ON_CPUS:
        raise BadSettings(f"quantize '{quantize}' needs a GPU: leave it out, or give {ON_CPUS[0]}")
    for module in LIBRARIES[quantize]:
        check_library(module, f"quantize '{quantize}'")


def check_library(module: str, what: str) -> None:
    """Raise BadSettings if `what` lacks it: it is not installed, or too old."""
    if not _installed(module):
        required = REQUIREMENTS[module]
        quoted = f"'{required}'" if ">" in required else required
        raise BadSettings(f"{what} needs {required}: pip install {quoted}")


def _installed(module: str) -> bool:
    required = Requirement(REQUIREMENTS[module])
    if importlib.util.find_spec(module) is None:
        return False
    try:
        return required.specifier.contains(version(required.name), prereleases=True)
    except PackageNotFoundError:  # by another name, such as one for another kind of GPU
        return True


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
