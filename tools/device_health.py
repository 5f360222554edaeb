"""Devices that went wrong for good: after some errors of a GPU everything that the process does on it fails."""

from __future__ import annotations

from .errors import DeviceLost, MuralistError

FATAL = (
    "device-side assert", "illegal memory access", "illegal address", "illegal instruction", "misaligned address",
    "invalid program counter", "hardware stack error", "unspecified launch failure", "launch timed out",
    "uncorrectable", "ecc error", "device lost", "device is lost", "fallen off the bus", "cuda error: unknown error",
    "cuda-capable device(s) is/are busy or unavailable", "context is destroyed", "hsa_status_error",
)  # fmt: skip
"""In the messages of CUDA and ROCm, for errors that stay until the process ends; that memory ran out is none."""

_lost: dict[str, str] = {}
"""What went wrong, by device."""


def is_fatal(error: BaseException) -> bool:
    """Whether the device that raised it is lost to this process."""
    message = str(error).lower()
    return (
        isinstance(error, RuntimeError)
        and not isinstance(error, MuralistError)
        and any(words in message for words in FATAL)
    )


def lost(device: str, error: BaseException) -> DeviceLost:
    """Note that the device is lost, and why, for good; the error to raise."""
    _lost.setdefault(device, str(error).strip().splitlines()[0][:200])
    return _told(device)


def check_device(device: str) -> None:
    """Raise DeviceLost if it is lost."""
    if device in _lost:
        raise _told(device)


def check_devices() -> None:
    """Raise DeviceLost if any is lost."""
    for device in list(_lost):
        check_device(device)


def _told(device: str) -> DeviceLost:
    return DeviceLost(
        f"the device '{device}' went wrong for good ({_lost[device]}): restart Muralist, and the machine if it "
        "happens again"
    )
