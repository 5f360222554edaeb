"""A chat model on this machine gives its memory to a painter that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fake_endpoint
import ollama
import pytest
from langchain_core.messages import HumanMessage
from ollama import Ollama
from pydantic import BaseModel

from muralist.agent.endpoint import Endpoint
from muralist.agent.endpoint.local_server import note_use
from muralist.tools.address import Address
from muralist.tools.device_memory import MEMORY, Holder

GB = 10**9


@pytest.fixture(autouse=True)
def _nobody_else() -> Iterator[None]:
    MEMORY.clear()
    yield
    MEMORY.clear()


def noted(server: Ollama, model: str = "qwen3-vl:8b") -> Holder:
    note_use(Address(server.url), model)
    (holder,) = MEMORY.others()
    return holder


def test_it_is_unloaded_when_there_is_no_room_beside_it_and_counted_as_long_as_it_is_there() -> None:
    with ollama.serving(Ollama({"qwen3-vl:8b": (7 * GB, 6 * GB), "another:latest": (GB, GB)})) as server:
        holder = noted(server)

        def free(device: str) -> int:
            return 16 * GB - sum(on_gpu for _, on_gpu in server.loaded.values())

        assert (holder.held("cuda"), holder.held("cpu"), holder.needs("cuda")) == (6 * GB, GB, 0)
        assert MEMORY.make_room("cuda", 9 * GB, free=free, wait=True) == []
        assert MEMORY.make_room("cuda", 12 * GB, free=free, wait=True) == [holder.name]
        assert list(server.loaded) == ["another:latest"]  # which nobody here has asked anything
        assert holder.held("cuda") == 0


def test_a_model_without_a_tag_is_the_latest() -> None:
    with ollama.serving(Ollama({"llava:latest": (5 * GB, 5 * GB)})) as server:
        assert noted(server, "llava").held("cuda:0") == 5 * GB


def test_one_that_answers_somebody_is_left_alone() -> None:
    with ollama.serving(Ollama({"qwen3-vl:8b": (GB, GB)}, busy={"qwen3-vl:8b"})) as server:
        assert noted(server).unload(wait=False) is False


@pytest.mark.parametrize("answer", [[], {"models": [{"name": "m"}]}, {"models": "none"}, {"object": "list"}])
def test_a_server_that_is_none_holds_nothing_and_is_asked_once(answer: Any) -> None:
    with ollama.serving(Ollama({}, answer=answer)) as server:
        holder = noted(server)
        assert [holder.held("cuda") for _ in range(3)] == [0, 0, 0]
        assert len(server.asked) == 1


def test_a_server_that_is_busy_is_asked_again() -> None:
    with ollama.serving(Ollama({"qwen3-vl:8b": (GB, GB)}, refusals=1)) as server:
        holder = noted(server)
        assert [holder.held("cuda") for _ in range(2)] == [0, GB]


def test_a_server_that_is_gone_holds_nothing() -> None:
    with ollama.serving(Ollama({"qwen3-vl:8b": (GB, GB)})) as server:
        holder = noted(server)
    assert holder.held("cuda") == 0
    assert holder.unload(wait=True) is False


class Seen(BaseModel):
    """What is seen."""

    colour: str


async def test_whoever_is_asked_on_this_machine_counts_and_nobody_elsewhere_does() -> None:
    note_use(Address("https://models.example/v1"), "m")
    assert MEMORY.others() == []
    with fake_endpoint.serving(lambda names, request: ("seen", {"colour": "red"}), fake_endpoint.tools) as fake:
        await Endpoint("m", base_url=fake.url).ask([HumanMessage("Which colour?")], Seen)
        (holder,) = MEMORY.others()
        assert holder.name.startswith("m at http://127.0.0.1:")
        assert holder.held("cuda") == 0
