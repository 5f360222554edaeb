"""Both transports and both generations of the protocol, with servers in processes of their own: a job outlives whoever
asked for it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from gated_painter import HELD_FROM
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.types import BlobResourceContents
from mcp_client import PROMPT, structure
from servers import over_http, stdio_command

pytestmark = pytest.mark.slow

PATIENCE = 2.0
"""Seconds after which the impatient client gives up."""


@dataclass(frozen=True)
class Place:
    """A home folder, where servers are started one after the other, unless one runs already; and how to speak to it."""

    transport: str
    mode: str
    folder: Path
    running: str | None = None
    """The URL of a server that runs there."""

    @property
    def gate(self) -> Path:
        """Pictures at seeds from 100 on go on once this file exists."""
        return self.folder / "gate"

    @property
    def environment(self) -> dict[str, str]:
        """What the server is told."""
        return {
            **os.environ,
            "MURALIST_HOME": str(self.folder),
            "MURALIST_STEPS": "3",
            "MURALIST_TEST_GATE": str(self.gate),
            "MURALIST_TEST_PID": str(self.folder / "pid"),
        }

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A client, and a server if none runs."""
        with ExitStack() as stack:
            if self.transport == "stdio":
                command, *arguments = stdio_command()
                parameters = StdioServerParameters(command=command, args=arguments, env=self.environment)
                target: Any = stdio_client(parameters)
            else:
                target = self.running or stack.enter_context(over_http(environment=self.environment))
            async with Client(target, mode=self.mode) as client:
                yield client

    def kill(self) -> None:
        """`kill -9` the server."""
        os.kill(int((self.folder / "pid").read_text(encoding="utf-8")), signal.SIGKILL)


@pytest.fixture(params=["stdio, legacy", "stdio, 2026-07-28", "HTTP, legacy", "HTTP, 2026-07-28"])
def own_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for one test."""
    transport, mode = request.param.split(", ")
    return Place(transport, mode, tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server over HTTP that several tests share."""
    place = Place("HTTP", "auto", tmp_path_factory.mktemp("home"))
    with over_http(environment=place.environment) as url:
        yield replace(place, running=url)


@pytest.fixture
def place(own_place: Place, request: pytest.FixtureRequest) -> Place:
    """A place that may be shared with other tests."""
    if own_place.transport == "stdio":
        return own_place
    shared: Place = request.getfixturevalue("running")
    shared.gate.unlink(missing_ok=True)
    return replace(shared, mode=own_place.mode)


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return structure(await client.call_tool(tool, arguments))


async def ended(client: Client, job_id: str) -> dict[str, Any]:
    """The job once it is finished, one way or the other."""
    for _ in range(6):
        job = await called(client, "get_job", job_id=job_id, wait_seconds=10)
        if job["status"] not in ("queued", "working"):
            return job
    raise AssertionError(f"after a minute the job is still {job['status']}")


async def is_png(client: Client, image_id: str) -> bool:
    (content,) = (await client.read_resource(f"image://{image_id}")).contents
    return isinstance(content, BlobResourceContents) and content.blob.startswith("iVBORw0KGgo")


async def test_progress_only_ever_grows(place: Place) -> None:
    reports: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert total is None or progress <= total
        reports.append(progress)

    async with place.client() as client:
        made = await client.call_tool("generate_image", {"prompt": PROMPT}, progress_callback=note)
        assert structure(made)["status"] == "done"
        assert await is_png(client, structure(made)["image_id"])
    assert len(reports) > 1
    assert reports == sorted(set(reports))


async def test_a_job_that_is_cancelled_ends_and_the_next_one_is_painted(place: Place) -> None:
    async with place.client() as client:
        job = await called(client, "generate_image", prompt=PROMPT, seed=HELD_FROM, wait_seconds=0)
        while not job["progress"].get("step"):
            assert job["status"] in ("queued", "working")
            job = await called(client, "get_job", job_id=job["job_id"], wait_seconds=1)
        await called(client, "cancel_job", job_id=job["job_id"])
        assert (await ended(client, job["job_id"]))["status"] == "cancelled"
        assert (await called(client, "generate_image", prompt=PROMPT))["status"] == "done"


async def test_a_job_outlives_the_patience_of_its_client(place: Place) -> None:
    async with place.client() as client:
        run_id = (await called(client, "recaption", prompt=PROMPT))["run_id"]
        await called(client, "plan", run_id=run_id)
        asked = {"run_id": run_id, "seed": HELD_FROM, "wait_seconds": 25}
        with pytest.raises(MCPError, match=r"[Tt]imed out"):
            await client.call_tool("regional_diffuse", asked, read_timeout_seconds=PATIENCE)
        assert (await called(client, "get_job", job_id=run_id, wait_seconds=0))["status"] in ("queued", "working")
        place.gate.touch()
        job = await ended(client, run_id)
        assert job["status"] == "done"
        assert await is_png(client, job["image_id"])


async def test_ids_survive_a_server_that_is_killed(own_place: Place) -> None:
    killed = False
    try:
        async with own_place.client() as client:
            finished = await called(client, "generate_image", prompt=PROMPT)
            begun = await called(client, "generate_image", prompt=PROMPT, seed=HELD_FROM, wait_seconds=0)
            own_place.kill()
            killed = True
    except Exception:
        if not killed:
            raise  # otherwise it is the broken connection, which each transport takes in its own way
    async with own_place.client() as client:
        job = await called(client, "get_job", job_id=finished["job_id"])
        assert (job["status"], job["image_id"]) == ("done", finished["image_id"])
        assert await is_png(client, job["image_id"])
        interrupted = await called(client, "get_job", job_id=begun["job_id"])
        assert interrupted["status"] == "failed"
        assert "stopped" in interrupted["error"]
