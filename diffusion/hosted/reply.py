"""What a service answers with: its types are checked, the pictures in it are not yet decoded."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from muralist.intake.bounds import Bounds
from muralist.tools.catalogue import one_line

BOUNDS = Bounds(bytes=40 << 20)
"""Of a picture from a service."""
MOST_BYTES = 64 << 20
"""Bytes of a reply, or of one event of it, that are read."""


class MalformedReply(Exception):
    """A reply without a picture; the message says why, in one line."""


class Item(BaseModel):
    b64_json: str | None = None
    url: str | None = None


class Reply(BaseModel):
    """What is read of it; everything else in it is passed over."""

    data: list[Item] = Field(min_length=1)

    @property
    def picture(self) -> Item:
        """The first picture: one is asked for. Raises MalformedReply."""
        first = self.data[0]
        if first.b64_json or first.url:
            return first
        raise MalformedReply("it has neither b64_json nor url")


def reply_of(body: Any) -> Reply:
    """Read a body. Raises MalformedReply."""
    try:
        return Reply.model_validate(body)
    except ValidationError as error:
        raise MalformedReply(one_line(error)) from None


class Events:
    """The events of a streamed reply: partial pictures as they come, then the body that it would have had."""

    def __init__(self) -> None:
        self.partial = 0
        """Pictures so far that are not the last."""
        self.body: Any = None
        self._data, self._seen = bytearray(), 0

    def add(self, chunk: bytes) -> None:
        """Take in some bytes. Raises MalformedReply."""
        self._data += chunk
        while (end := self._data.find(b"\n", self._seen)) >= 0:
            line = bytes(self._data[:end])
            del self._data[: end + 1]
            self._seen = 0
            self._line(line)
        self._seen = len(self._data)
        if self._seen > MOST_BYTES:
            raise MalformedReply(f"an event of it is longer than {MOST_BYTES >> 20} MiB")

    def end(self) -> Any:
        """The body. Raises MalformedReply if there was none."""
        self._line(bytes(self._data))  # a last line may lack its end
        if self.body is None:
            raise MalformedReply("it ended before the picture was there")
        return self.body

    def _line(self, line: bytes) -> None:
        if not line.startswith(b"data:") or (data := line[5:].strip()) == b"[DONE]":
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(f"an event of it is not JSON: {error}") from None
        if not isinstance(event, dict):
            return
        kind = str(event.get("type", ""))
        if event.get("error") or kind == "error":
            self.body = {"error": event.get("error") or event}
        elif kind.endswith("partial_image"):
            self.partial += 1
        elif event.get("data"):
            self.body = event
        elif event.get("b64_json") or event.get("url"):
            self.body = {"data": [event], "usage": event.get("usage")}
