"""What is installed: everything, and nothing but `muralist`."""

import ast
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("agent", "diffusion", "evals", "graphs", "picturebook", "prompts", "server", "tools")
SHIPPED = {".py", ".md", ".html", ".css", ".js", ".json", ".jsonl", ".safetensors", ".txt", ".typed"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from a clean copy."""
    copy = tmp_path_factory.mktemp("wheel") / "source"
    copy.mkdir()
    for name in ("muralist", *ROOMS):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "dist", "."]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    (built,) = (copy / "dist").glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_the_wheel_holds_every_file_of_every_room(wheel: set[str]) -> None:
    wanted = {f"muralist/{file.name}" for file in (ROOT / "muralist").iterdir() if file.suffix in SHIPPED}
    for room in ROOMS:
        for file in (ROOT / room).rglob("*"):
            if file.is_file() and file.suffix in SHIPPED and file.name != "README.md":
                wanted.add(f"muralist/{file.relative_to(ROOT)}")
    assert wanted - wheel == set()


def test_the_wheel_puts_nothing_but_muralist_at_the_top(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"muralist"}


@pytest.mark.parametrize("room", ["muralist", *ROOMS])
def test_no_room_is_imported_past_the_package(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.append(node.module)
            assert not {name.split(".")[0] for name in names} & set(ROOMS), f"{file}: import muralist.<room> instead"


FORBIDDEN = {
    "tools": {"agent", "diffusion", "evals", "graphs", "picturebook", "server"},
    "agent": {"diffusion", "graphs", "server", "evals"},
    "prompts": set(ROOMS) - {"prompts"},
    "diffusion": {"agent", "graphs", "server", "evals"},
    "graphs": {"server", "evals"},
    "picturebook": {"agent", "graphs", "server", "evals"},
}
"""Room to the rooms it must not know."""


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_knows_only_the_rooms_it_may(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("muralist."):
                assert (node.module or "").split(".")[1] not in FORBIDDEN[room], f"{file}: {node.module}"
