"""A home of its own for every test, in block world."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from block_world import BlockInspector, BlockPainter, install

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _block_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At seed 1 the painter leaves out the second region."""
    install(BlockPainter(faults={1: [1]}), BlockInspector(names={"red": "car", "blue": "vase"}))
    monkeypatch.setenv("MURALIST_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MURALIST_BACKBONE", "blocks")
    monkeypatch.setenv("MURALIST_INSPECTOR", "blocks")
    monkeypatch.setenv("MURALIST_STEPS", "3")


@pytest.fixture
def command() -> list[str]:
    """`muralist` in a process of its own; it takes the environment of the test."""
    return [sys.executable, str(HERE / "block_muralist.py")]


@pytest.fixture
def process_environment(_block_world: None) -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
