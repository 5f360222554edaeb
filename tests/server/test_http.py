"""What the HTTP application answers, and what it turns away, in the test's own process."""

from __future__ import annotations

import io
import json
import os
import re
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from in_process import BASE, asking, assisting
from mcp_client import PROMPT, structure, text
from PIL import Image
from starlette.applications import Starlette

from muralist.agent.settings import Settings
from muralist.runs.wiring import store
from muralist.server.application import Application
from muralist.server.http.app import http_app
from muralist.server.http.gate import check_exposure
from muralist.server.http.links import Links, secret
from muralist.server.settings import ServerSettings
from muralist.tools.errors import BadSettings, NotAllowed
from muralist.tools.run import Run

ANN, BOB = "a-token-of-ann-0123", "a-token-of-bob-4567"
GUARDED = ServerSettings(bearer_tokens={"ann": ANN, "bob": BOB})
OPEN = ServerSettings(import_bytes=1 << 16)
MODERN = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": "2026-07-28",
}
OLD = {**MODERN, "MCP-Protocol-Version": "2025-11-25"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def served(settings: ServerSettings = OPEN, **where: Any) -> Starlette:
    return http_app(Application(Settings(), settings), **where)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def got(path: str, settings: ServerSettings = GUARDED, headers: Any = None) -> httpx.Response:
    async with asking(served(settings)) as client:
        return await client.get(path, headers=headers)


async def kept(owner: str = "token:ann") -> str:
    """The id of a picture in the store."""
    run, home = Run.open(owner), store(Settings())
    await home.save_run(run, 0)
    return await home.put_image(run.run_id, Image.new("RGB", (64, 64), "red"), {})


def linked(path: str, owner: str = "token:ann", expires: float | None = None) -> str:
    """A link as the server would make it, without its host."""
    return Links(BASE, secret(Path(Settings().home))).path(path, owner, expires)


@pytest.mark.parametrize("path", ["/mcp", "/runs/a", "/images/a-1.png", "/.well-known/oauth-protected-resource/mcp"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8321"}, 421),
        ({"Host": "127.0.0.1:8321.evil.example"}, 421),
        ({"Host": "127.0.0.1:9999"}, 421),
        ({"Host": "127.0.0.1"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:8321.evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_page_elsewhere_cannot_reach_in_by_any_path(path: str, headers: dict[str, str], status: int) -> None:
    answer = await got(path, OPEN, headers)
    assert answer.status_code == status
    assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:8321"},
        {"Host": "[::1]:8321", "Origin": "http://[::1]:8321"},
        {"Host": "paint.example", "Origin": "https://paint.example"},
        {"Host": "inner:80", "Origin": "https://friend.example"},
    ],
)
async def test_this_machine_the_public_address_and_configured_names_are_let_in(headers: dict[str, str]) -> None:
    settings = ServerSettings(
        bearer_tokens={"ann": ANN},
        public_url="https://paint.example",
        allowed_hosts=["inner:80"],
        allowed_origins=["https://friend.example"],
    )
    assert (await got("/images/a-1.png", settings, {**headers, **bearer(ANN)})).status_code == 404


async def test_a_body_beyond_the_limit_is_refused_also_if_it_does_not_say_so() -> None:
    async def endless() -> Any:
        while True:
            yield bytes(1 << 16)

    async with asking(served()) as client:
        for headers in (MODERN, OLD):
            told = await client.post("/mcp", content=bytes(1 << 20), headers=headers)
            untold = await client.post("/mcp", content=endless(), headers=headers)
            assert (told.status_code, untold.status_code) == (413, 413)


@pytest.mark.parametrize("headers", [MODERN, OLD], ids=["new", "old"])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
async def test_json_of_ten_thousand_levels_is_refused_and_the_server_goes_on(
    headers: dict[str, str], start: str, end: str
) -> None:
    async with asking(served()) as client:
        deep = start * 10_000 + "1" + end * 10_000
        for body in (deep, json.dumps(INITIALIZE)[:-1] + f', "more": {deep}}}'):
            answer = await client.post("/mcp", content=body, headers=headers)
            assert answer.status_code == 400, answer.text
        assert (await client.post("/mcp", json=INITIALIZE, headers=OLD)).status_code == 200


@pytest.mark.parametrize("depth", [150, 300, 600, 900, 1500])
@pytest.mark.parametrize("headers", [MODERN, OLD], ids=["new", "old"])
async def test_json_of_any_depth_is_answered(headers: dict[str, str], depth: int) -> None:
    nested = "[" * depth + "]" * depth
    meta = '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}'
    body = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
        f'{{"_meta":{{{meta}}},"name":"recaption","arguments":{{"prompt":{nested}}}}}}}'
    )
    async with asking(served()) as client:
        more = {"Mcp-Method": "tools/call", "Mcp-Name": "recaption"}
        answer = await client.post("/mcp", content=body, headers={**headers, **more})
        assert answer.status_code in (200, 400), answer.text
        assert "Traceback" not in answer.text
        assert "error" in answer.text or "isError" in answer.text


async def test_a_picture_is_shown_to_its_owner() -> None:
    image_id = await kept()
    answer = await got(f"/images/{image_id}.png", headers=bearer(ANN))
    assert Image.open(io.BytesIO(answer.content)).getpixel((0, 0)) == (255, 0, 0)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == f'inline; filename="{image_id}.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_a_picture_is_shown_to_whoever_holds_the_owners_link() -> None:
    image_id = await kept()
    assert (await got(linked(f"/images/{image_id}.png"))).status_code == 200


async def test_on_this_machine_pictures_need_no_link() -> None:
    assert (await got(f"/images/{await kept('local')}.png", OPEN)).status_code == 200


@pytest.mark.parametrize("name", ["{id}", "{run}-2", "nothing-1", "..%2f..%2fmuralist.sqlite", "a" * 200])
async def test_somebody_elses_picture_is_answered_like_one_that_is_not_there(name: str) -> None:
    image_id = await kept()
    name = name.format(id=image_id, run=image_id.rpartition("-")[0])
    for path, headers in (
        (f"/images/{name}.png", bearer(BOB)),
        (linked(f"/images/{name}.png", "token:bob"), None),
    ):
        answer = await got(path, headers=headers)
        assert answer.status_code == 404
        assert image_id not in answer.text


async def test_without_a_link_or_token_nothing_is_shown() -> None:
    answer = await got(f"/images/{await kept()}.png")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("owner", "token:bob"),
        ("expires", "99999999999"),
        ("expires", "9" * 5000),
        ("expires", "-1"),
        ("expires", "²"),
        ("expires", ""),
        ("signature", ""),
        ("signature", "A" * 43),
        ("signature", "ä" * 43),
    ],
)
async def test_a_link_that_was_changed_is_forbidden(name: str, value: str) -> None:
    path, _, query = linked(f"/images/{await kept()}.png").partition("?")
    changed = httpx.QueryParams(query).set(name, value)
    answer = await got(f"{path}?{changed}", headers=bearer(ANN))  # nor does a token mend it
    assert answer.status_code == 403
    assert "ask for a new one" in answer.text


async def test_a_link_opens_one_picture_only() -> None:
    _, _, query = linked(f"/images/{await kept()}.png").partition("?")
    assert (await got(f"/images/{await kept()}.png?{query}")).status_code == 403


async def test_a_link_ends() -> None:
    answer = await got(linked(f"/images/{await kept()}.png", expires=time.time() - 1))
    assert answer.status_code == 403
    assert "has expired" in answer.text


async def test_a_page_is_shown_to_its_owner_and_can_fetch_nothing() -> None:
    run_id = (await kept()).rpartition("-")[0]
    answer = await got(linked(f"/runs/{run_id}"))
    assert answer.text.startswith("<!doctype html>")
    assert run_id in answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src data: 'self';")
    assert "connect-src" not in policy
    assert (await got(f"/runs/{run_id}", headers=bearer(BOB))).status_code == 404


async def test_over_http_a_finished_picture_comes_with_a_link_that_a_browser_opens_and_without_a_path() -> None:
    settings = GUARDED.model_copy(update={"public_url": "https://paint.example"})
    app = served(settings)
    async with asking(app) as browser:
        async with assisting(app, "auto", bearer(ANN)) as client:
            painted = await client.call_tool("generate_image", {"prompt": PROMPT})
            viewed = await client.call_tool("view_image", {"image_id": structure(painted)["image_id"]})
        for result in (painted, viewed):
            link = structure(result)["download"]
            assert link in text(result)
            assert "path" not in structure(result)
            assert str(Settings().home) not in result.model_dump_json()
            answer = await browser.get(link.removeprefix("https://paint.example"))
            assert Image.open(io.BytesIO(answer.content)).size == (128, 128)


async def test_behind_a_path_of_the_outsides_a_page_finds_its_pictures() -> None:
    settings = GUARDED.model_copy(update={"public_url": "https://paint.example/studio"})
    app = served(settings)
    async with asking(app) as browser:
        async with assisting(app, "auto", bearer(ANN)) as client:
            painted = structure(await client.call_tool("generate_image", {"prompt": PROMPT}))
        page = await browser.get(painted["page"].removeprefix("https://paint.example/studio"))
        (address,) = set(re.findall(rf'"([^"]*/images/{painted["image_id"]}[^"]*)"', page.text))
        seen = urlsplit(urljoin(painted["page"], address))
        assert seen.path.startswith("/studio/images/")
        answer = await browser.get(f"{seen.path.removeprefix('/studio')}?{seen.query}")
        assert answer.headers["content-type"] == "image/png"


def test_a_link_leads_to_the_public_address() -> None:
    url = urlsplit(Links("https://paint.example/studio/", b"k" * 32).link("/images/a-1.png", "ann", 100))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://paint.example/studio/images/a-1.png"
    assert parse_qs(url.query)["expires"] == ["100"]


def test_links_of_another_home_are_not_believed(tmp_path: Path) -> None:
    mine, other = (Links("https://paint.example", secret(tmp_path / name)) for name in ("a", "b"))
    url = urlsplit(other.link("/images/a-1.png", "ann"))
    query = dict(httpx.QueryParams(url.query))
    assert other.checked(url.path, query) == "ann"
    with pytest.raises(NotAllowed):
        mine.checked(url.path, query)


def test_the_secret_is_made_once_however_many_ask_and_only_the_user_reads_it(tmp_path: Path) -> None:
    home, found = tmp_path / "new" / "home", []
    asking = [threading.Thread(target=lambda: found.append(secret(home))) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [path.name for path in home.iterdir()] == ["links.secret"]
    assert (home / "links.secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda path: path.chmod(0o644), "can be read by others"),
        (lambda path: os.truncate(path, 5), "is damaged"),
    ],
)
def test_a_secret_that_is_none_is_refused(tmp_path: Path, damage: Any, why: str) -> None:
    secret(tmp_path)
    damage(tmp_path / "links.secret")
    with pytest.raises(BadSettings, match=why):
        secret(tmp_path)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "my-machine"])
@pytest.mark.parametrize(
    "settings",
    [ServerSettings(), GUARDED, ServerSettings(allowed_hosts=["paint.example"])],
    ids=["nothing", "tokens only", "hosts only"],
)
def test_other_machines_are_let_in_only_with_authentication_and_hosts(host: str, settings: ServerSettings) -> None:
    with pytest.raises(BadSettings, match="can be reached from other machines"):
        served(settings, host=host)


@pytest.mark.parametrize(
    ("variable", "settings"),
    [
        ("MURALIST_PUBLIC_URL", {"public_url": "https://paint.example"}),
        ("MURALIST_ALLOWED_HOSTS", {"allowed_hosts": ["localhost:9000", "paint.example"]}),
        ("MURALIST_ALLOWED_HOSTS", {"allowed_hosts": ["[2001:db8::1]:8321"]}),
        ("MURALIST_ALLOWED_HOSTS", {"allowed_hosts": ["*"]}),
    ],
)
def test_a_server_that_is_known_outside_does_not_start_unless_somebody_has_to_log_in(
    variable: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(BadSettings, match=f"{variable} names .*: set MURALIST_BEARER_TOKENS") as refused:
        served(ServerSettings(**settings))
    assert "\n" not in str(refused.value)
    served(ServerSettings(bearer_tokens={"ann": ANN}, **settings))
    check_exposure(ServerSettings(oauth_issuer="https://login.example", **settings), "127.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_needs_neither(host: str) -> None:
    check_exposure(ServerSettings(), host)
    local = ["localhost", "localhost:9000", "127.0.0.1:*", "[::1]:8321"]
    check_exposure(ServerSettings(public_url="http://localhost:9000/studio", allowed_hosts=local), host)


def test_with_both_other_machines_are_let_in() -> None:
    check_exposure(GUARDED.model_copy(update={"allowed_hosts": ["paint.example"]}), "0.0.0.0")
