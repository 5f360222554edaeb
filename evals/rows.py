"""Measured rows, one JSON object a line: what an interrupted run has measured already is not measured again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Hashable, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def read(file: Path) -> list[Row]:
    """The rows measured so far."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def complete(
    file: Path, wanted: Mapping[Any, Callable[[], Coroutine[Any, Any, Row]]], key: Callable[[Row], Hashable]
) -> list[Row]:
    """All rows of the file, once each wanted one, by its key, is there; every row is kept as soon as it is measured."""
    done = {key(row) for row in read(file)}
    for name, measure in wanted.items():
        if name not in done:
            row = asyncio.run(measure())
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")
    return read(file)
