"""`muralist serve`, as the clients of this folder meet it: in block world, over stdio, or with `--http` on a free port.

`--fixtures` mounts those of the conformance suite; `--real` paints with the shipped weights. In block world, a picture
at a seed from 100 on waits after its first step for the file that `MURALIST_TEST_GATE` names: a test can do something
while a job is under way. `MURALIST_TEST_PID` names a file for the id of the process, `MURALIST_TEST_PORT` a port.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "worlds")]


def main() -> None:
    """Serve until stdin closes, or over HTTP until killed."""
    from muralist.__main__ import main as muralist

    flags = set(sys.argv[1:])
    # Taken out of the environment: a server refuses variables of ours that it does not know.
    pid, port = os.environ.pop("MURALIST_TEST_PID", None), os.environ.pop("MURALIST_TEST_PORT", "0")
    gate = Path(os.environ.pop("MURALIST_TEST_GATE", os.devnull))
    if pid is not None:
        Path(pid).write_text(str(os.getpid()), encoding="utf-8")
    if "--real" not in flags:
        _install_blocks(gate)
    if "--fixtures" in flags:
        _mount_fixtures()
    sys.argv[1:] = ["serve", "--http", "--port", port] if "--http" in flags else ["serve"]
    muralist()


def _install_blocks(gate: Path) -> None:
    from block_world import install
    from gated_painter import GatedPainter

    os.environ |= {"MURALIST_BACKBONE": "blocks", "MURALIST_INSPECTOR": "blocks"}
    install(GatedPainter(gate=gate))


def _mount_fixtures() -> None:
    """Whoever builds the server from now on gets one with fixtures."""
    from fixtures_server import with_fixtures

    from muralist.server import mcp

    build = mcp.build_server

    def build_with_fixtures(*arguments: Any, **options: Any) -> Any:
        return with_fixtures(build(*arguments, **options))

    mcp.build_server = build_with_fixtures


if __name__ == "__main__":
    main()
