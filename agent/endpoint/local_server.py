"""A chat model that a server on this machine keeps in the GPU's memory, and gives back when a painter needs it."""

from __future__ import annotations

import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from muralist.tools.address import LOOPBACK, Address
from muralist.tools.device_memory import MEMORY

ANSWER_SECONDS, UNLOAD_SECONDS = 2.0, 10.0
UNKNOWN = (404, 405)
"""What a server says that does not know the path."""


class OllamaModel:
    """A `Holder`: what Ollama says that the model takes; unloaded there, it is loaded again with the next question.

    A server that is none, or does not answer, holds nothing that is known. Source: Ollama's API, `GET /api/ps` and
    `POST /api/generate` with `keep_alive` 0.
    """

    def __init__(self, root: str, model: str) -> None:
        self.name = f"{model} at {root}"
        self._root, self._model = root, model
        self._silent = False

    def held(self, device: str) -> int:
        """Bytes that it takes there now: on the GPU what Ollama calls `size_vram`, the rest of its size on the CPU."""
        size, on_gpu = self._sizes()
        return size - on_gpu if device == "cpu" else on_gpu

    def needs(self, device: str) -> int:
        """0: it is loaded in its turn, and Ollama finds the room."""
        return 0

    def unload(self, wait: bool) -> bool:
        """Have it unloaded once it has answered whoever asks it; False if that is not soon."""
        end = time.monotonic() + UNLOAD_SECONDS
        if self._asked("POST", "/api/generate", {"model": self._model, "keep_alive": 0}) is None:
            return False
        while any(self._sizes()):
            if not wait or time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def _sizes(self) -> tuple[int, int]:
        """Bytes in all, and on the GPU."""
        answer = None if self._silent else self._asked("GET", "/api/ps")
        try:
            for each in answer["models"] if answer is not None else ():
                if each["model"] in (self._model, f"{self._model}:latest"):
                    return int(each["size"]), int(each["size_vram"])
        except (KeyError, TypeError, ValueError):
            self._silent = True
        return 0, 0

    def _asked(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON; None if there is none. A server that does not know the path is not asked again."""
        try:
            with httpx.Client(timeout=ANSWER_SECONDS, trust_env=False) as client:
                response = client.request(method, self._root + path, json=body)
            if response.is_success:
                return response.json()
            self._silent = response.status_code in UNKNOWN
            return None
        except httpx.TransportError:
            return None
        except ValueError:
            self._silent = True
        return None


@cache
def _model_at(root: str, model: str) -> OllamaModel:
    return OllamaModel(root, model)


def note_use(address: Address, model: str) -> None:
    """Count on this model as one that was used just now, if its server is on this machine."""
    parts = urlsplit(address.base_url)
    if parts.hostname in LOOPBACK:
        MEMORY.used(_model_at(f"{parts.scheme}://{parts.netloc}", model))
