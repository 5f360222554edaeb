"""The placement is a setting like the others: it reaches the painter, and a run keeps the one it was begun with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from muralist.agent.settings import load
from muralist.diffusion import DiffusionPainter
from muralist.runs import wiring
from muralist.runs.parts import check_same, new_run, settings_of
from muralist.tools.errors import BadSettings
from muralist.tools.profile import Profile


@pytest.fixture
def flux2(tmp_path: Path) -> str:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "Flux2KleinPipeline"}))
    return str(tmp_path)


def test_it_reaches_the_painter_of_its_backbone(flux2: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for placement, places in (("native", "words"), ("both", "attention"), ("auto", "attention")):
        monkeypatch.setenv("MURALIST_PLACEMENT", placement)
        painter = wiring.painter(load(backbone=flux2))
        assert isinstance(painter, DiffusionPainter)
        assert (painter.placement, painter.abilities.places) == (placement, places)


def test_a_run_keeps_the_placement_that_it_was_begun_with(flux2: str) -> None:
    run = new_run(load(backbone=flux2, placement="both"), Profile(), prompt="a cat")
    assert run.parts["placement"] == "both"
    assert settings_of(run, load(placement="native")).placement == "both"
    check_same(run, {"placement": "both"})
    with pytest.raises(BadSettings, match="was begun with placement 'both', not 'native'"):
        check_same(run, {"placement": "native"})
    assert settings_of(new_run(load(), Profile(), prompt="a cat"), load(placement="native")).placement == "auto"
