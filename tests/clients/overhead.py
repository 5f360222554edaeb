"""What the server itself costs: starting beside a bare server of the same SDK, memory, and time per call.

    python tests/clients/overhead.py [--rounds 15]

Time per call is in block world, less what painter, inspector and chat model took: what is left is protocol, graph,
tools and store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "worlds")]

from block_world import BlockInspector, BlockPainter, install  # noqa: E402
from mcp_client import PROMPT, served, structure  # noqa: E402
from servers import fresh_home  # noqa: E402

from muralist.agent import OfflineChatModel  # noqa: E402
from muralist.runs import wiring  # noqa: E402

BARE = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("bare")
@server.tool(description="Say hello.")
def hello(name: str) -> str:
    return name
server.run("stdio")
"""
HEAVY = ("torch", "diffusers", "transformers", "langgraph")
MUST = {"starting": 1.3, "megabytes": 150, "milliseconds": 50, "kilobytes": 150}


def started(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until `tools/list` is answered, and megabytes that are resident then."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "overhead", "version": "1"}}
    for method, number, params in (
        ("initialize", 1, hello), ("notifications/initialized", None, {}), ("tools/list", 2, {}),
    ):  # fmt: skip
        numbered = {} if number is None else {"id": number}
        process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **numbered}) + "\n")
        process.stdin.flush()
        if number is not None:
            process.stdout.readline()
    seconds = time.perf_counter() - began
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))
    loaded = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
    process.stdin.close()
    process.wait()
    if heavy := [name for name in HEAVY if f"/{name}/" in loaded]:
        raise RuntimeError(f"{' '.join(command)} has loaded {', '.join(heavy)}")
    return seconds, int(found[1]) / 1024 if found else 0.0


def starting(rounds: int, environment: dict[str, str]) -> dict[str, float]:
    """The server beside a bare one, in turns."""
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(started([sys.executable, "-c", BARE], environment))
        ours.append(started([sys.executable, "-m", "muralist", "serve"], environment))
    (bare_seconds, bare_memory), (our_seconds, our_memory) = (
        [statistics.median(column) for column in zip(*measured, strict=True)] for measured in (bare, ours)
    )
    ratio = our_seconds / bare_seconds
    print(f"starting until tools/list is answered: {our_seconds:.2f} s, bare {bare_seconds:.2f} s, ratio {ratio:.2f}")
    print(f"resident memory then: {our_memory:.0f} MB, bare {bare_memory:.0f} MB")
    return {"starting": ratio, "megabytes": our_memory}


class Clock:
    """Adds up the seconds that painter and inspector take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


class TimedPainter(BlockPainter):
    clock = Clock()

    def _paint(self, *args: Any) -> Any:
        return self.clock.timed(super()._paint)(*args)


class TimedInspector(BlockInspector):
    async def inspect(self, *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return await super().inspect(*args)
        finally:
            TimedPainter.clock.seconds += time.perf_counter() - began


class TimedModel(OfflineChatModel):
    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        return TimedPainter.clock.timed(super()._generate)(*args, **kwargs)


async def calling(rounds: int) -> dict[str, float]:
    """Milliseconds of each tool without any model, and kilobytes of its result."""
    install(TimedPainter(), TimedInspector())
    wiring.CHAT_MODELS["offline"] = lambda _: TimedModel()
    slowest, largest = 0.0, 0
    async with served() as client:
        made = structure(await client.call_tool("generate_image", {"prompt": PROMPT}))  # imports what paints
        run_id = structure(await client.call_tool("recaption", {"prompt": PROMPT}))["run_id"]
        calls: dict[str, Callable[[int], dict[str, Any]]] = {
            "generate_image": lambda number: {"prompt": PROMPT, "seed": number},
            "recaption": lambda number: {"prompt": PROMPT},
            "plan": lambda number: {"run_id": run_id},
            "regional_diffuse": lambda number: {"run_id": run_id, "seed": number},
            "inspect_and_edit": lambda number: {"run_id": run_id},
            "get_job": lambda number: {"job_id": made["job_id"]},
            "view_image": lambda number: {"image_id": made["image_id"]},
            "list_images": lambda number: {},
        }
        for name, arguments in calls.items():
            took, size = [], 0
            for number in range(1, rounds + 1):
                before, began = TimedPainter.clock.seconds, time.perf_counter()
                result = await client.call_tool(name, arguments(number))
                seconds = time.perf_counter() - began - (TimedPainter.clock.seconds - before)
                structure(result)
                took.append(1e3 * seconds)
                size = max(size, len(result.model_dump_json(by_alias=True, exclude_none=True)))
            median = statistics.median(took)
            slowest, largest = max(slowest, median), max(largest, size)
            print(f"{name:18} {median:5.1f} ms without models, {size / 1000:5.1f} KB")
    return {"milliseconds": slowest, "kilobytes": largest / 1000}


def main() -> int:
    """Print it all; 1 if something is beyond what it must be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"mcp {version('mcp')}, Python {sys.version.split()[0]}, block world")
    with fresh_home() as environment:
        measured = starting(rounds, environment)
    with fresh_home() as environment:
        blocks = {"BACKBONE": "blocks", "INSPECTOR": "blocks", "STEPS": "3", "IMAGES": "100"}
        os.environ |= {**environment, **{f"MURALIST_{name}": value for name, value in blocks.items()}}
        measured |= asyncio.run(calling(rounds))
    missed = [f"{name} {measured[name]:.2f} > {bar}" for name, bar in MUST.items() if measured[name] > bar]
    print(f"missed: {', '.join(missed)}" if missed else "all within what they must be")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
