"""The variables of the server stand beside those of the agent and of the engine."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import pytest

from muralist.agent.settings import Settings
from muralist.diffusion.engine.settings import EngineSettings
from muralist.server.settings import ServerSettings, load
from muralist.tools.errors import BadSettings


def test_no_variable_means_two_things() -> None:
    engine = getattr(EngineSettings, "model_fields", None) or {field.name for field in fields(EngineSettings)}  # type: ignore[arg-type]
    for one, other in combinations([set(Settings.model_fields), set(ServerSettings.model_fields), set(engine)], 2):
        assert not one & other


def test_a_wrong_value_is_named_and_no_secret_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_BEARER_TOKENS", '{"ann": "hush"}')
    with pytest.raises(BadSettings, match="MURALIST_BEARER_TOKENS") as caught:
        load()
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("MURALIST_BEARER_TOKENS", "hush-hush")
    with pytest.raises(BadSettings) as caught:
        load()
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)
