"""Every snippet of the README runs, as a reader would paste it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import fake_endpoint
import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
NOT_OURS = ("make", "claude")
"""What begins with these would install everything anew, or needs a program that is not ours."""


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


CONSOLE = [snippet for snippet in snippets("console") if not snippet.startswith(NOT_OURS)]
SERVING = [snippet for snippet in CONSOLE if "serve --http" in snippet]


@pytest.fixture
def reader(tmp_path: Path) -> dict[str, str]:
    """The environment of a reader who has installed `muralist`."""
    settings = {"MURALIST_HOME": str(tmp_path / "home")}
    command = tmp_path / "bin" / "muralist"
    command.parent.mkdir()
    exports = "".join(f"export {name}='{value}'\n" for name, value in settings.items())  # an MCP client passes none on
    command.write_text(f"#!/bin/sh\n{exports}exec '{sys.executable}' -m muralist \"$@\"\n", encoding="utf-8")
    command.chmod(0o755)
    return {**os.environ, **settings, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}


def test_every_configuration_is_json() -> None:
    assert all(json.loads(snippet) for snippet in snippets("json"))


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_python_snippets_run_in_their_order(tmp_path: Path, reader: dict[str, str]) -> None:
    run([sys.executable, "-c", "\n".join(snippets("python"))], tmp_path, reader)


@pytest.mark.slow
@pytest.mark.parametrize("snippet", [snippet for snippet in CONSOLE if snippet not in SERVING])
def test_every_shell_snippet_runs(tmp_path: Path, reader: dict[str, str], snippet: str) -> None:
    with fake_endpoint.serving(lambda names, request: ("seen", {"colour": "Red."}), fake_endpoint.tools) as fake:
        run(["bash", "-ec", snippet.replace("http://localhost:8000/v1", fake.url)], tmp_path, reader)


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SERVING)
def test_every_server_listens_until_it_is_interrupted(tmp_path: Path, reader: dict[str, str], snippet: str) -> None:
    script = snippet.replace("muralist serve", "exec muralist serve --port 0")
    server = subprocess.Popen(
        ["bash", "-c", script], cwd=tmp_path, env=reader, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    try:
        assert "http://0.0.0.0:" in server.stderr.readline()
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=30) == 130
    finally:
        server.kill()
        server.communicate()
