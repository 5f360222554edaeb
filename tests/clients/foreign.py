"""Clients that others wrote, installed by version into the user's cache: Node packages, and Python environments."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

CACHE = user_cache_path("muralist") / "clients"
NODE = "22"
"""Major version of Node; npm has it as a package, so that an older one on the machine does not matter."""


class Absent(Exception):
    """A client cannot be had on this machine; the message says why, in one line."""


@dataclass(frozen=True)
class NodePackage:
    """An npm package and the Node to run it with."""

    node: Path
    folder: Path

    @property
    def node_version(self) -> str:
        """As Node prints it, e.g. `v22.23.3`."""
        return subprocess.run([self.node, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def command(self, name: str) -> list[str]:
        """One of the package's commands."""
        return [str(self.node), str((self.folder.parents[1] / ".bin" / name).resolve())]


def node_package(name: str, version: str) -> NodePackage:
    """Install `@scope/package` once. Raises Absent."""
    npm = shutil.which("npm")
    if npm is None:
        raise Absent("npm is not installed")
    root = CACHE / f"{name.replace('/', '_')}-{version}"
    if not (root / ".complete").exists():
        wanted = [f"{name}@{version}", f"node@{NODE}"]
        _install([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(root), *wanted], root)
    node = min(root.glob("node_modules/node/**/bin/node"), default=None, key=lambda path: len(path.parts))
    if node is None:
        raise Absent(f"npm's node@{NODE} has no executable for this machine")
    return NodePackage(node, root / "node_modules" / name)


def python_environment(requirement: str) -> Path:
    """The interpreter of a virtual environment that has one `package==version`, made once. Raises Absent."""
    root = CACHE / re.sub(r"[^\w.]+", "-", requirement)
    python = root / "bin" / "python"
    if not (root / ".complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(root)], check=True)
        _install([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement], root)
    return python


def _install(command: list[str], root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise Absent(f"{Path(command[0]).name} could not install {command[-1]}: {last[:200]}")
    (root / ".complete").touch()
