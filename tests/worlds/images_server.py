"""A service on a real socket that paints by the OpenAI images protocol: block world, told of the plan in words.

What it paints is read from the prompt, where things are in percent; how it answers is its dialect.
"""

from __future__ import annotations

import base64
import email.policy
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

from block_world import COLOURS, PAPER, colour_of
from fake_endpoint import Answer
from listening import Silent, listening
from PIL import Image, ImageChops, ImageDraw

Json = dict[str, Any]
MODELS = "/v1/models"
PLACED = re.compile(r"- [a-z-]+, from (\d+)% to (\d+)% of the width and from (\d+)% to (\d+)% of the height[^:]*: (.*)")

_places = count()


@dataclass
class Asked:
    """One request: its path, its fields as text or JSON, its files, and its key."""

    path: str
    fields: Json
    files: dict[str, bytes]
    key: str

    @property
    def size(self) -> tuple[int, int]:
        width, height = self.fields["size"].split("x")
        return int(width), int(height)


Dialect = Callable[["ImagesServer", Asked], Answer]


@dataclass
class ImagesServer:
    """The model, how it answers, and everything that it was asked. An answer of status 0 is none at all. `faults`: of a
    picture, by number from 0, the indices of the regions that stay empty.
    """

    dialect: Dialect
    faults: Mapping[int, Sequence[int]] = field(default_factory=dict)
    requests: list[Asked] = field(default_factory=list)
    pages: dict[str, Answer] = field(default_factory=dict)
    """By path: what GET answers."""
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    at_once: int = 0
    most_at_once: int = 0
    painted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.requests.append(asked)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.dialect(self, asked)
        finally:
            with self._lock:
                self.at_once -= 1

    def picture(self, asked: Asked) -> Image.Image:
        """What the words say; of an edit, within the mask, while all else gets other colours, as models do."""
        number, self.painted = self.painted, self.painted + 1
        canvas = Image.new("RGB", asked.size, PAPER)
        if "image" in asked.files:
            canvas = ImageChops.invert(opened(asked.files["image"]))
            canvas.paste(PAPER, (0, 0), _transparent(asked.files["mask"]))
        pen = ImageDraw.Draw(canvas)
        for index, found in enumerate(PLACED.findall(asked.fields["prompt"])):
            x0, x1, y0, y1 = (int(each) / 100 for each in found[:4])
            middle = (x0 + 0.2 * (x1 - x0), y0 + 0.2 * (y1 - y0), x1 - 0.2 * (x1 - x0), y1 - 0.2 * (y1 - y0))
            if (colour := colour_of(found[4])) and index not in self.faults.get(number, ()):
                box = [round(share * side) for share, side in zip(middle, asked.size * 2, strict=True)]
                pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=COLOURS[colour])
        return canvas


def _transparent(mask: bytes) -> Image.Image:
    alpha = Image.open(io.BytesIO(mask)).getchannel("A")
    return alpha.point(lambda value: 255 - value)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def reply(data: bytes, **fields: Any) -> Answer:
    """A picture's bytes, thirty tokens in and a thousand out."""
    usage = {"input_tokens": 30, "output_tokens": 1000, "total_tokens": 1030}
    return Answer({"created": 0, "data": [{"b64_json": b64(data)}], "usage": usage, **fields})


def error(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    return Answer({"error": {"message": message, "type": "error", "code": code}}, status, headers)


def plain(server: ImagesServer, asked: Asked) -> Answer:
    """Takes what diffusion servers take: no streaming, though it does not say so."""
    return reply(encoded(server.picture(asked)))


def streaming(server: ImagesServer, asked: Asked) -> Answer:
    """Sends partial pictures first, if it is asked to."""
    if not asked.fields.get("stream"):
        return plain(server, asked)
    data = b64(encoded(server.picture(asked)))
    kind = "image_edit" if asked.files else "image_generation"

    def events() -> Iterator[bytes]:
        for number in range(int(asked.fields["partial_images"])):
            yield event({"type": f"{kind}.partial_image", "b64_json": data, "partial_image_index": number})
        usage = {"input_tokens": 30, "output_tokens": 1000, "total_tokens": 1030}
        yield event({"type": f"{kind}.completed", "b64_json": data, "usage": usage})

    return Answer(events(), headers={"content-type": "text/event-stream"})


def strict(server: ImagesServer, asked: Asked) -> Answer:
    """Rejects every field that it does not know, one at a time."""
    for name in ("stream", "partial_images", "response_format"):
        if name in asked.fields:
            return error(400, f"Unknown parameter: '{name}'.")
    return plain(server, asked)


def slow(server: ImagesServer, asked: Asked) -> Answer:
    """Takes half a second."""
    time.sleep(0.5)
    return plain(server, asked)


def event(body: Json) -> bytes:
    return f"event: {body.get('type')}\ndata: {json.dumps(body)}\n\n".encode()


@contextmanager
def serving(
    dialect: Dialect = plain, faults: Mapping[int, Sequence[int]] | None = None, model: str = "blocks"
) -> Iterator[ImagesServer]:
    """A service that listens until the end of the block; `url` is its base URL, never used before."""
    fake = ImagesServer(dialect, faults or {})
    fake.pages[MODELS] = Answer({"object": "list", "data": [{"id": model, "object": "model"}]})

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            path = "/" + self.path.partition("?")[0].split("/", 2)[2]
            if path not in ("/v1/images/generations", "/v1/images/edits"):
                self._send(Answer({"detail": "Not Found"}, 404))
                return
            fields, files = _read(self.headers["content-type"], data)
            self._send(fake.answer(Asked(path, fields, files, self.headers.get("authorization", ""))))

        def do_GET(self) -> None:
            path = "/" + self.path.split("/", 2)[2]
            if path != MODELS:
                fake.requests.append(Asked(path, {}, {}, self.headers.get("authorization", "")))
            self._send(fake.pages.get(path, Answer({"detail": "Not Found"}, 404)))

        def _send(self, answer: Answer) -> None:
            kind, data = "application/json", answer.body
            if isinstance(data, str):
                kind, data = "text/html", data.encode()
            elif not isinstance(data, bytes | Iterator):
                data = json.dumps(data).encode()
            pieces = data if isinstance(data, Iterator) else iter([data])
            length = {} if isinstance(data, Iterator) else {"content-length": str(len(data))}
            self.close_connection = True
            if not answer.status:
                return
            try:
                self.send_response(answer.status)
                for name, value in {"content-type": kind, **length, "connection": "close", **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece)
            except OSError:
                pass  # nobody waits for it any more

    with listening(Handler, fake.closing.set) as port:
        fake.url = f"http://127.0.0.1:{port}/{next(_places)}/v1"
        yield fake


def _read(kind: str, data: bytes) -> tuple[Json, dict[str, bytes]]:
    """Fields and files of a JSON or multipart body."""
    if kind.startswith("application/json"):
        return json.loads(data), {}
    parsed = BytesParser(policy=email.policy.HTTP).parsebytes(b"content-type: " + kind.encode() + b"\r\n\r\n" + data)
    fields: Json = {}
    files: dict[str, bytes] = {}
    for part in parsed.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if part.get_filename():
            files[name] = content
        else:
            fields[name] = content.decode()
    return fields, files
