"""Trained weights on their way into the package: half precision, and whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor


def ship_pipeline(pipe: StableDiffusionPipeline, folder: Path) -> None:
    """Save a pipeline in diffusers' format, fp16 safetensors; its own parts, which a trainer goes on with, stay."""
    parts = {name: deepcopy(part) for name, part in pipe.components.items()}
    halved = StableDiffusionPipeline(**parts, requires_safety_checker=False).to(dtype=torch.float16)
    with whole(folder) as fresh:
        halved.save_pretrained(fresh, safe_serialization=True)
        for file in fresh.rglob("config.json"):
            config = json.loads(file.read_text(encoding="utf-8"))
            config.pop("_name_or_path", None)  # where it was loaded from is nobody's business
            file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def ship_state(state: dict[str, Tensor], path: Path) -> None:
    """Save a state dict: floating-point tensors in fp16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new")
    halved = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    save_file({name: value.contiguous() for name, value in halved.items()}, partial)
    partial.replace(path)


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A sibling to write to, which takes the folder's place once it is whole."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    yield fresh
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
