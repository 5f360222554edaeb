"""What the tests of several rooms share: block world, and a way to draw in it."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent / "worlds"))

from block_world import BlockInspector, BlockPainter

from muralist.runs import wiring

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as shells start what is to run in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", derandomize=True)
"""What is tried follows from the code alone, so that a commit passes everywhere or nowhere."""
settings.register_profile("thorough", max_examples=2000)
"""For `pytest --hypothesis-profile=thorough`, which takes minutes and tries something else every time."""
settings.load_profile("repeatable")

Blocks = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks the models of whoever runs it."""
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Blocks:
    """Call it with a painter, an inspector or a chat model: it gives the settings by which they are used."""

    def use(painter: BlockPainter | None = None, inspector: BlockInspector | None = None, model: Any = None) -> Any:
        monkeypatch.setitem(wiring.PAINTERS, "blocks", lambda settings: painter or BlockPainter())
        monkeypatch.setitem(wiring.INSPECTORS, "blocks", lambda settings: inspector or BlockInspector())
        monkeypatch.setenv("MURALIST_HOME", str(tmp_path / "home"))
        named = {"backbone": "blocks", "inspector": "blocks", "home": tmp_path / "home", "steps": 2}
        if model is None:
            return named
        monkeypatch.setitem(wiring.CHAT_MODELS, "scripted", lambda settings: model)
        return {**named, "model": "scripted"}

    return use


def pytest_collection_finish() -> None:
    """What was imported by now stays, and is not to be looked through at every garbage collection."""
    gc.collect()
    gc.freeze()
