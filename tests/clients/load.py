"""Fifty clients over HTTP for a minute: no job is lost, no result is somebody else's, memory stays flat.

python tests/clients/load.py [--clients 50] [--seconds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from servers import fresh_home, over_http

OWNERS = {f"owner{number}": f"the-token-of-owner-{number}" for number in range(5)}
PAUSE = 1.0
"""Seconds between two looks of a client at its job."""
COLOURS = ("red", "green", "blue", "yellow", "purple")
NOUNS = ("car", "vase", "book", "cup")
MEGABYTE = 1024


@dataclass
class Tally:
    """What the clients saw."""

    begun: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """Job to owner, prompt and seed."""
    ended: Counter[str] = field(default_factory=Counter)
    mixed: list[str] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    """Seconds that each get_job took which did not wait."""
    busy: int = 0


@asynccontextmanager
async def client_of(url: str, token: str, mode: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


async def paint_on(number: int, url: str, until: float, tally: Tally) -> None:
    """One client: begin a picture, look at its job until it is finished, check whose it is, begin the next."""
    chance = random.Random(number)
    owner = list(OWNERS)[number % len(OWNERS)]
    async with client_of(url, OWNERS[owner], ("auto", "legacy")[number % 2]) as client:
        while time.monotonic() < until:
            things = chance.sample([f"a {colour} {noun}" for colour in COLOURS for noun in NOUNS], 2)
            prompt, seed = f"{things[0]} to the left of {things[1]}", chance.randrange(90)
            begun = await client.call_tool("generate_image", {"prompt": prompt, "seed": seed, "wait_seconds": 0})
            if begun.is_error:
                tally.busy += 1
                await asyncio.sleep(PAUSE)
                continue
            job_id = begun.structured_content["job_id"]
            tally.begun[job_id] = owner, prompt, seed
            job = await _followed(client, job_id, tally)
            tally.ended[job["status"]] += 1
            if job["status"] == "done":
                await _checked(client, job, prompt, seed, tally)


async def _followed(client: Client, job_id: str, tally: Tally) -> dict[str, Any]:
    while True:
        await asyncio.sleep(PAUSE)
        began = time.perf_counter()
        result = await client.call_tool("get_job", {"job_id": job_id, "wait_seconds": 0})
        tally.looks.append(time.perf_counter() - began)
        job: dict[str, Any] = result.structured_content
        if job["status"] not in ("queued", "working"):
            return job


async def _checked(client: Client, job: dict[str, Any], prompt: str, seed: int, tally: Tally) -> None:
    (content,) = (await client.read_resource(f"image://{job['image_id']}/metadata")).contents
    known = json.loads(content.text)
    if (known["scene"]["prompt"], known["options"]["seed"]) != (prompt, seed):
        tally.mixed.append(job["job_id"])


async def strangers(url: str, tally: Tally) -> int:
    """How many of the jobs somebody else can see."""
    seen = 0
    for owner, token in OWNERS.items():
        async with client_of(url, token, "auto") as client:
            for job_id, (whose, *_) in list(tally.begun.items())[:40]:
                if whose != owner:
                    result = await client.call_tool("get_job", {"job_id": job_id, "wait_seconds": 0})
                    seen += not result.is_error
    return seen


def resident(pid: int) -> float:
    """Megabytes of a process that are in memory."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    return int(found[1]) / MEGABYTE if found else 0.0


async def measure(url: str, pid: int, clients: int, seconds: float) -> str:
    """Run them all."""
    tally, memory = Tally(), []
    until = time.monotonic() + seconds

    async def watch() -> None:
        while True:
            await asyncio.sleep(seconds / 12)
            memory.append(resident(pid))

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(paint_on(number, url, until, tally) for number in range(clients)))
    watching.cancel()
    lost = len(tally.begun) - tally.ended.total()
    looks = sorted(tally.looks)
    foreign = await strangers(url, tally)
    third = len(memory) // 3
    lines = [
        f"{clients} clients of {len(OWNERS)} owners, both generations of the protocol, {seconds:.0f} s",
        f"jobs: {len(tally.begun)} begun, {dict(tally.ended)}, {lost} lost, {tally.busy} refused as busy",
        f"results of somebody else: {len(tally.mixed)}; jobs that a stranger could see: {foreign}",
        f"get_job: {len(looks)} calls, median {1e3 * statistics.median(looks):.0f} ms, "
        f"p95 {1e3 * looks[int(0.95 * len(looks))]:.0f} ms, longest {1e3 * looks[-1]:.0f} ms",
        f"memory of the server: {memory[third]:.0f} MB after a third, {memory[-1]:.0f} MB at the end",
    ]
    if lost or tally.mixed or foreign or set(tally.ended) - {"done"}:
        lines.append("FAILED")
    return "\n".join(lines)


def main() -> int:
    """Print what was measured; 1 if a job was lost, mixed up or failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with fresh_home() as environment:
        pid = Path(environment["MURALIST_HOME"]) / "pid"
        environment |= {
            "MURALIST_BEARER_TOKENS": json.dumps(OWNERS),
            "MURALIST_JOBS_WAITING": "1000",
            "MURALIST_STEPS": "3",
            "MURALIST_TEST_PID": str(pid),
        }
        with over_http(environment=environment) as url:
            told = asyncio.run(measure(url, int(pid.read_text(encoding="utf-8")), given.clients, given.seconds))
    print(told)
    return int("FAILED" in told)


if __name__ == "__main__":
    sys.exit(main())
