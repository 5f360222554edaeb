"""What the backbone runs on."""

from __future__ import annotations

from dataclasses import dataclass

from muralist.tools.device_health import is_fatal, lost
from muralist.tools.errors import BackboneError, BadSettings


@dataclass(frozen=True)
class Device:
    """Where tensors live and of what type."""

    kind: str
    """`cuda`, `mps` or `cpu`."""
    name: str
    """As a person knows it."""
    index: int = 0
    """Which one of several."""

    @property
    def place(self) -> str:
        """As torch names it."""
        return f"{self.kind}:{self.index}" if self.index else self.kind


def chosen(name: str | None = None) -> Device:
    """The device of that name, such as `cuda:1`; left out, the best. Raises BadSettings if it is not there."""
    import torch

    if name is None:
        return best()
    kind, _, number = name.partition(":")
    index = int(number or 0)
    if kind == "cuda" and index < torch.cuda.device_count():
        return Device(kind, torch.cuda.get_device_name(index), index)
    if kind == "mps" and torch.backends.mps.is_available():
        return Device("mps", "Apple GPU")
    if kind == "cpu":
        return Device("cpu", "CPU")
    raise BadSettings(f"there is no device '{name}': the best that there is, is {best().kind} ({best().name})")


def check_works(device: Device) -> None:
    """Compute something there. Raises DeviceLost or BackboneError if that fails."""
    import torch

    try:
        torch.ones(1, device=device.place).add(1).item()
    except RuntimeError as error:
        if is_fatal(error):
            raise lost(device.place, error) from None
        reason = str(error).strip().splitlines()[0][:200]
        raise BackboneError(
            f"nothing can be computed on {device.name} ({reason}): free it, or choose another"
        ) from None


def best() -> Device:
    """The best device there is: CUDA, then Apple's MPS, then the CPU."""
    import torch

    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return Device("mps", "Apple GPU")
    return Device("cpu", "CPU")
