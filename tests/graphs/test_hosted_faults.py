"""Whatever an images service answers: the run ends with its best picture and the reason, in one line."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from images_server import Answer, Asked, ImagesServer, b64, encoded, error, event, plain, reply, serving
from PIL import Image

import muralist
from muralist.tools.errors import MuralistError

PROMPT = "a red cup to the left of a blue book"
Blocks = Callable[..., dict[str, Any]]
Make = Callable[[ImagesServer], Answer]

KEY = "sk-42"
SOON = {"retry-after-ms": "1"}
EVENTS = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
PICTURE = Image.new("RGB", (128, 128), "white")
GREY = Image.new("RGB", (128, 128), "grey")


def frames(kind: str) -> bytes:
    return encoded(PICTURE, kind, save_all=True, append_images=[GREY])


SMALL = {"backbone": "openai:blocks", "width": 128, "height": 128}


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose header says that it is large."""
    data = bytearray(encoded(PICTURE))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def item(**fields: Any) -> Make:
    return lambda server: Answer({"data": [fields]})


def body(value: Any, **headers: str) -> Make:
    return lambda server: Answer(value, headers={**JSON, **headers})


def picture(data: bytes) -> Make:
    return lambda server: reply(data)


def streamed(*events: bytes) -> Make:
    return lambda server: Answer(iter(events), headers=EVENTS)


def own(answer: Answer) -> Make:
    """A URL of the service itself, and what is there."""

    def make(server: ImagesServer) -> Answer:
        server.pages["/v1/files/1"] = answer
        return Answer({"data": [{"url": "files/1"}]})

    return make


def stalling(server: ImagesServer) -> Answer:
    server.closing.wait(30)
    return Answer({})


def stalling_midway(server: ImagesServer) -> Answer:
    def pieces() -> Iterator[bytes]:
        yield b'{"data": [{"b64_json": "'
        server.closing.wait(30)

    return Answer(pieces(), headers=JSON)


def dripping(server: ImagesServer) -> Answer:
    def pieces() -> Iterator[bytes]:
        while not server.closing.wait(0.05):
            yield b" "

    return Answer(pieces(), headers=JSON)


def dripping_events(server: ImagesServer) -> Answer:
    def pieces() -> Iterator[bytes]:
        while not server.closing.wait(0.05):
            yield b": alive\n\n"

    return Answer(pieces(), headers=EVENTS)


def huge(server: ImagesServer) -> Answer:
    return Answer((b" " * (1 << 20) for _ in range(65)), headers=JSON)


def redirecting(server: ImagesServer) -> Answer:
    return Answer(b"", 307, {"location": f"{server.url}/images/generations?again"})


WITHOUT = "answered without a picture: "
UNUSABLE = "answered with a picture that cannot be used: "
UNTAKEN = "answered with a picture that cannot be taken: "
SLOW = "did not finish its answer within 1 seconds"

FAULTS: dict[str, tuple[Make, str]] = {
    "wrong key": (lambda _: error(401, f"Incorrect: {KEY}"), "does not accept the key (401: Incorrect: …)"),
    "no right": (lambda _: error(403, "not for you"), "does not accept the key (403: not for you)"),
    "no such model": (
        lambda _: error(404, "no such thing", "model_not_found"),
        "has no model 'blocks' (no such thing): check MURALIST_BACKBONE",
    ),
    "no such path": (
        lambda _: Answer({"detail": "Not Found"}, 404), "answers 404 (Not Found): check MURALIST_IMAGES_BASE_URL",
    ),
    "429, soon": (lambda _: error(429, "slow down", **SOON), "failed with 429 after 3 tries: slow down"),
    "429": (lambda _: error(429, "slow down"), "failed with 429 after 3 tries: slow down"),
    "429, in an hour": (
        lambda _: error(429, "quota", **{"retry-after": "3600"}), "failed with 429: quota",
    ),
    "500": (lambda _: error(500, "oh\nno", **SOON), "failed with 500 after 3 tries: oh no"),
    "502 with a page": (lambda _: Answer("<html>Bad gateway</html>", 502, SOON), "failed with 502 after 3 tries: "),
    "503 without a body": (lambda _: Answer(b"", 503, SOON), "failed with 503 after 3 tries: "),
    "moderation": (lambda _: error(400, "not safe", "moderation_blocked"), "the endpoint declined: not safe"),
    "content policy": (lambda _: error(400, "no", "content_policy_violation"), "the endpoint declined: no"),
    "wrong size": (lambda _: error(400, "size has to be huge"), "answers 400: size has to be huge"),
    "a list of details": (lambda _: Answer({"detail": [{"loc": ["n"], "msg": "bad"}]}, 422), "answers 422: [{'loc'"),
    "an error with 200": (lambda _: error(200, "no GPU left"), "says: no GPU left"),
    "a refusal with 200": (lambda _: error(200, "never", "content_filter"), "the endpoint declined: never"),
    "an error without words": (body({"error": True}), "says: "),
    "a page": (lambda _: Answer("<html>Welcome</html>"), "answers with a web page: check MURALIST_IMAGES_BASE_URL"),
    "no JSON": (body(b"a picture of a cup"), f"{WITHOUT}it is not JSON"),
    "nothing": (body(b""), f"{WITHOUT}it is not JSON"),
    "half a JSON": (body(b'{"data": [{"b64'), f"{WITHOUT}it is not JSON"),
    "brackets": (body(b"[" * 100_000), f"{WITHOUT}it is not JSON"),
    "a list": (body([1, 2]), WITHOUT),
    "null": (body(b"null"), WITHOUT),
    "half a body": (body(b'{"data": [', **{"content-length": "5000"}), ""),
    "no answer": (lambda _: Answer(None, 0), "cannot be reached"),
    "a stall": (stalling, SLOW),
    "a stall midway": (stalling_midway, SLOW),
    "a drip": (dripping, SLOW),
    "a drip of events": (dripping_events, SLOW),
    "too long": (huge, f"{WITHOUT}it is longer than 64 MiB"),
    "no data": (body({"created": 0}), f"{WITHOUT}data: Field required"),
    "null data": (body({"data": None}), f"{WITHOUT}data: Input should be a valid list"),
    "empty data": (body({"data": []}), f"{WITHOUT}data: List should have at least 1 item"),
    "data that is text": (body({"data": "cup"}), f"{WITHOUT}data: Input should be a valid list"),
    "data of texts": (body({"data": ["cup"]}), f"{WITHOUT}data.0: "),
    "an item with nothing": (item(b64_json=None, url=None), f"{WITHOUT}it has neither b64_json nor url"),
    "a number": (item(b64_json=7), f"{WITHOUT}data.0.b64_json: Input should be a valid string"),
    "no base64": (item(b64_json="%%%"), f"{UNTAKEN}the picture is not base64"),
    "text": (picture(b"a red cup"), f"{UNUSABLE}the file is no whole PNG, JPEG or WebP picture"),
    "SVG": (picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), f"{UNUSABLE}the file is no whole PNG"),
    "BMP": (picture(encoded(PICTURE, "BMP")), f"{UNUSABLE}the file is no whole PNG"),
    "animated GIF": (picture(frames("GIF")), f"{UNUSABLE}the file is no whole PNG"),
    "animated PNG": (picture(frames("PNG")), f"{UNUSABLE}the picture is animated"),
    "animated WebP": (picture(frames("WEBP")), f"{UNUSABLE}the picture is animated"),
    "half a PNG": (picture(encoded(PICTURE)[:150]), f"{UNUSABLE}the picture is damaged"),
    "half a JPEG": (picture(encoded(PICTURE, "JPEG")[:700]), UNUSABLE),
    "a PNG that says it is vast": (picture(claiming(90_000, 90_000)), f"{UNUSABLE}the picture says that it has"),
    "a PNG that lies": (picture(claiming(640, 640)), f"{UNUSABLE}the picture is damaged"),
    "another shape": (picture(encoded(PICTURE.resize((512, 128)))), "painted 512x128 pixels where 128x128 were asked"),
    "eight pixels": (picture(encoded(PICTURE.resize((8, 8)))), f"{UNUSABLE}the picture has 8x8 pixels"),
    "a URL over http": (item(url="http://pictures.example/1.png"), f"{UNTAKEN}only https is fetched"),
    "a URL into the network": (item(url="https://127.0.0.1/1.png"), f"{UNTAKEN}127.0.0.1 has no public address"),
    "a file": (item(url="file:///etc/passwd"), f"{UNTAKEN}only https is fetched"),
    "no URL": (item(url="https://[/"), UNTAKEN),
    "a URL of its own without anything": (own(Answer({}, 404)), f"{UNTAKEN}its own URL answers 404"),
    "a URL of its own that leads away": (
        own(Answer(b"", 302, {"location": "http://127.0.0.1:1/secret"})), f"{UNTAKEN}its own URL answers 302",
    ),
    "a URL of its own with text": (own(Answer(b"no picture")), f"{UNUSABLE}the file is no whole PNG"),
    "a redirect for ever": (redirecting, "cannot be reached"),
    "an event with an error": (
        streamed(event({"type": "error", "error": {"message": "lost\nit", "code": "server_error"}})), "says: lost it",
    ),
    "an event that declines": (
        streamed(event({"type": "error", "code": "moderation_blocked", "message": "never"})),
        "the endpoint declined: never",
    ),
    "a stream that ends early": (
        streamed(event({"type": "image_generation.partial_image", "b64_json": b64(encoded(PICTURE))})),
        f"{WITHOUT}it ended before the picture was there",
    ),
    "a stream of no JSON": (streamed(b"data: cup\n\n"), f"{WITHOUT}an event of it is not JSON"),
    "a stream of lists": (streamed(b"data: [1]\n\n"), f"{WITHOUT}it ended before"),
    "a stream with a broken picture": (
        streamed(event({"type": "image_generation.completed", "b64_json": b64(encoded(PICTURE)[:150])})),
        f"{UNUSABLE}the picture is damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
async def test_a_faulty_reply_ends_the_run_with_its_best_picture_and_the_reason(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make, reason = FAULTS[name]

    def faulty(server: ImagesServer, asked: Asked) -> Answer:
        return make(server) if server.painted else plain(server, asked)

    monkeypatch.setenv("MURALIST_IMAGES_KEY", KEY)
    with serving(faulty, faults={0: [1]}) as server:
        monkeypatch.setenv("MURALIST_IMAGES_BASE_URL", server.url)
        named = {**blocks(), **SMALL, "call_seconds": 1 if reason == SLOW else 30}
        result = await muralist.adraw(PROMPT, **named)
    assert result.run.status == "failed"
    assert reason in result.reason
    assert "\n" not in result.reason
    assert KEY not in result.reason
    assert (len(result.attempts), result.image_id) == (1, result.attempts[0].image_id)


@pytest.mark.parametrize("name", ["wrong key", "moderation", "a page", "half a PNG", "a drip", "another shape"])
async def test_a_faulty_first_reply_is_an_error_of_one_line(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make, reason = FAULTS[name]
    with serving(lambda server, _: make(server)) as server:
        monkeypatch.setenv("MURALIST_IMAGES_BASE_URL", server.url)
        monkeypatch.setenv("MURALIST_IMAGES_KEY", KEY)
        with pytest.raises(MuralistError) as caught:
            await muralist.adraw(PROMPT, **blocks() | SMALL | {"call_seconds": 1})
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
