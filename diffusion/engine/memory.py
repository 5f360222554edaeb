"""What can be done when memory runs out, short of giving up."""

from __future__ import annotations

from typing import Any

from muralist.diffusion.loading_ladder import plan_of
from muralist.tools.device_memory import empty_cache

SLICING, OFFLOAD = "attention slicing", "model offload"
WORDS = ("out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED")
"""Of CUDA and MPS, of CPUs under Windows and Linux, and of CUDA's libraries."""


def is_out_of_memory(error: BaseException) -> bool:
    """Of a GPU or of the CPU; often torch says it in words only."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)
    )


def relieve(pipe: Any, done: list[str]) -> str | None:
    """Have the pipeline take less memory and more time; its name, or None if everything is `done` already.

    First attention in slices and the autoencoder in tiles, then, on an accelerator, only one part of the pipeline on it
    at a time, unless it was loaded like that. Both stay until the backbone is unloaded, or `unrelieve`.
    """
    empty_cache()
    if SLICING not in done:
        pipe.enable_attention_slicing()
        _decode_in_parts(pipe, True)
        return SLICING
    if OFFLOAD not in done and pipe._execution_device.type != "cpu" and plan_of(pipe).rung == "full":
        pipe.enable_model_cpu_offload(device=pipe._execution_device)
        return OFFLOAD
    return None


def unrelieve(pipe: Any, done: list[str]) -> None:
    """Take back what is `done`."""
    if OFFLOAD in done:
        device = pipe._execution_device
        pipe.remove_all_hooks()
        pipe.to(device)
    if SLICING in done:
        pipe.disable_attention_slicing()
        _decode_in_parts(pipe, False)
    done.clear()


def _decode_in_parts(pipe: Any, parts: bool) -> None:
    """Picture by picture, and tile by tile, where the autoencoder can."""
    for name in ("slicing", "tiling"):
        if switch := getattr(getattr(pipe, "vae", None), f"{'enable' if parts else 'disable'}_{name}", None):
            switch()
