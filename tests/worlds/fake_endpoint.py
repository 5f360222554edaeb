"""A model's endpoint on a real socket: it speaks chat completions in one of many dialects.

What the model wants to say is its mind, a function of what it is offered; how the endpoint lets it say so is its
dialect.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

from listening import Silent, listening

Json = dict[str, Any]
Say = tuple[str, Json]
"""A tool's name and arguments."""
Mind = Callable[[list[str], Json], Say]
"""What to call, given the names of what is offered and the whole request."""

_places = count()


@dataclass
class Answer:
    """What goes over the wire; an iterator is sent piece by piece."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Dialect = Callable[["FakeEndpoint", Json], Answer]


@dataclass
class FakeEndpoint:
    """One model, its dialect, and everything that it was asked."""

    mind: Mind
    dialect: Dialect
    requests: list[Json] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def thought(self, request: Json) -> Say:
        return self.mind(offered(request), request)

    def answer(self, request: Json) -> Answer:
        self.requests.append(request)
        return self.dialect(self, request)


@contextmanager
def serving(mind: Mind, dialect: Dialect) -> Iterator[FakeEndpoint]:
    """An endpoint that listens until the end of the block; `url` is its base URL, never used before."""
    fake = FakeEndpoint(mind, dialect)

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["content-length"]))
            fake.keys.append(self.headers.get("authorization", ""))
            if self.path.endswith("/v1/chat/completions"):
                request = json.loads(data)
                answer = fake.answer(request)
            else:
                request, answer = {}, Answer({"detail": "Not Found"}, 404)
            self._send(answer, bool(request.get("stream")))

        def _send(self, answer: Answer, stream: bool) -> None:
            kind, data = "application/json", answer.body
            if isinstance(data, Iterator):
                self._drip(data)
                return
            if stream and answer.status == 200 and isinstance(data, dict):
                kind, data = "text/event-stream", b"".join(_pieces(data))
            elif isinstance(data, str):
                kind, data = "text/html", data.encode()
            elif not isinstance(data, bytes):
                data = json.dumps(data).encode()
            try:
                self.send_response(answer.status)
                for name, value in {"content-type": kind, "content-length": str(len(data)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True  # nobody waits for it any more

        def _drip(self, pieces: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.close_connection = True
            try:
                for piece in pieces:
                    self.wfile.write(piece)
            except OSError:
                pass  # nobody waits for it any more

    with listening(Handler, fake.closing.set) as port:
        fake.url = f"http://127.0.0.1:{port}/{next(_places)}/v1"
        yield fake


def offered(request: Json) -> list[str]:
    """The names of the tools that a request offers, as tools or in its prompt."""
    if request.get("tools"):
        return [tool["function"]["name"] for tool in request["tools"]]
    told = re.search(r"Tools that can be called now: (.*)\.", str(request["messages"][0]["content"]))
    return told[1].split(", ") if told else []


def completion(content: str | None = None, finish: str = "stop", **message: Any) -> Answer:
    """A chat completion that used eleven tokens in and seven out."""
    return Answer(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "fake",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": finish,
                    "message": {"role": "assistant", "content": content, **message},
                }
            ],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        }
    )


def calling(say: Say) -> Answer:
    """A completion that calls a tool."""
    function = {"name": say[0], "arguments": json.dumps(say[1])}
    return completion(None, "tool_calls", tool_calls=[{"id": "call-1", "type": "function", "function": function}])


def error(status: int, message: str, **headers: str) -> Answer:
    return Answer({"error": {"message": message, "type": "error"}}, status, headers)


def in_words(say: Say) -> str:
    return json.dumps({"tool": say[0], "arguments": say[1]})


def asked_in_words(request: Json) -> bool:
    return "Answer with one JSON object" in str(request["messages"][0]["content"])


def tools(fake: FakeEndpoint, request: Json) -> Answer:
    """Does all that is asked of it."""
    return calling(fake.thought(request)) if request.get("tools") else completion(in_words(fake.thought(request)))


def tools_ignored(fake: FakeEndpoint, request: Json) -> Answer:
    """Knows neither tools nor formats, and says nothing of it."""
    return completion(in_words(fake.thought(request)) if asked_in_words(request) else "Gladly! What shall I paint?")


def no_schemas(fake: FakeEndpoint, request: Json) -> Answer:
    """Refuses every schema."""
    if request.get("tools") or request.get("response_format", {}).get("type") == "json_schema":
        return error(400, "schemas are not supported")
    return completion(in_words(fake.thought(request)))


def forced_only(fake: FakeEndpoint, request: Json) -> Answer:
    """Takes one tool, by name, and nothing else."""
    return calling(fake.thought(request)) if isinstance(request.get("tool_choice"), dict) else error(422, "no")


def fenced(fake: FakeEndpoint, request: Json) -> Answer:
    """Puts its JSON into a fence."""
    if not asked_in_words(request):
        return completion("```\nnothing\n```")
    return completion(f"```json\n{in_words(fake.thought(request))}\n```")


def prose(fake: FakeEndpoint, request: Json) -> Answer:
    """Talks before and after, in braces, too."""
    if not asked_in_words(request):
        return completion("I would rather talk about it.")
    return completion(f"Well {{sort of}}: here it is.\n{in_words(fake.thought(request))}\nDoes {{that}} help?")


def truncated(fake: FakeEndpoint, request: Json) -> Answer:
    """Runs out of tokens halfway, always."""
    return completion(in_words(fake.thought(request))[:20], "length")


def refusal(fake: FakeEndpoint, request: Json) -> Answer:
    """Declines."""
    return completion(None, refusal="I will not picture cups.")


def rate_limited(fake: FakeEndpoint, request: Json) -> Answer:
    """Turns every second request away, then does all that is asked of it."""
    if len(fake.requests) % 2:
        return error(429, "too many requests", **{"retry-after-ms": "1"})
    return tools(fake, request)


DIALECTS: dict[str, Dialect] = {
    "tools": tools, "tools ignored": tools_ignored, "400 on schemas": no_schemas, "fenced": fenced, "prose": prose,
    "truncated": truncated, "refusal": refusal, "429 then fine": rate_limited,
}  # fmt: skip


def hanging(fake: FakeEndpoint, request: Json) -> Answer:
    """Never answers."""
    fake.closing.wait(60)
    return completion("too late")


def dripping(fake: FakeEndpoint, request: Json) -> Answer:
    """Says that it is alive, and nothing else, as gateways do."""

    def alive() -> Iterator[bytes]:
        while not fake.closing.wait(0.05):
            yield b": ping\n\n"

    return Answer(alive())


def _pieces(body: Json) -> Iterator[bytes]:
    """A completion as server-sent events, its text word by word."""
    choice, usage = body["choices"][0], body["usage"]
    message = choice["message"]
    for word in re.findall(r"\S+\s*", message.get("content") or ""):
        yield _event({"choices": [{"index": 0, "delta": {"content": word}}]})
    if message.get("refusal"):
        yield _event({"choices": [{"index": 0, "delta": {"refusal": message["refusal"]}}]})
    for index, call in enumerate(message.get("tool_calls") or []):
        arguments = call["function"]["arguments"]
        yield _event(
            {
                "choices": [
                    {
                        "delta": {
                            "tool_calls": [{"index": index, **call, "function": {"name": call["function"]["name"]}}]
                        }
                    }
                ]
            }
        )
        for start in range(0, len(arguments), 50):
            part = {"index": index, "function": {"arguments": arguments[start : start + 50]}}
            yield _event({"choices": [{"delta": {"tool_calls": [part]}}]})
    yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    yield _event({"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
