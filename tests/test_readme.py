"""Every snippet of the README and of docs/ runs, as a reader would paste it; every link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import fake_endpoint
import images_server
import pytest
from PIL import Image
from tiny_adapters import save_lora
from tiny_pipelines import tiny

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_OURS = ("make", "claude")
"""What begins with these would install everything anew, or needs a program that is not ours."""
LATEST = f"latest() {{ '{sys.executable}' -c 'import muralist; print(muralist.list_runs(1)[0].run_id)'; }}\n"
"""What a reader puts in place of RUN."""


def snippets(page: Path, language: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    return [snippet for snippet in snippets(page, "console") if not snippet.startswith(NOT_OURS)]


def script(page: Path) -> str:
    """All that a reader of the page would type, servers aside."""
    return "\n".join(snippet for snippet in commands(page) if "serve --http" not in snippet)


SERVING = [snippet for page in PAGES for snippet in commands(page) if "serve --http" in snippet]


def named(pages: list[Path]) -> list[object]:
    return [pytest.param(page, id=page.name) for page in pages]


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", named(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]*)\)|src=\"([^\"]*)\"", page.read_text(encoding="utf-8")):
        path, _, anchor = "".join(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in headings(target), link


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
    assert all(json.loads(snippet) for page in PAGES for snippet in snippets(page, "json"))


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


STOCK = "StableDiffusionXLPipeline"
"""The snippets that name it need a model of the hub."""
STANDING_IN = {
    "stabilityai/stable-diffusion-xl-base-1.0": "model",
    "cpu_offload()": 'cpu_offload(device="cpu")',
    "repeated_blocks()": 'repeated_blocks(backend="eager")',
}
"""A tiny model of the same family, in the reader's folder, a processor in place of a GPU, and no C++ compiler."""


@pytest.mark.slow
@pytest.mark.parametrize("page", named([page for page in PAGES if snippets(page, "python")]))
def test_the_python_snippets_run_in_their_order(tmp_path: Path, reader: dict[str, str], page: Path) -> None:
    typed = [snippet for snippet in snippets(page, "python") if STOCK not in snippet]
    run([sys.executable, "-c", "\n".join(typed)], tmp_path, reader)


@pytest.mark.slow
def test_the_readmes_stock_pipeline_paints_its_regions(tmp_path: Path, reader: dict[str, str]) -> None:
    """With the LoRA, offloading and compiled blocks of the snippet."""
    pipe = tiny("SDXL")
    pipe.save_pretrained(tmp_path / "model")
    save_lora(pipe, tmp_path / "lora.safetensors")
    (snippet,) = (each for page in PAGES for each in snippets(page, "python") if STOCK in each)
    for told, here in STANDING_IN.items():
        assert snippet.count(told) == 1
        snippet = snippet.replace(told, here)
    run([sys.executable, "-c", snippet + 'image.save("image.png")'], tmp_path, reader)
    with Image.open(tmp_path / "image.png") as image:
        assert min(high - low for low, high in image.getextrema()) > 0, "it is of one colour"


@pytest.mark.slow
@pytest.mark.parametrize("page", named([page for page in PAGES if script(page)]))
def test_the_shell_snippets_run_in_their_order(tmp_path: Path, reader: dict[str, str], page: Path) -> None:
    typed = script(page)
    with (
        fake_endpoint.serving(lambda names, request: ("seen", {"colour": "Red."}), fake_endpoint.tools) as fake,
        images_server.serving(model="Qwen/Qwen-Image") as painter,
    ):
        typed = typed.replace("http://localhost:8000/v1", fake.url).replace(" RUN", " $(latest)")
        typed = typed.replace("http://localhost:8001/v1", painter.url)
        run(["bash", "-ec", LATEST + typed], tmp_path, reader)


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
