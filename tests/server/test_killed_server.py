"""A server that is killed while it paints: the next one goes on with the run, to the same picture."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp_client import structure, text
from mortal import PROMPT

from muralist.storage import FileStore

SERVER = Path(__file__).parents[1] / "worlds" / "mortal_server.py"


def server(home: Path, point: str, number: int) -> Any:
    environment = {
        **os.environ, "MURALIST_HOME": str(home), "MURALIST_BACKBONE": "blocks", "MURALIST_INSPECTOR": "blocks",
        "MURALIST_STEPS": "3",
    }  # fmt: skip
    command = StdioServerParameters(command=sys.executable, args=[str(SERVER), point, str(number)], env=environment)
    return Client(stdio_client(command))


async def finished(client: Client, job_id: str) -> dict[str, Any]:
    while True:
        found = structure(await client.call_tool("get_job", {"job_id": job_id, "wait_seconds": 30}))
        if found["status"] not in ("queued", "working"):
            return found


async def pixels(home: Path, image_id: str) -> str:
    return hashlib.sha256((await FileStore(home).get_image(image_id)).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The home of a server that nothing happens to, and what it painted."""
    home = tmp_path_factory.mktemp("whole")

    async def painted() -> dict[str, Any]:
        async with server(home, "never", 1) as client:
            return structure(await client.call_tool("generate_image", {"prompt": PROMPT, "wait_seconds": 50}))

    return home, asyncio.run(painted())


async def killed(home: Path, point: str, number: int) -> str:
    """The id of the job whose server dies at that point."""
    job_id = ""
    try:
        async with server(home, point, number) as client:
            begun = structure(await client.call_tool("generate_image", {"prompt": PROMPT, "wait_seconds": 0}))
            job_id = begun["job_id"]
            await finished(client, job_id)
    except BaseExceptionGroup:  # however the client sees that its server is gone
        return job_id
    raise AssertionError(f"{point} {number} is never reached")


@pytest.mark.slow
@pytest.mark.parametrize(("point", "number"), [("save", 6), ("stored", 1), ("judged", 1), ("step", 2)])
async def test_the_next_server_goes_on_with_a_run_that_was_killed(
    tmp_path: Path, whole: tuple[Path, dict[str, Any]], point: str, number: int
) -> None:
    home, (reference_home, expected) = tmp_path / "home", whole
    job_id = await killed(home, point, number)
    async with server(home, "never", 1) as client:
        told = await client.call_tool("get_job", {"job_id": job_id})
        assert structure(told)["status"] == "failed"
        assert f"generate_image with run_id {job_id}" in text(told)
        structure(await client.call_tool("generate_image", {"run_id": job_id, "wait_seconds": 0}))
        done = await finished(client, job_id)
    assert (done["status"], done["attempts"], done["passed"]) == ("done", expected["attempts"], True)
    assert await pixels(home, done["image_id"]) == await pixels(reference_home, expected["image_id"])
    run, _ = await FileStore(home).load_run(job_id, "local")
    reference, _ = await FileStore(reference_home).load_run(expected["run_id"], "local")
    assert run.usage.model_copy(update={"seconds": 0.0}) == reference.usage.model_copy(update={"seconds": 0.0})
