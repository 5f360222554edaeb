"""The variables of the server stand beside those of the agent and of the engine."""

from __future__ import annotations

import re
from dataclasses import fields
from itertools import combinations
from pathlib import Path

import pytest
from command_line import assert_mistake, run

import muralist.diffusion
from muralist.agent.settings import Settings
from muralist.diffusion.engine.settings import EngineSettings
from muralist.diffusion.hosted.settings import HostedSettings
from muralist.server.settings import ServerSettings, load
from muralist.server.variables import known, unknown
from muralist.tools.errors import BadSettings


def test_no_variable_means_two_things() -> None:
    engine = getattr(EngineSettings, "model_fields", None) or {field.name for field in fields(EngineSettings)}  # type: ignore[arg-type]
    for one, other in combinations([set(Settings.model_fields), set(ServerSettings.model_fields), set(engine)], 2):
        assert not one & other


@pytest.mark.parametrize("flags", [(), ("--http",)])
def test_a_misspelt_variable_keeps_the_server_from_starting_and_the_right_one_is_named(
    flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MURALIST_BEARER_TOKEN", '{"ann": "a-secret-of-ann-0123"}')
    result = run("serve", *flags)
    assert_mistake(result, "MURALIST_BEARER_TOKEN is not known: did you mean MURALIST_BEARER_TOKENS?")
    assert "secret" not in result.stderr


def test_a_server_does_not_wait_for_a_persons_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_APPROVE", "true")
    assert_mistake(run("serve"), "MURALIST_APPROVE is not for a server, where nobody is asked: unset it")


def test_a_variable_like_no_other_is_named_alone_and_an_empty_one_is_as_good_as_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MURALIST_XYZZY", "1")
    monkeypatch.setenv("muralist_gidance", "7")
    monkeypatch.setenv("MURALIST_STEP", "")
    assert unknown() == [
        "MURALIST_GIDANCE is not known: did you mean MURALIST_GUIDANCE?",
        "MURALIST_XYZZY is not known: unset it; docs/settings.md lists those that are",
    ]


def test_doctor_tells_of_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_HOMES", "/nowhere")
    result = run("doctor")
    assert result.exit_code == 1
    assert "settings: MURALIST_HOMES is not known: did you mean MURALIST_HOME?" in result.stdout


def test_every_variable_that_is_read_or_documented_is_known() -> None:
    root = Path(str(muralist.diffusion.__file__)).parents[1]
    rooms = ("agent", "cli", "diffusion", "graphs", "muralist", "picturebook", "runs", "server", "storage", "tools")
    pages = [root / "README.md", *(root / "docs").glob("*.md")]
    files = [*pages, *(path for room in rooms for path in (root / room).rglob("*.py"))]
    named = {name for path in files for name in re.findall(r"\bMURALIST_[A-Z_]*[A-Z]\b", path.read_text("utf-8"))}
    assert len(named) > 20
    assert named <= set(known())
    read = {*EngineSettings.model_fields, *HostedSettings.model_fields}
    assert {f"MURALIST_{name.upper()}" for name in read} <= set(known())


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
