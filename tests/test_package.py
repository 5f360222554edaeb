"""What is installed: everything, and nothing but `muralist`."""

import ast
import shutil
import subprocess
import sys
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = tuple(
    "agent cli diffusion evals graphs intake parsing picturebook prompts runs server storage tools view".split()
)
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


DOORS = {"cli", "evals", "server"}
FORBIDDEN = {
    "tools": set(ROOMS) - {"tools"},
    "storage": set(ROOMS) - {"storage", "tools"},
    "parsing": set(ROOMS) - {"parsing", "tools"},
    "intake": set(ROOMS) - {"intake", "tools"},
    "view": set(ROOMS) - {"view", "tools"},
    "prompts": set(ROOMS) - {"prompts"},
    "agent": {"diffusion", "graphs", "picturebook", "runs", "storage", *DOORS},
    "diffusion": {"agent", "graphs", "parsing", "picturebook", "runs", "storage", *DOORS},
    "picturebook": {"agent", "graphs", "runs", "storage", *DOORS},
    "runs": {"graphs", *DOORS},
    "graphs": DOORS,
    "server": {"cli", "evals"},
}
"""Room to the rooms it must not know."""


@pytest.mark.parametrize("room", FORBIDDEN)
def test_a_room_knows_only_the_rooms_it_may(room: str) -> None:
    for file in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("muralist."):
                assert (node.module or "").split(".")[1] not in FORBIDDEN[room], f"{file}: {node.module}"


def test_imports_run_downhill_without_a_circle() -> None:
    known: dict[str, set[str]] = {room: set() for room in ("muralist", *ROOMS)}
    for room, below in known.items():
        for file in (ROOT / room).rglob("*.py"):
            if file.name == "__main__.py":  # where a process begins: nobody imports it
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                module = (
                    (node.module or "").split(".") if isinstance(node, ast.ImportFrom) and node.level == 0 else [""]
                )
                if module[0] == "muralist" and isinstance(node, ast.ImportFrom):
                    names = module[1:2] or [alias.name for alias in node.names]
                    below |= {name if name in known else "muralist" for name in names}
        below.discard(room)
    assert len(list(TopologicalSorter(known).static_order())) == len(known)
