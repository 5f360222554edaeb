"""A Stable Diffusion pipeline small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from diffusers import StableDiffusionPipeline
from tiny_pipelines import tiny

from muralist.tools.device_memory import MEMORY


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Nothing is measured where nothing is said about it."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MURALIST_THREADS", "1")
        yield


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Random weights are the same whatever ran before."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _nobody_else_in_memory() -> None:
    """What idle engines of other tests hold is not given back to this one."""
    MEMORY.clear()


@pytest.fixture(scope="session")
def tiny_pipeline() -> Callable[[], StableDiffusionPipeline]:
    """Builds the pipeline; the same weights each time."""
    return lambda: tiny("SD")


@pytest.fixture
def pipe(tiny_pipeline: Callable[[], StableDiffusionPipeline]) -> StableDiffusionPipeline:
    return tiny_pipeline()
