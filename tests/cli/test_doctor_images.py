"""`muralist doctor` with a painter behind the OpenAI images protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest
from images_server import MODELS, Answer, error, serving
from typer.testing import CliRunner

from muralist.cli import app


def check(monkeypatch: pytest.MonkeyPatch, url: str, model: str = "blocks") -> Any:
    monkeypatch.setenv("MURALIST_IMAGES_BASE_URL", url)
    monkeypatch.setenv("MURALIST_BACKBONE", f"openai:{model}")
    result = CliRunner().invoke(app, ["doctor", "--json"])
    return next(each for each in json.loads(result.stdout)["checks"] if each["name"] == f"backbone openai:{model}")


def test_doctor_asks_whether_the_service_has_the_model_and_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        found = check(monkeypatch, server.url)
        assert not server.requests
    assert (found["ok"], found["detail"]) == (True, f"{server.url} has it")


@pytest.mark.parametrize(
    ("page", "ok", "detail"),
    [
        (Answer({"data": [{"id": "a"}, {"id": "b"}]}), False, "does not have it: it lists a, b"),
        (Answer({"detail": "Not Found"}, 404), None, "answers, but does not list its models"),
        (Answer({"models": 3}), None, "answers, but does not list its models"),
        (Answer("<html>Welcome</html>"), False, "answers with a web page: check MURALIST_IMAGES_BASE_URL"),
        (error(401, "who are you"), False, "does not accept the key (401: who are you): check MURALIST_IMAGES_KEY"),
    ],
)
def test_doctor_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch, page: Answer, ok: bool | None, detail: str) -> None:
    with serving() as server:
        server.pages[MODELS] = page
        found = check(monkeypatch, server.url)
    assert found["ok"] is ok
    assert detail in found["detail"]
    assert found["fix"] == "set MURALIST_IMAGES_BASE_URL, MURALIST_IMAGES_KEY, MURALIST_BACKBONE"


def test_doctor_says_that_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        pass
    found = check(monkeypatch, server.url)
    assert found["ok"] is False
    assert "cannot be reached" in found["detail"]


def test_doctor_says_that_a_price_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MURALIST_MONEY", "1")
    with serving() as server:
        found = check(monkeypatch, server.url)
    assert "prices does not say what 'blocks' costs" in found["detail"]
