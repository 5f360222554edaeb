"""What can be done when memory runs out, short of giving up."""

from __future__ import annotations

import importlib.util
from typing import Any

SLICING, OFFLOAD = "attention slicing", "model offload"


def is_out_of_memory(error: BaseException) -> bool:
    """On a GPU, or on the CPU, where torch says it in words."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "not enough memory" in str(error)
    )


def relieve(pipe: Any, done: list[str]) -> str | None:
    """Have the pipeline take less memory and more time; its name, or None if everything is `done` already.

    First attention in slices and the autoencoder in tiles, then, on an accelerator and if `accelerate` is installed,
    only one part of the pipeline on it at a time. Both stay until the backbone is unloaded.
    """
    empty_cache()
    if SLICING not in done:
        pipe.enable_attention_slicing()
        for name in ("enable_slicing", "enable_tiling"):
            if hasattr(getattr(pipe, "vae", None), name):
                getattr(pipe.vae, name)()
        return SLICING
    if OFFLOAD not in done and pipe.device.type != "cpu" and importlib.util.find_spec("accelerate"):
        pipe.enable_model_cpu_offload()
        return OFFLOAD
    return None


def empty_cache() -> None:
    """Give freed memory back to the device."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
