"""`muralist serve --http` as a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from mcp import Client
from typer.testing import CliRunner

from muralist.cli import app

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@contextmanager
def serving(command: list[str], environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address at which it serves, and the process."""
    process = subprocess.Popen(
        [*command, "serve", "--http", "--port", "0"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = ADDRESS.search(line)
        assert found, line + process.stderr.read()
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


async def test_clients_of_both_generations_are_served_until_it_is_interrupted(
    command: list[str], process_environment: dict[str, str]
) -> None:
    with serving(command, process_environment) as (address, process):
        for mode in ("auto", "legacy"):
            async with Client(f"{address}/mcp", mode=mode) as client:
                assert "generate_image" in [tool.name for tool in (await client.list_tools()).tools]
                opened = await client.call_tool("recaption", {"prompt": "a red car to the left of a blue vase"})
                assert opened.structured_content
                assert opened.structured_content["run_id"]
        async with httpx.AsyncClient() as http:
            health = await http.get(f"{address}/healthz")
        assert (health.status_code, health.text) == (200, "ok")
        assert "server" not in health.headers
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert out == ""
        assert "Traceback" not in err


def refused(*options: str) -> str:
    done = CliRunner().invoke(app, ["serve", *options])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    return line


def test_it_does_not_open_itself_to_other_machines_unguarded() -> None:
    assert "MURALIST_ALLOWED_HOSTS" in refused("--http", "--host", "0.0.0.0")


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port} cannot be listened on" in refused("--http", "--port", port)


def test_an_address_without_http_is_a_mistake() -> None:
    assert "go with --http" in refused("--port", "8321")
