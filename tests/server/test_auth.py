"""Who is let in over HTTP, and as whom."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import pytest
from in_process import asking, assisting
from mcp.server.mcpserver import MCPServer
from mcp.types import TextContent
from starlette.applications import Starlette
from token_issuer import ISSUER, RESOURCE, Issuer, ec_key, rsa_key, signed_with_the_public_key, token

from muralist.agent.settings import Settings
from muralist.server.application import Application
from muralist.server.http.app import http_app
from muralist.server.http.auth import admission
from muralist.server.http.oauth import FRESH, KEPT, PAUSE, JwtVerifier, Keys
from muralist.server.owner import owner
from muralist.server.settings import ServerSettings
from muralist.tools.errors import BadSettings

ANN, BOB = "a-token-of-ann-0123", "a-token-of-bob-4567"
NAMED = ServerSettings(bearer_tokens={"ann": ANN, "bob": BOB})
OAUTH = ServerSettings(
    oauth_issuer=ISSUER, oauth_scopes=["paint"], public_url="https://paint.example", allowed_hosts=["paint.example"]
)
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


def mirror(application: Application, **auth: Any) -> MCPServer[Any]:
    """A server that tells who asks."""
    server: MCPServer[Any] = MCPServer("mirror", **auth)

    @server.tool(description="Who I am.")
    async def whoami() -> str:
        return owner()

    return server


def mirrored(settings: ServerSettings, issuer: Issuer | None = None) -> Starlette:
    keys = Keys(ISSUER, (issuer or Issuer()).client)
    return http_app(Application(Settings(), settings), build=mirror, keys=keys if settings.oauth_issuer else None)


async def asked(settings: ServerSettings, bearer: str | None, issuer: Issuer | None = None) -> httpx.Response:
    headers = {b"Accept": b"application/json, text/event-stream"}
    if bearer is not None:
        headers[b"Authorization"] = f"Bearer {bearer}".encode()
    async with asking(mirrored(settings, issuer)) as client:
        return await client.post("/mcp", json=CALL, headers=headers)


async def name_told(app: Starlette, mode: str, bearer: str | None) -> str:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    async with assisting(app, mode, headers) as client:
        (said,) = (await client.call_tool("whoami", {})).content
        assert isinstance(said, TextContent)
        return said.text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_each_token_is_its_owner_over_both_generations_of_the_protocol(mode: str) -> None:
    app = mirrored(NAMED)
    async with asking(app):
        assert [await name_told(app, mode, bearer) for bearer in (ANN, BOB, ANN)] == [
            "token:ann",
            "token:bob",
            "token:ann",
        ]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_without_authentication_everybody_is_local(mode: str) -> None:
    app = mirrored(ServerSettings())
    async with asking(app):
        assert await name_told(app, mode, None) == "local"


async def test_people_of_an_issuer_are_told_apart_whatever_token_they_come_with() -> None:
    app = mirrored(OAUTH)
    async with asking(app):
        ann = await name_told(app, "auto", token())
        again = await name_told(app, "auto", token(ec_key(), "ES256", "curve", client_id="phone"))
        bob = await name_told(app, "auto", token(sub="bob"))
    assert ann == again != bob
    assert "ann" not in ann.removeprefix("oauth:")


@pytest.mark.parametrize("bearer", [None, "", "wrong", ANN[:-1], ANN + "0", "ä" * 20])
async def test_without_a_known_token_nobody_comes_in(bearer: str | None) -> None:
    answer = await asked(NAMED, bearer)
    assert answer.status_code == 401
    assert ANN not in answer.text


NOW = int(time.time())
REFUSED: dict[str, Any] = {
    "none at all": lambda: None,
    "rubbish": lambda: "a.b.c",
    "an endless one": lambda: token() + "a" * 20_000,
    "expired": lambda: token(exp=NOW - 120),
    "not valid yet": lambda: token(nbf=NOW + 3600),
    "never expires": lambda: token(exp=None),
    "of nobody": lambda: token(sub=None),
    "for another audience": lambda: token(aud="https://other.example/mcp"),
    "for the whole host": lambda: token(aud="https://paint.example"),
    "for no audience": lambda: token(aud=None),
    "of another issuer": lambda: token(iss="https://evil.example"),
    "of an issuer that is named a little differently": lambda: token(iss=ISSUER + "/"),
    "of no issuer": lambda: token(iss=None),
    "signed by somebody else": lambda: token(rsa_key("somebody else")),
    "signed by an unknown key": lambda: token(rsa_key("somebody else"), kid="unknown"),
    "with another key's name": lambda: token(kid="curve"),
    "without a key's name": lambda: token(kid=None),
    "unsigned": lambda: jwt.encode({"iss": ISSUER, "sub": "ann", "aud": RESOURCE, "exp": NOW + 60}, None, "none"),
    "signed with the public key as a secret": signed_with_the_public_key,
    "signed with a published secret": lambda: token("secretsecretsecretsecretsecretse", "HS256", "shared"),
    "signed otherwise": lambda: token(algorithm="RS512"),
    "with a changed claim": lambda: f"{token(sub='bob').rpartition('.')[0]}.{token().rpartition('.')[2]}",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_a_token_is_refused_that_is(name: str) -> None:
    answer = await asked(OAUTH, REFUSED[name]())
    assert answer.status_code == 401
    assert "oauth-protected-resource" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("scope", [None, "look", "painting", ["look"]])
async def test_a_token_without_the_scope_is_forbidden(scope: Any) -> None:
    answer = await asked(OAUTH, token(scope=scope))
    assert answer.status_code == 403
    assert "insufficient_scope" in answer.text


@pytest.mark.parametrize(
    "claims", [{}, {"scope": None, "scp": ["paint"]}, {"aud": ["https://other.example", RESOURCE]}]
)
async def test_a_good_token_comes_in_however_the_issuer_writes_it(claims: dict[str, Any]) -> None:
    assert (await asked(OAUTH, token(**claims))).status_code not in (401, 403)


async def test_named_tokens_are_good_beside_an_issuer() -> None:
    both = OAUTH.model_copy(update={"bearer_tokens": NAMED.bearer_tokens})
    assert (await asked(both, ANN)).status_code not in (401, 403)
    assert (await asked(both, token())).status_code not in (401, 403)


async def test_clients_learn_which_issuer_to_ask() -> None:
    async with asking(mirrored(OAUTH)) as client:
        answer = await client.get("/.well-known/oauth-protected-resource/mcp")
    assert answer.json()["resource"] == RESOURCE
    assert answer.json()["authorization_servers"] == [ISSUER]
    assert answer.json()["scopes_supported"] == ["paint"]


def test_an_issuer_without_a_public_address_is_no_setting() -> None:
    with pytest.raises(BadSettings, match="MURALIST_PUBLIC_URL"):
        admission(ServerSettings(oauth_issuer=ISSUER))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(issuer: Issuer, clock: Clock) -> JwtVerifier:
    return JwtVerifier(Keys(ISSUER, issuer.client, clock), RESOURCE)


async def test_keys_are_asked_for_once(verifier: JwtVerifier, issuer: Issuer) -> None:
    for _ in range(3):
        assert await verifier.verify_token(token())
    assert issuer.asked.count("/keys") == 1


async def test_a_new_key_is_found_and_made_up_ones_do_not_keep_the_issuer_busy(
    verifier: JwtVerifier, issuer: Issuer, clock: Clock
) -> None:
    assert await verifier.verify_token(token())
    issuer.publish("second")
    clock.now += PAUSE
    assert await verifier.verify_token(token(rsa_key("second"), kid="second"))
    for number in range(20):
        assert not await verifier.verify_token(token(kid=f"made up {number}"))
    assert issuer.asked.count("/keys") == 2


async def test_a_withdrawn_key_is_good_no_longer(verifier: JwtVerifier, issuer: Issuer, clock: Clock) -> None:
    assert await verifier.verify_token(token())
    issuer.published = issuer.published[1:]
    clock.now += FRESH + 1
    assert not await verifier.verify_token(token())


async def test_an_issuer_that_is_away_for_a_while_locks_nobody_out(
    verifier: JwtVerifier, issuer: Issuer, clock: Clock
) -> None:
    assert await verifier.verify_token(token())
    issuer.status = 503
    clock.now += FRESH + 1
    assert await verifier.verify_token(token())
    clock.now += KEPT
    assert not await verifier.verify_token(token())


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example", "jwks_uri": "https://login.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://login.example/keys"},
        {"issuer": ISSUER},
    ],
)
async def test_metadata_that_could_be_somebody_elses_gives_no_keys(
    verifier: JwtVerifier, issuer: Issuer, metadata: dict[str, Any]
) -> None:
    issuer.metadata = metadata
    assert not await verifier.verify_token(token())
    assert "/keys" not in issuer.asked
