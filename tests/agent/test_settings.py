"""Settings from the environment."""

from pathlib import Path

import pytest

from muralist.agent.settings import Settings, load
from muralist.tools.errors import BadSettings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MURALIST_{name.upper()}", raising=False)


def test_everything_has_a_default_that_works() -> None:
    settings = load()
    assert (settings.backbone, settings.model, settings.inspector) == ("picturebook", "offline", "picturebook")
    assert (settings.width, settings.height, settings.steps, settings.guidance) == (None, None, None, None)
    assert (settings.rounds, settings.images, settings.offload) == (None, None, "auto")
    assert settings.home.name == "muralist"


def test_the_environment_overrides_defaults_and_what_is_given_overrides_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_STEPS", "7")
    monkeypatch.setenv("MURALIST_HOME", "/somewhere")
    monkeypatch.setenv("MURALIST_GUIDANCE", "")
    settings = load(rounds=2, steps=None)
    assert (settings.steps, settings.rounds, settings.home, settings.guidance) == (7, 2, Path("/somewhere"), None)
    assert load(steps=9).steps == 9


@pytest.mark.parametrize(
    ("name", "value"), [("STEPS", "many"), ("WIDTH", "100"), ("HEIGHT", "4096"), ("IMAGES", "0"), ("SECONDS", "inf")]
)
def test_a_bad_value_is_named_with_its_variable_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MURALIST_{name}", value)
    with pytest.raises(BadSettings, match=f"MURALIST_{name} is '{value}'") as error:
        load()
    assert "\n" not in str(error.value)


def test_a_bad_value_that_was_given_is_named_as_given() -> None:
    with pytest.raises(BadSettings, match=r"^width is 100: .*multiple of 8"):
        load(width=100)


def test_prices_are_read_from_json_and_anything_else_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_PRICES", '{"big": {"input": 2.5, "output": 10}}')
    assert load().prices["big"].output == 10
    monkeypatch.setenv("MURALIST_PRICES", '{"big": {"picture": 0.04}}')
    assert load().prices["big"].picture == 0.04
    monkeypatch.setenv("MURALIST_PRICES", '{"big": {"input": 2.5}}')
    with pytest.raises(BadSettings, match=r"a price needs 'input' and 'output' per million tokens, or 'picture'"):
        load()
    monkeypatch.setenv("MURALIST_PRICES", "cheap")
    with pytest.raises(BadSettings, match=r"^MURALIST_PRICES is not JSON .*: per million tokens, or per pic") as error:
        load()
    assert "\n" not in str(error.value)
    monkeypatch.setenv("MURALIST_PRICES", '{"big": {"input": -1, "output": 10}}')
    with pytest.raises(BadSettings, match=r"^MURALIST_PRICES is -1: input should be greater than or equal to 0"):
        load()
