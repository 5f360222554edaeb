"""What a backbone is made of on disk: its parts, their configurations and their weights. Loads none of them.

`load` opens exactly what is found here, and `muralist doctor`, the profiles and the loading ladder read it, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from muralist.tools.errors import BackboneError

INDEX = "model_index.json"
SAFETENSORS, GGUF = ".safetensors", ".gguf"
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
BASES = {"transformers": "model"}
"""What a part's weights are called, by its library; those of diffusers and of all others are DIFFUSERS."""
DIFFUSERS = "diffusion_pytorch_model"
WEIGHTLESS = re.compile("Tokenizer|Processor|FeatureExtractor|Scheduler|Solver|Guidance")
"""In the names of the classes that have no weights."""
SPARE = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts of Stable Diffusion that pictures are painted without."""
DENOISERS = ("unet", "transformer")
CHECKPOINTS = {
    "cond_stage_model.": "StableDiffusionPipeline",
    "conditioner.embedders.1.": "StableDiffusionXLPipeline",
}
"""Whole checkpoints in one file: the pipeline by how the names of its text encoder's weights begin."""
SAME_AS = {"LatentConsistencyModelPipeline": "StableDiffusionPipeline"}
"""Pipelines whose parts another one paints with in the same way."""
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
"""Bytes of a number in safetensors, of the types that are converted when weights are loaded."""
LARGEST_HEADER = 100_000_000
"""Bytes, as in the format's own limit."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of a safetensors file, by its header."""

    dtype: str
    shape: tuple[int, ...]
    stored: int
    """Bytes in the file."""

    def bytes_at(self, item: int) -> int:
        """Bytes once it is loaded with `item` bytes a number; whole numbers stay as they are."""
        return prod(self.shape) * item if self.dtype in ITEM_BYTES else self.stored


@dataclass(frozen=True)
class Part:
    """A part of a pipeline in its folder; one without weights has no files."""

    name: str
    kind: str
    folder: Path
    weights: tuple[Path, ...] = ()
    variant: str | None = None

    def tensors(self) -> dict[str, Tensor]:
        """All of its tensors by name. Raises BackboneError for a damaged file."""
        return {name: tensor for file in self.weights for name, tensor in header(file).items()}


@dataclass(frozen=True)
class ModelFiles:
    """A backbone's files. `file` is a whole checkpoint (no parts), or a denoiser that takes the place of its part."""

    place: Path
    pipeline: str
    index: Mapping[str, Any]
    parts: tuple[Part, ...] = ()
    file: Path | None = None
    variant: str | None = None

    @property
    def whole(self) -> bool:
        """Whether one file holds the denoiser, the autoencoder and the text encoder."""
        return self.file is not None and not self.parts

    @property
    def denoiser(self) -> Part | None:
        """The part that denoises."""
        return next((part for part in self.parts if part.name in DENOISERS), None)

    @property
    def weights(self) -> list[Path]:
        """All files of weights, in the order of their names."""
        replaced = self.denoiser if self.file is not None else None
        files = [file for part in self.parts if part is not replaced for file in part.weights]
        return sorted([*files, *([self.file] if self.file else ())])

    @property
    def folder(self) -> Path | None:
        """Where the configurations are."""
        return self.place if self.index else None

    def config(self, part: str) -> dict[str, Any]:
        """A part's configuration; empty if there is none, or none that can be read."""
        if self.folder is None:
            return {}
        return read_json(self.folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json"))

    def without(self) -> list[str]:
        """Spare parts that the index names, and that are not there or not wanted."""
        return [name for name in SPARE if name in self.index and (name == SPARE[0] or not (self.place / name).is_dir())]


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; empty if there is none, or none that can be read."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def header(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file. Raises BackboneError if it is damaged or cut short, or holds none."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if length > LARGEST_HEADER:
                raise ValueError("its header is too long")
            named = json.loads(opened.read(length))
        found = {
            name: Tensor(each["dtype"], tuple(each["shape"]), each["data_offsets"][1] - each["data_offsets"][0])
            for name, each in named.items()
            if name != "__metadata__"
        }
        end = max((each["data_offsets"][1] for name, each in named.items() if name != "__metadata__"), default=0)
        size = file.stat().st_size
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BackboneError(f"{file} is damaged: {error}") from None
    if size != 8 + length + end:
        raise BackboneError(f"{file} is damaged: it has {size} bytes, and its header tells of {8 + length + end}")
    if not found:
        raise BackboneError(f"{file} holds no weights")
    return found


def resolved(place: Path, variant: str | None = None) -> ModelFiles:
    """The files of a folder in diffusers format, a whole checkpoint, or a denoiser in a file within such a folder.

    `variant`: of the weights' files, such as fp16; left out, the plain ones, else the one that there is. Raises
    BackboneError that names everything that is missing.
    """
    if place.is_dir():
        return _in_folder(place, variant)
    if place.suffix == SAFETENSORS:
        names = header(place)
        for beginning, pipeline in CHECKPOINTS.items():
            if any(name.startswith(beginning) for name in names):
                index = read_json(place.parent / INDEX)
                return ModelFiles(place.parent, pipeline, index, file=place)
    if not (place.parent / INDEX).is_file():
        raise BackboneError(
            f"{place} holds no whole checkpoint of Stable Diffusion 1.x, 2.x or XL (no text encoder is in it): give "
            "one, or a folder in diffusers format, or put the file into such a folder, whose denoiser it replaces"
        )
    return _in_folder(place.parent, variant, place)


def _in_folder(folder: Path, variant: str | None, file: Path | None = None) -> ModelFiles:
    index = _index(folder)
    pipeline = str(index.get("_class_name", ""))
    parts, missing = [], []
    for name, kind in index.items():
        named = isinstance(kind, list) and len(kind) == 2 and all(isinstance(each, str) for each in kind)
        if not named or name in SPARE:  # other lists are settings of the pipeline
            continue
        replaced = file is not None and name in DENOISERS
        try:
            parts.append(_part(folder / name, str(kind[0]), str(kind[1]), variant, replaced))
        except BackboneError as lacking:
            missing.append(str(lacking))
    if variant is not None and not any(part.variant for part in parts):
        raise BackboneError(f"{folder} has no weights of variant '{variant}': {_variants(folder)}")
    if missing:
        raise BackboneError(f"{folder} lacks {', '.join(missing)}: give a complete folder in diffusers format")
    if not any(part.name in DENOISERS for part in parts):
        raise BackboneError(f"{folder} lacks a denoiser: {INDEX} names neither a {' nor a '.join(DENOISERS)}")
    found = next((part.variant for part in parts if part.variant is not None), None)
    return ModelFiles(folder, SAME_AS.get(pipeline, pipeline), index, tuple(parts), file, found)


def _index(folder: Path) -> dict[str, Any]:
    index = folder / INDEX
    if not index.is_file():
        raise BackboneError(f"there is no {index}")
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BackboneError(f"{index} cannot be read: {error}") from None
    if not isinstance(parts, dict):
        raise BackboneError(f"{index} is no index: it has to be a JSON object that names the parts")
    return parts


def _part(folder: Path, library: str, kind: str, variant: str | None, replaced: bool) -> Part:
    """Raises BackboneError whose message is what is missing."""
    if not folder.is_dir():
        raise BackboneError(folder.name)
    if WEIGHTLESS.search(kind) or replaced:
        return Part(folder.name, kind, folder)
    base = BASES.get(library, DIFFUSERS)
    for each in dict.fromkeys((variant, None) if variant else (None, *_variants_in(folder, base))):
        if weights := tuple(_weights(folder, base, each)):
            return Part(folder.name, kind, folder, weights, each)
    pickled = sorted(each.name for each in folder.iterdir() if each.suffix in PICKLES)
    besides = f" (pickled weights, {pickled[0]}, may run code and are not loaded)" if pickled else ""
    raise BackboneError(f"{folder.name}/{base}{SAFETENSORS}{besides}")


def _weights(folder: Path, base: str, variant: str | None) -> Iterator[Path]:
    """The one file, or all shards; none if there is neither. Raises BackboneError for shards that are missing."""
    between = f".{variant}" if variant else ""
    whole = folder / f"{base}{between}{SAFETENSORS}"
    shards = folder / f"{base}{SAFETENSORS}.index{between}.json"
    if whole.is_file():
        yield whole
    elif shards.is_file():
        for name in sorted(set(read_json(shards).get("weight_map", {}).values())):
            if not (folder / name).is_file():
                raise BackboneError(f"{folder.name}/{name}")
            yield folder / name


def _variants_in(folder: Path, base: str) -> list[str]:
    """The variants of a part's weights."""
    pattern = re.compile(rf"{base}(?:\.(\w+)\.safetensors|\.safetensors\.index\.(\w+)\.json)")
    found = [pattern.fullmatch(each.name) for each in sorted(folder.iterdir())]
    return list(dict.fromkeys(match[1] or match[2] for match in found if match))


def _variants(folder: Path) -> str:
    """Those that a folder has, for a message."""
    bases = {DIFFUSERS, *BASES.values()}
    found = {each for part in folder.iterdir() if part.is_dir() for base in bases for each in _variants_in(part, base)}
    return f"there is {', '.join(sorted(found))}" if found else "leave it out, there are plain ones only"
