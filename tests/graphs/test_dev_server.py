"""`langgraph dev` serves the graph, and a client of its SDK draws through it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("langgraph_api", reason="langgraph-cli[inmem] is part of the dev extra")
from langgraph_sdk import get_client

WORLDS = Path(__file__).parents[1] / "worlds"
GRAPH = """
from block_world import BlockPainter, install
from muralist.graphs.rpg import graph

install(BlockPainter(faults={0: [1]}))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server whose graph is the shipped one, with block world installed."""
    tmp_path = tmp_path_factory.mktemp("studio")
    (tmp_path / "studio.py").write_text(GRAPH, encoding="utf-8")
    config = {"dependencies": ["."], "graphs": {"rpg": "./studio.py:graph"}}
    (tmp_path / "langgraph.json").write_text(json.dumps(config), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "MURALIST_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(WORLDS),
    }
    command = Path(sys.executable).with_name("langgraph")
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen(
        [command, "dev", "--no-browser", "--no-reload", "--port", str(port)],
        cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/ok", process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
        while time.monotonic() < end and process.poll() is None:
            try:
                if client.get(url, timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise AssertionError(f"langgraph dev does not answer at {url}")


async def test_a_client_of_the_dev_server_gets_every_step_and_a_verified_picture(server: str) -> None:
    client = get_client(url=server)
    thread = await client.threads.create()
    kinds = []
    async for part in client.runs.stream(
        thread["thread_id"],
        "rpg",
        input={"messages": [{"role": "user", "content": "a red cup, a blue book and a green apple"}]},
        context={"backbone": "blocks", "inspector": "blocks", "steps": 2},
        stream_mode=["custom"],
    ):
        assert part.event != "error", part.data
        if part.event == "custom":
            kinds.append(part.data["kind"])
    state = await client.threads.get_state(thread["thread_id"])
    assert kinds.count("step") == 2 * kinds.count("painting") == 4
    assert kinds[-1] == "finished"
    assert state["values"]["run"]["status"] == "done"
    assert state["values"]["messages"][-1]["content"].startswith("Done: the picture shows everything")


async def test_the_dev_server_shows_the_settings_as_the_graphs_context(server: str) -> None:
    client = get_client(url=server)
    (assistant,) = await client.assistants.search(graph_id="rpg")
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])
    assert {"backbone", "model", "inspector", "rounds", "seed", "plan"} <= set(schemas["context_schema"]["properties"])
    assert set(schemas["input_schema"]["properties"]) == {"messages", "prompt", "run"}
