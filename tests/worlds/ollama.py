"""Ollama's way of telling what is in memory, and of unloading it, on a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from listening import Silent, listening


@dataclass
class Ollama:
    """The models that it holds: name, bytes in all, bytes on the GPU. `busy` ones stay."""

    loaded: dict[str, tuple[int, int]]
    busy: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    answer: Any = None
    """Given in place of what it holds."""
    refusals: int = 0
    """How many questions it answers with 503 first."""
    url: str = ""


@contextmanager
def serving(ollama: Ollama) -> Iterator[Ollama]:
    """It listens until the end of the block; `url` is its base URL for chat completions."""

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            models = [
                {"name": name, "model": name, "size": size, "size_vram": on_gpu}
                for name, (size, on_gpu) in ollama.loaded.items()
            ]
            self._answer({"models": models} if ollama.answer is None else ollama.answer)

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = request["model"] if ":" in request["model"] else f"{request['model']}:latest"
            if request["keep_alive"] == 0 and name not in ollama.busy:
                ollama.loaded.pop(name, None)
            self._answer({"model": name, "done": True, "done_reason": "unload"})

        def _answer(self, body: Any) -> None:
            ollama.asked.append(self.path)
            data = json.dumps(body).encode()
            known = self.path in ("/api/ps", "/api/generate")
            busy, ollama.refusals = ollama.refusals > 0, max(0, ollama.refusals - 1)
            self.send_response(503 if busy else 200 if known else 404)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with listening(Handler) as port:
        ollama.url = f"http://127.0.0.1:{port}/v1"
        yield ollama
