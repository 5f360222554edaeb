"""The whole machine with nothing swapped: shipped backbone, shipped detector, offline model."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import muralist
from muralist.diffusion import DiffusionPainter
from muralist.tools.edits import Edit, edit_layout
from muralist.tools.layout import Box
from muralist.tools.ports import PaintSpec

PROMPT = "a red apple to the left of a blue cup, on sand"


@pytest.fixture
def few(tmp_path: Path) -> dict[str, Any]:
    """Settings that keep a run short."""
    return {"home": tmp_path / "home", "steps": 4, "rounds": 1, "seed": 5}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_twice_in_a_process_and_in_another(
    few: dict[str, Any], tmp_path: Path
) -> None:
    first = muralist.draw(PROMPT, out=tmp_path / "first", **few)
    muralist.draw(PROMPT, out=tmp_path / "second", **few)
    code = f"import muralist; muralist.draw({PROMPT!r}, out={str(tmp_path / 'third')!r}, steps=4, rounds=1, seed=5)"
    environment = {"MURALIST_HOME": str(tmp_path / "elsewhere"), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    names = ["final.png", "layout.png", *(f"picture-{number + 1}.png" for number in range(len(first.attempts)))]
    for name in names:
        pictures = {(tmp_path / folder / name).read_bytes() for folder in ("first", "second", "third")}
        assert len(pictures) == 1, name


def test_every_question_of_a_run_gets_a_verdict_by_the_detector(few: dict[str, Any]) -> None:
    result = muralist.draw(PROMPT, **few)
    for attempt in result.attempts:
        assert {verdict.source for verdict in attempt.verdicts or []} == {"picturebook"}
        assert len(attempt.verdicts or []) == 9


def test_what_is_submitted_scores_at_least_as_well_as_every_attempt_that_was_accepted(few: dict[str, Any]) -> None:
    result = muralist.draw("four red apples", **(few | {"rounds": 3}))
    accepted = [attempt.score or 0 for attempt in result.attempts if attempt.accepted]
    assert result.score == max(accepted)
    assert accepted == sorted(accepted)


def test_an_edit_leaves_every_pixel_outside_its_boxes_alone_and_changes_those_inside(few: dict[str, Any]) -> None:
    result = muralist.draw(PROMPT, **few)
    edits = [
        Edit(action="replace", entity=result.scene.entities[0].id, box=Box(x0=0.1, y0=0.2, x1=0.4, y1=0.6)),
        Edit(action="remove", entity=result.scene.entities[1].id, box=Box(x0=0.6, y0=0.5, x1=0.9, y1=0.9)),
    ]
    spec = PaintSpec(edit_layout(edits, result.scene), seed=9, steps=4)
    spec = replace(spec, source=result.image)
    edited = asyncio.run(DiffusionPainter().paint(spec, lambda step, steps: None, threading.Event()))
    before, after = np.asarray(result.image), np.asarray(edited)
    inside = np.zeros((128, 128), dtype=bool)
    for edit in edits:
        x0, y0, x1, y1 = (round(edge * 128) for edge in (edit.box.x0, edit.box.y0, edit.box.x1, edit.box.y1))
        inside[y0:y1, x0:x1] = True
    changed = (before != after).any(axis=2)
    assert not changed[~inside].any()
    assert changed[inside].mean() > 0.5


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("a red airplan", "did you mean airplane"),
        ("a mauve apple", "no colour 'mauve'"),
        ("", "the prompt is empty"),
        ("apple " * 400, "at most 2000"),
    ],
)
def test_a_prompt_that_cannot_be_painted_is_refused_in_one_line(
    few: dict[str, Any], prompt: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(muralist.MuralistError, match=message) as refused:
        muralist.draw(prompt, out=tmp_path / "out", **few)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()
