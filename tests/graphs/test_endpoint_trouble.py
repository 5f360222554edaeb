"""What a run does when its model's endpoint refuses, costs too much, hangs, or is none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import fake_endpoint
import pytest
from block_world import BlockInspector, BlockPainter
from fake_endpoint import Answer, Dialect, FakeEndpoint, completion
from minds import PROMPT, Script, layout, scene

import muralist
from muralist.tools.errors import BadSettings, EndpointError, MuralistError

Blocks = Callable[..., dict[str, Any]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]

RECAPTION = ("recaption", {"prompt": PROMPT, "scene": scene()})
PLAN = ("plan", {"layout": layout()})
PAINT: tuple[str, Any] = ("regional_diffuse", {})


async def test_a_refusal_after_the_first_picture_keeps_it(blocks: Blocks, serve: Serve) -> None:
    def prim(fake: FakeEndpoint, request: Any) -> Answer:
        return fake_endpoint.tools(fake, request) if len(fake.requests) < 4 else fake_endpoint.refusal(fake, request)

    with serve(dialect=prim):
        result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]})), model="fake")
    assert (result.run.status, result.reason) == ("failed", "the model declined: I will not picture cups.")
    assert len(result.attempts) == 1


@pytest.mark.parametrize(
    ("limit", "reason", "calls"),
    [
        ({"calls": 6}, "all 6 calls of models are used up", 4),  # the inspector had two
        ({"tokens": 70}, "all 70 tokens are used up", 4),
        (
            {"money": 0.001, "prices": {"fake": {"input": 10, "output": 20}}},
            "the 0.001 that models may cost are spent",
            4,
        ),
    ],
)
async def test_a_spent_budget_ends_the_run_with_its_best_picture(
    blocks: Blocks, serve: Serve, limit: Any, reason: str, calls: int
) -> None:
    seeds = [("regional_diffuse", {"seed": seed}) for seed in range(1, 9)]
    painter = BlockPainter(faults={0: [0], **{seed: [0, 1] for seed in range(1, 9)}})
    with serve(Script(RECAPTION, PLAN, PAINT, *seeds)) as fake:
        result = await muralist.adraw(PROMPT, **blocks(painter), model="fake", **limit)
    assert (result.run.status, result.reason, len(fake.requests)) == ("done", reason, calls)
    assert result.image_id == result.attempts[0].image_id
    if "money" in limit:
        assert result.run.usage.money == pytest.approx(4 * (11 * 10 + 7 * 20) / 1e6)
        assert sum(turn.planner.money for turn in result.run.turns) == pytest.approx(result.run.usage.money)


async def test_a_picture_that_no_call_is_left_to_inspect_is_kept(blocks: Blocks, serve: Serve) -> None:
    with serve() as fake:
        result = await muralist.adraw(PROMPT, **{**blocks(), "model": "fake", "inspector": "mllm", "calls": 3})
    assert (result.run.status, result.reason, len(fake.requests)) == ("done", "all 3 calls of models are used up", 3)
    assert not result.passed
    assert [attempt.reason for attempt in result.attempts] == ["not inspected: all 3 calls of models are used up"]


async def test_an_endpoint_that_hangs_is_left_when_the_run_is_stopped(blocks: Blocks, serve: Serve) -> None:
    cancel = threading.Event()

    def stuck(fake: FakeEndpoint, request: Any) -> Answer:
        if len(fake.requests) < 4:
            return fake_endpoint.tools(fake, request)
        cancel.set()
        return fake_endpoint.hanging(fake, request)

    with serve(dialect=stuck):
        painter = BlockPainter(faults={0: [0]})
        result = await muralist.adraw(PROMPT, **blocks(painter), model="fake", cancel=cancel)
    assert (result.run.status, len(result.attempts)) == ("cancelled", 1)


async def test_an_endpoint_that_hangs_is_left_at_the_deadline_and_finished_pictures_are_kept(
    blocks: Blocks, serve: Serve
) -> None:
    def stuck(fake: FakeEndpoint, request: Any) -> Answer:
        speaks = len(fake.requests) < 4
        return fake_endpoint.tools(fake, request) if speaks else fake_endpoint.hanging(fake, request)

    with serve(dialect=stuck):
        began = time.monotonic()
        result = await muralist.adraw(PROMPT, **blocks(BlockPainter(faults={0: [0]})), model="fake", seconds=4)
        assert time.monotonic() - began < 8
    assert (result.run.status, result.reason) == ("done", "the 4 seconds are used up")
    assert len(result.attempts) == 1


async def test_an_endpoint_that_hangs_from_the_start_is_an_error_of_one_line_at_the_deadline(
    blocks: Blocks, serve: Serve
) -> None:
    with serve(dialect=fake_endpoint.hanging), pytest.raises(MuralistError, match=r"^the 1 seconds are used up$"):
        await muralist.adraw(PROMPT, **blocks(), model="fake", seconds=1)


async def test_a_picture_whose_inspector_fails_is_kept_and_handed_over(blocks: Blocks, tmp_path: Path) -> None:
    class Unreachable(BlockInspector):
        async def inspect(self, *_: Any) -> Any:
            raise EndpointError("the inspector's endpoint cannot be reached")

    result = await muralist.adraw(PROMPT, **blocks(inspector=Unreachable()), out=tmp_path / "out")
    assert (result.run.status, result.reason) == ("failed", "the inspector's endpoint cannot be reached")
    assert [attempt.verdicts for attempt in result.attempts] == [None]
    assert (tmp_path / "out" / "final.png").is_file()


async def test_an_inspector_that_hangs_is_left_at_the_deadline_and_its_picture_is_kept(blocks: Blocks) -> None:
    class Hanging(BlockInspector):
        async def inspect(self, *_: Any) -> Any:
            await asyncio.Event().wait()

    began = time.monotonic()
    result = await muralist.adraw(PROMPT, **blocks(inspector=Hanging()), seconds=2)
    assert time.monotonic() - began < 8
    assert (result.run.status, result.reason) == ("done", "the 2 seconds are used up")
    assert len(result.attempts) == 1


def _wrong_key(fake: FakeEndpoint, request: Any) -> Answer:
    return fake_endpoint.error(401, "Incorrect API key provided: the key")


def _huge(fake: FakeEndpoint, request: Any) -> Answer:
    return completion("x" * 10_000_000)


def _web_page(fake: FakeEndpoint, request: Any) -> Answer:
    return Answer("<html>Welcome</html>")


def _broken(fake: FakeEndpoint, request: Any) -> Answer:
    return fake_endpoint.error(503, "overloaded\nsorry", **{"retry-after-ms": "1"})


@pytest.mark.parametrize(
    ("dialect", "message", "calls"),
    [
        (_wrong_key, "does not accept the key (401: Incorrect API key provided: …): check OPENAI_API_KEY", 1),
        (_web_page, "answers with a web page: check OPENAI_BASE_URL, it often ends in /v1", 1),
        (_broken, "failed with 503 after 3 tries: overloaded sorry", 3),
    ],
)
async def test_an_endpoint_in_trouble_is_an_error_of_one_line(
    blocks: Blocks, serve: Serve, dialect: Dialect, message: str, calls: int
) -> None:
    with serve(dialect=dialect) as fake, pytest.raises(EndpointError) as caught:
        await muralist.adraw(PROMPT, **blocks(), model="fake")
    assert str(caught.value) == f"{fake.url} {message}"
    assert len(fake.requests) == calls


async def test_a_reply_of_ten_megabytes_is_not_read_and_the_rules_fill_in(blocks: Blocks, serve: Serve) -> None:
    with serve(dialect=_huge):
        result = await muralist.adraw(PROMPT, **blocks(), model="fake")
    assert result.passed
    assert result.run.filled_in == ["recaption", "plan", "regional_diffuse"]
    assert result.run.turns[0].mistake.startswith("Your reply could not be read: the reply is longer than 4 MiB")


async def test_a_wrong_address_is_an_error_of_one_line(
    blocks: Blocks, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.url.removesuffix("/v1"))
        with pytest.raises(
            EndpointError, match=r"answers 404 \(Not Found\): check OPENAI_BASE_URL, it often ends in /v1$"
        ):
            await muralist.adraw(PROMPT, **blocks(), model="fake")
    monkeypatch.setenv("OPENAI_BASE_URL", fake.url)  # by now nobody listens there
    with pytest.raises(EndpointError, match=r"cannot be reached.*: check OPENAI_BASE_URL$") as caught:
        await muralist.adraw(PROMPT, **blocks(), model="fake")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENAI_BASE_URL", "localhost:8000", "is 'localhost:8000': it has to begin with http:// or https://, such as"),
        ("OPENAI_BASE_URL", "http://me:eight/v1", "is 'http://me:eight/v1': port could not be cast"),
        ("OPENAI_API_KEY", "sk-se\ncret", "has characters that cannot be sent: paste it anew"),
    ],
)
async def test_an_address_or_a_key_that_is_none_is_named(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        await muralist.adraw(PROMPT, **blocks(), model="fake")
    assert str(caught.value).startswith(f"{name} {message}")


async def test_without_an_endpoint_an_unknown_model_is_said_to_need_one(blocks: Blocks) -> None:
    message = r"^there is no model 'big': choose offline.*, or set OPENAI_BASE_URL or OPENAI_API_KEY for a model behind"
    with pytest.raises(BadSettings, match=message):
        await muralist.adraw(PROMPT, **blocks(), model="big")


async def test_a_budget_of_money_needs_a_price(blocks: Blocks, serve: Serve) -> None:
    with serve(), pytest.raises(BadSettings, match=r"^money is 1, but prices does not say what 'fake' costs"):
        await muralist.adraw(PROMPT, **blocks(), model="fake", money=1)
