"""Processes of `serve.py`: the command line for clients that start it themselves, and servers over HTTP."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SERVE = Path(__file__).with_name("serve.py")


def stdio_command(*flags: str) -> list[str]:
    """What a client starts to speak over stdin and stdout."""
    return [sys.executable, str(SERVE), *flags]


@contextmanager
def over_http(*flags: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The URL of a server on a free port of this machine, for as long as the context lasts; its log is in its home."""
    command = stdio_command("--http", *flags)
    log = Path(environment["MURALIST_HOME"]) / "serve.log"
    with (
        log.open("a", encoding="utf-8") as kept,
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
        ) as process,
    ):
        url = _url(process, kept)
        rest = threading.Thread(target=shutil.copyfileobj, args=(process.stderr, kept))
        rest.start()
        try:
            if url is None:
                raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8')[-2000:]}")
            yield url
        finally:
            process.kill()
            rest.join()


def _url(process: subprocess.Popen[str], kept: IO[str]) -> str | None:
    """What the server says that it serves at, as soon as it does; None if it ends before."""
    assert process.stderr is not None
    for line in process.stderr:
        kept.write(line)
        kept.flush()
        if said := re.search(r"serving MCP at (\S+)", line):
            return said[1]
    return None


@contextmanager
def fresh_home() -> Iterator[dict[str, str]]:
    """This process's environment with a home folder of its own, and without anyone's endpoint."""
    with tempfile.TemporaryDirectory() as home:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MURALIST_", "OPENAI_"))}
        yield {**kept, "MURALIST_HOME": home}
