"""A GPU that went wrong for good is told once, and not tried for ever; that memory ran out passes."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from tiny_pipelines import tiny

from muralist.cli.doctor import examine
from muralist.diffusion import load
from muralist.diffusion.engine import Engine, EngineSettings, Request
from muralist.tools import device_health
from muralist.tools.device_health import check_devices, is_fatal, lost
from muralist.tools.errors import BackboneError, DeviceLost
from muralist.tools.layout import Layout, Region
from muralist.tools.ports import PaintSpec

SPEC = PaintSpec(
    Layout(regions=[Region("a red car", 0, 0, 0.5, 1)], base_prompt="a red car"), seed=7, width=64, height=64, steps=2
)
ADVICE = "\nCUDA kernel errors might be asynchronously reported at some other API call"
FOREVER = [
    torch.AcceleratorError(f"CUDA error: device-side assert triggered{ADVICE}"),
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered"),
    torch.AcceleratorError("CUDA error: unspecified launch failure"),
    torch.AcceleratorError("CUDA error: unknown error"),
    RuntimeError("CUDA error: misaligned address"),
    RuntimeError("HIP error: an illegal memory access was encountered"),
]
PASSING = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    torch.AcceleratorError("CUDA error: out of memory"),
    torch.AcceleratorError("CUDA error: invalid configuration argument"),
    torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device"),
    RuntimeError("shape '[2, 3]' is invalid for input of size 5"),
    ValueError("an illegal memory access"),
]


@pytest.fixture(autouse=True)
def _healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost before a test, nor after it."""
    monkeypatch.setattr(device_health, "_lost", {})


class Failing:
    """A denoiser that raises an error as often as it is told to."""

    def __init__(self, pipe: StableDiffusionPipeline, error: Exception, times: int = 1) -> None:
        self.error, self.times, self.calls = error, times, 0
        pipe.unet.register_forward_pre_hook(self.fail)

    def fail(self, *_: Any) -> None:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error


@pytest.mark.parametrize("error", FOREVER, ids=str)
def test_errors_that_stay_are_told_from_those_that_pass(error: Exception) -> None:
    assert is_fatal(error)


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_errors_that_pass_are_told_from_those_that_stay(error: Exception) -> None:
    assert not is_fatal(error)


@pytest.mark.parametrize("batch", [1, 4])
def test_after_it_nothing_more_is_painted_or_loaded(pipe: StableDiffusionPipeline, batch: int) -> None:
    failing, loaded = Failing(pipe, FOREVER[0]), []

    def loader(_: str) -> StableDiffusionPipeline:
        loaded.append(pipe)
        return pipe

    painter = Engine("tiny", EngineSettings(batch=batch), loader=loader)
    for each in [painter.submit(Request(SPEC)) for _ in range(3)]:
        with pytest.raises(DeviceLost):
            each.result()
    calls = failing.calls
    with pytest.raises(DeviceLost) as told:
        painter.submit(Request(SPEC)).result()
    assert str(told.value) == (
        "the device 'cpu' went wrong for good (CUDA error: device-side assert triggered): restart Muralist, and "
        "the machine if it happens again"
    )
    assert failing.calls == calls
    assert len(loaded) == 1
    assert not painter.loaded


def test_the_backbone_is_gone_while_the_error_is_held() -> None:
    def denoisers() -> int:
        gc.collect()
        return sum(type(each).__name__ == "UNet2DConditionModel" for each in gc.get_objects())

    def loader(_: str) -> StableDiffusionPipeline:
        made = tiny("SD")
        Failing(made, torch.AcceleratorError("CUDA error: an illegal memory access was encountered"))
        return made

    before = denoisers()
    painter = Engine("tiny", EngineSettings(), loader=loader)
    with pytest.raises(DeviceLost) as told:
        painter.submit(Request(SPEC)).result()
    painter.release().result()  # the picture is answered a little before the thread lets go of it
    assert denoisers() == before
    assert "illegal memory access" in str(told.value)


def test_memory_that_runs_out_is_no_reason_to_stop(pipe: StableDiffusionPipeline) -> None:
    Failing(pipe, PASSING[1], times=9)
    painter = Engine("tiny", EngineSettings(), loader=lambda _: pipe)
    with pytest.raises(BackboneError, match="ran out of memory") as told:
        painter.submit(Request(SPEC)).result()
    assert not isinstance(told.value, DeviceLost)
    check_devices()


def test_another_device_paints_on(pipe: StableDiffusionPipeline) -> None:
    lost("cuda:1", FOREVER[0])
    painter = Engine("tiny", EngineSettings(), loader=lambda _: pipe)
    assert painter.submit(Request(SPEC)).result().size == (64, 64)


def test_a_device_that_is_lost_while_a_backbone_is_loaded_is_told_by_every_later_one(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered")

    tiny("SD").save_pretrained(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr("diffusers.DiffusionPipeline.to", fail)
        with pytest.raises(DeviceLost, match=r"uncorrectable ECC error encountered.*restart Muralist"):
            load(str(tmp_path))
    with pytest.raises(DeviceLost, match="uncorrectable ECC error"):
        load(str(tmp_path))


def test_doctor_computes_something_and_tells_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise torch.AcceleratorError("CUDA error: unknown error")

    monkeypatch.setattr("torch.ones", fail)
    (check,) = [each for each in examine() if each.name == "device"]
    assert check.ok is False
    assert "went wrong for good (CUDA error: unknown error)" in check.detail
