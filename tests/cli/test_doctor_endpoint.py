"""`muralist doctor` and `muralist draw` with a model behind an endpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fake_endpoint
import pytest
from fake_endpoint import serving
from minds import PROMPT, foreman
from typer.testing import CliRunner

from muralist.cli import app


def red(names: list[str], request: Any) -> tuple[str, Any]:
    return "seen", {"colour": "Red."}


def model_check(monkeypatch: pytest.MonkeyPatch, url: str) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("MURALIST_MODEL", "big")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    return next(check for check in json.loads(result.stdout)["checks"] if check["name"] == "model big")


def test_doctor_makes_one_call_and_says_what_the_endpoint_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(red, fake_endpoint.tools) as fake:
        check = model_check(monkeypatch, fake.url)
        assert len(fake.requests) == 1
    assert check["ok"]
    assert check["detail"] == f"calls tools; sees pictures; 1 call, 18 tokens, at {fake.url}"


def test_doctor_says_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(red, fake_endpoint.tools) as fake:
        pass
    check = model_check(monkeypatch, fake.url)
    assert not check["ok"]
    assert "cannot be reached" in check["detail"]


def test_doctor_looks_at_every_inspector_that_is_joined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def blind(fake: fake_endpoint.FakeEndpoint, request: Any) -> fake_endpoint.Answer:
        if "image_url" in json.dumps(request):
            return fake_endpoint.error(400, "this model does not take images")
        return fake_endpoint.tools(fake, request)

    monkeypatch.setenv("MURALIST_INSPECTOR", "mllm + grounded")
    monkeypatch.setenv("MURALIST_INSPECTOR_MODEL", "eyes")
    monkeypatch.setenv("MURALIST_DETECTOR", str(tmp_path))
    with serving(red, blind) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        result = CliRunner().invoke(app, ["doctor", "--json"])
    found = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    mllm = found["inspector mllm"]
    assert (mllm["ok"], mllm["fix"]) == (False, "set MURALIST_INSPECTOR_MODEL")
    assert mllm["detail"].startswith("takes no pictures: good for planning, not for inspecting")
    assert "inspector grounded" in found


def test_draw_says_what_the_rules_filled_in_and_what_was_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(foreman, fake_endpoint.truncated) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        options = ["draw", PROMPT, "-o", str(tmp_path), "--model", "big"]
        plain = CliRunner().invoke(app, options)
        told = CliRunner().invoke(app, [*options, "--json"])
    assert "the offline rules filled in for the model: recaption, plan, regional_diffuse" in plain.stdout
    assert "the offline rules fill in this step for big" in plain.stderr
    report = json.loads(told.stdout)
    assert report["filled_in"] == ["recaption", "plan", "regional_diffuse"]
    assert (report["mode"], report["usage"]["planner_calls"]) == ("agent", 12)


def test_draw_with_a_wrong_key_is_an_error_of_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(foreman, lambda *_: fake_endpoint.error(401, "no such key")) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url)
        result = CliRunner().invoke(app, ["draw", PROMPT, "-o", str(tmp_path / "out"), "--model", "big"])
    assert result.exit_code == 2
    wanted = f"muralist: {fake.url} does not accept the key (401: no such key): check OPENAI_API_KEY\n"
    assert result.stderr.endswith(wanted)
