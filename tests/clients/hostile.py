"""Hostile inputs over HTTP, and how each is turned away.

    python tests/clients/hostile.py

What needs a network of its own (redirects into it, names that change their address) is in
`tests/server/test_fetching.py`, tokens of OAuth issuers in `tests/server/test_auth.py`.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import struct
import sys
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from load import client_of
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import TextContent
from PIL import Image
from servers import fresh_home, over_http

PROMPT = "a red car to the left of a blue vase"
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2025-11-25",
}
Case = tuple[str, Callable[[], Awaitable[str | None]]]
"""What is tried, and how: the refusal, None if there was none."""


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def animated() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
    return buffer.getvalue()


def folders(home: Path) -> tuple[Path, Path]:
    """An open folder with traps in it, and a closed one."""
    opened, closed = home / "open", home / "closed"
    for folder in (opened, closed):
        folder.mkdir()
        (folder / "a.png").write_bytes(picture())
    (opened / "link.png").symlink_to(closed / "a.png")
    os.mkfifo(opened / "fifo.png")
    return opened, closed


def by_tools(ann: Client, bob: Client, theirs: dict[str, Any], opened: Path, closed: Path) -> list[Case]:
    """What is tried through tools and resources. `theirs` is Ann's job."""

    def call(tool: str, client: Client = ann, **arguments: Any) -> Callable[[], Awaitable[str | None]]:
        async def act() -> str | None:
            try:
                result = await client.call_tool(tool, arguments)
            except MCPError as error:
                return f"{error.code}: {error.message}"
            said = " ".join(block.text for block in result.content if isinstance(block, TextContent))
            return said if result.is_error else None

        return act

    def read(client: Client, uri: str) -> Callable[[], Awaitable[str | None]]:
        async def act() -> str | None:
            try:
                await client.read_resource(uri)
            except MCPError as error:
                return f"{error.code}: {error.message}"
            return None

        return act

    image, run = theirs["image_id"], theirs["run_id"]
    urls = (
        "http://example.com/a.png", "https://127.0.0.1/a.png", "https://localhost/a.png", "https://[::1]/a.png",
        "https://169.254.169.254/latest/meta-data", "https://[::ffff:10.0.0.1]/a.png", "https://2130706433/a.png",
        "https://me:secret@example.com/a.png", "https://example.com:8443/a.png", "file:///etc/passwd",
    )  # fmt: skip
    return [
        ("path: out of the folder by ..", call("import_image", path=f"{opened}/../closed/a.png")),
        ("path: a symbolic link out of the folder", call("import_image", path=str(opened / "link.png"))),
        ("path: another folder", call("import_image", path=str(closed / "a.png"))),
        ("path: /proc/self/environ", call("import_image", path="/proc/self/environ")),
        ("path: a pipe", call("import_image", path=str(opened / "fifo.png"))),
        *((f"url: {url}", call("import_image", url=url)) for url in urls),
        ("bomb: a header of 60000x60000", call("import_image", data=encoded(png(60000, 60000, b"")))),
        ("picture: animated", call("import_image", data=encoded(animated()))),
        ("picture: SVG", call("import_image", data=encoded(b"<svg xmlns='http://www.w3.org/2000/svg'/>"))),
        ("picture: cut short", call("import_image", data=encoded(picture()[:60]))),
        ("picture: no base64", call("import_image", data="!" * 100)),
        ("foreign: view_image", call("view_image", bob, image_id=image)),
        ("foreign: get_job", call("get_job", bob, job_id=run)),
        ("foreign: cancel_job", call("cancel_job", bob, job_id=run)),
        ("foreign: inspect_and_edit", call("inspect_and_edit", bob, run_id=run)),
        ("foreign: generate_image from it", call("generate_image", bob, prompt=PROMPT, image_id=image)),
        ("foreign: image://", read(bob, f"image://{image}")),
        ("foreign: image:// metadata", read(bob, f"image://{image}/metadata")),
        ("foreign: job://", read(bob, f"job://{run}")),
        ("foreign: view://", read(bob, f"view://{run}")),
        ("id: a path", call("view_image", image_id="../../muralist-1")),
        ("id: SQL", call("get_job", job_id="x' OR '1'='1")),
        ("resource: out of its place", read(ann, "image://..%2F..%2Fetc%2Fpasswd")),
        ("arguments: unknown", call("generate_image", prompt=PROMPT, output_path="/etc/cron.d/x")),
        ("arguments: misspelt", call("generate_image", promt=PROMPT)),
        ("arguments: another type", call("generate_image", prompt={"a": 1})),
        ("limits: a prompt of 100,000 characters", call("generate_image", prompt="a" * 100_000)),
        ("limits: 8192x8192", call("generate_image", prompt=PROMPT, width=8192, height=8192)),
        ("limits: 10,000 steps", call("generate_image", prompt=PROMPT, steps=10_000)),
        ("limits: 99 images", call("generate_image", prompt=PROMPT, images=99)),
        ("limits: waiting an hour", call("get_job", job_id=run, wait_seconds=3600)),
        ("a tool that is not there", call("run_shell", command="id")),
    ]  # fmt: skip


def by_http(url: str, token: str) -> list[Case]:
    """What is tried below the protocol."""

    def post(
        headers: dict[str, str], body: bytes | None = None, path: str = url
    ) -> Callable[[], Awaitable[str | None]]:
        async def act() -> str | None:
            async with httpx.AsyncClient() as http:
                asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
                answer = await http.post(path, content=body or asked, headers={**HEADERS, **headers})
            return None if answer.status_code < 400 else f"HTTP {answer.status_code}: {answer.text[:120]}"

        return act

    bearer = {"Authorization": f"Bearer {token}"}
    deep = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    return [
        ("HTTP: no token", post({})),
        ("HTTP: a wrong token", post({"Authorization": "Bearer guess-guess-guess"})),
        ("HTTP: a foreign Host", post({**bearer, "Host": "evil.example"})),
        ("HTTP: a foreign Origin", post({**bearer, "Origin": "https://evil.example"})),
        ("HTTP: a body of 20 MB", post(bearer, bytes(20 << 20))),
        ("HTTP: JSON of 10,000 levels", post(bearer, deep)),
        ("HTTP: no JSON", post(bearer, b"\xff\xfe{")),
    ]


async def tried(url: str, tokens: dict[str, str], opened: Path, closed: Path) -> int:
    """Print a line for each; how many were not refused, or not in one line."""
    missed = 0
    async with client_of(url, tokens["ann"], "auto") as ann, client_of(url, tokens["bob"], "auto") as bob:
        result = await ann.call_tool("generate_image", {"prompt": PROMPT})
        theirs = result.structured_content
        assert theirs is not None
        for what, act in [*by_tools(ann, bob, theirs, opened, closed), *by_http(url, tokens["ann"])]:
            refusal = await act()
            plain = " ".join((refusal or "NOT REFUSED").split()).replace(str(opened.parent), "HOME")
            missed += refusal is None or "Traceback" in refusal
            print(f"{what:40} {plain[:150]}")
        assert not (await ann.call_tool("view_image", {"image_id": theirs["image_id"]})).is_error
    return missed


def main() -> int:
    """Print the table; 1 if something got through."""
    tokens = {"ann": "a-token-of-ann-0123", "bob": "a-token-of-bob-4567"}
    with fresh_home() as environment:
        opened, closed = folders(Path(environment["MURALIST_HOME"]))
        environment |= {
            "MURALIST_BEARER_TOKENS": json.dumps(tokens),
            "MURALIST_ROOTS": json.dumps([str(opened)]),
            "MURALIST_FETCH": "true",
            "MURALIST_STEPS": "3",
        }
        with over_http(environment=environment) as url:
            missed = asyncio.run(tried(url, tokens, opened, closed))
    print(f"{missed} were not refused")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
