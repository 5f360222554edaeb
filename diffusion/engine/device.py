"""What the backbone runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Device:
    """Where tensors live and of what type."""

    kind: str
    """`cuda`, `mps` or `cpu`."""
    name: str
    """As a person knows it."""
    dtype: str
    """Name of the torch type of weights: half precision where there is an accelerator, else float32."""

    @property
    def torch_dtype(self) -> Any:
        import torch

        return getattr(torch, self.dtype)


def best() -> Device:
    """The best device there is: CUDA, then Apple's MPS, then the CPU."""
    import torch

    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.get_device_name(), "float16")
    if torch.backends.mps.is_available():
        return Device("mps", "Apple GPU", "float16")
    return Device("cpu", "CPU", "float32")
