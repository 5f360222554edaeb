"""Python clients that others wrote, each in an environment of its own: they list, paint, wait, and get the picture.

    python tests/clients/python_clients.py [--blocks]

The shipped weights paint, or with `--blocks` the painter of block world. Exits with 1 if a client does not get there.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from foreign import Absent, python_environment
from servers import fresh_home, over_http, stdio_command

HERE = Path(__file__).parent
FASTMCP = "fastmcp-slim[client]==4.1.6"
"""The client of `fastmcp` 4, without what its servers need."""
LANGCHAIN = "langchain-mcp-adapters==0.3.2"
PUBLIC = "HTTP, public"
"""A server that knows how the outside reaches it gives links that a browser can open."""
LATE = 300
"""Seconds after which a client is given up."""


def main() -> int:
    """Run every client over both transports, and print a table."""
    painter = [] if "--blocks" in sys.argv else ["--real"]
    try:
        commands = clients()
    except Absent as absent:
        print(f"the Python clients were not run: {absent}")
        return 1
    failed = []
    print(f"painted by {'the shipped weights' if painter else 'block world'}; server: mcp {version('mcp')}\n")
    print(
        f"{'client':<46}{'transport':<14}{'protocol':<12}{'tools':>5}{'passed':>8}{'picture':>10}{'link':>8}  thumbnail"
    )
    for transport in ("stdio", "HTTP", PUBLIC):
        with fresh_home() as environment, served(transport, painter, environment) as target:
            for name, command in commands:
                try:
                    got = ran([*command, *target], environment)
                except RuntimeError as error:
                    failed.append(f"{name}, {transport}: {error}")
                    continue
                print(
                    f"{got['client']:<46}{transport:<14}{got['protocol']:<12}{got['tools']:>5}"
                    f"{'yes' if got['passed'] else 'no':>8}{'x'.join(map(str, got['png'])):>10}{got['link']:>8}"
                    f"  {got['thumbnail']}"
                )
    for line in failed:
        print(f"\nFAILED {line}")
    return 1 if failed else 0


@contextmanager
def served(transport: str, painter: list[str], environment: Mapping[str, str]) -> Iterator[list[str]]:
    """What a client is told: the command to start, or the URL of what runs."""
    if transport == "stdio":
        yield stdio_command(*painter)
        return
    if transport == PUBLIC:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        environment = {**environment, "MURALIST_TEST_PORT": port, "MURALIST_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    with over_http(*painter, environment=environment) as url:
        yield [url]


def clients() -> list[tuple[str, list[str]]]:
    """Names and commands; an environment is made where there is none yet. Raises Absent."""
    fastmcp = [str(python_environment(FASTMCP)), str(HERE / "fastmcp_client.py")]
    langchain = [str(python_environment(LANGCHAIN)), str(HERE / "langchain_client.py")]
    return [
        ("fastmcp, 2026-07-28", [*fastmcp, "2026-07-28"]),
        ("fastmcp, legacy", [*fastmcp, "legacy"]),
        ("langchain-mcp-adapters", langchain),
    ]


def ran(command: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """What the client says it got. Raises RuntimeError with the end of what it said otherwise."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=LATE)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"nothing after {LATE} s") from None
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-600:])
    got: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return got


if __name__ == "__main__":
    sys.exit(main())
