"""Access tokens of an OAuth 2.1 authorization server: JSON web tokens, checked with the keys that it publishes.

RFC 9068 (JWT access tokens), RFC 8414 (metadata), RFC 7517 (keys), RFC 8707 (audience), RFC 8725 (practices).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import jwt
from mcp.server.auth.provider import AccessToken

from muralist.tools.address import LOOPBACK

ALGORITHMS = ("RS256", "ES256")
"""What a token may be signed with: no shared secrets, and never nothing."""
LEEWAY = 30
"""Seconds that clocks may differ."""
MAX_TOKEN, MAX_DOCUMENT = 16_384, 1 << 18
FRESH, KEPT = 3600.0, 86_400.0
"""Seconds after which keys are asked for again, and after which they are forgotten if nobody answers."""
PAUSE = 30.0
"""Seconds between two questions at least: tokens with made-up key ids cannot make the server ask all the time."""

log = logging.getLogger(__name__)


@dataclass
class Keys:
    """The signing keys of an issuer, found through its metadata and kept."""

    issuer: str
    client: Callable[[], httpx.AsyncClient] = lambda: httpx.AsyncClient(timeout=10)
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str | None, jwt.PyJWK] = field(default_factory=dict)
    _got: float = float("-inf")
    _asked: float = float("-inf")
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def key(self, kid: str | None) -> jwt.PyJWK | None:
        """The key of that id; without an id, the only one there is."""
        if self._stale(kid):
            async with self._lock:
                if self._stale(kid) and self.clock() - self._asked >= PAUSE:
                    await self._ask()
        if self.clock() - self._got > KEPT:
            return None
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    def _stale(self, kid: str | None) -> bool:
        return self.clock() - self._got > FRESH or (kid is not None and kid not in self._keys)

    async def _ask(self) -> None:
        """Replace the keys; those that are there stay if the issuer cannot be asked."""
        self._asked = self.clock()
        try:
            async with self.client() as client:
                self._keys = await self._published(client)
            self._got = self.clock()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
            log.warning("the keys of %s could not be read: %s", self.issuer, error)

    async def _published(self, client: httpx.AsyncClient) -> dict[str | None, jwt.PyJWK]:
        place = await self._place(client)
        found = {}
        listed = (await _document(client, place)).get("keys")
        for one in listed if isinstance(listed, list) else []:
            if not isinstance(one, dict) or one.get("use") == "enc":
                continue
            try:
                key = jwt.PyJWK(one)
            except jwt.PyJWTError:
                continue  # of a kind that nobody here knows
            if key.algorithm_name in ALGORITHMS:
                found[key.key_id] = key
        return found

    async def _place(self, client: httpx.AsyncClient) -> str:
        """Where the keys are, by the metadata; ValueError if there is none, or if it is another issuer's."""
        for address in _metadata_addresses(self.issuer):
            try:
                metadata = await _document(client, address)
            except httpx.HTTPStatusError:
                continue
            if metadata.get("issuer") != self.issuer:
                raise ValueError(f"the metadata at {address} is of another issuer")
            place = str(metadata.get("jwks_uri"))
            if not _private(place):
                raise ValueError("its jwks_uri is not https")
            return place
        raise ValueError("it publishes no metadata (RFC 8414 or OpenID Connect)")


@dataclass(frozen=True)
class JwtVerifier:
    """Takes the tokens of one issuer that were issued for `resource`."""

    keys: Keys
    resource: str

    async def verify_token(self, token: str) -> AccessToken | None:
        """What a token says, or None if it is not to be trusted. Scopes are checked by whoever asks."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                return None
            key = await self.keys.key(header.get("kid"))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,  # a PyJWK verifies by its own algorithm, whatever the token says
                algorithms=ALGORITHMS,
                audience=self.resource,
                issuer=self.keys.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            log.info("a bearer token was refused: %s", type(error).__name__)
            return None
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or claims["sub"]),
            scopes=_scopes(claims),
            expires_at=int(claims["exp"]) + LEEWAY,
            resource=self.resource,
            subject=claims["sub"],
            claims={"iss": claims["iss"]},
        )


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """RFC 9068 has them in one string; some servers write a list, or call it `scp`."""
    given = claims.get("scope", claims.get("scp", ""))
    return given.split() if isinstance(given, str) else [str(one) for one in given if one]


def _metadata_addresses(issuer: str) -> list[str]:
    """Where RFC 8414 (section 3.1) and OpenID Connect have it, in the order that MCP asks for."""
    parts = urlsplit(issuer)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    return [
        f"{base}/.well-known/oauth-authorization-server{path}",
        f"{base}/.well-known/openid-configuration{path}",
        *([f"{base}{path}/.well-known/openid-configuration"] if path else []),
    ]


async def _document(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """A JSON object. Raises httpx.HTTPError, and ValueError if it is none or is too long."""
    body = bytearray()
    async with client.stream("GET", address, headers={"Accept": "application/json"}) as response:
        response.raise_for_status()
        async for chunk in response.aiter_bytes(MAX_DOCUMENT):
            body += chunk
            if len(body) > MAX_DOCUMENT:
                raise ValueError(f"{address} has more than {MAX_DOCUMENT:,} bytes")
    found = json.loads(body)
    if not isinstance(found, dict):
        raise ValueError(f"{address} is no JSON object")
    return found


def _private(url: str) -> bool:
    """Nobody on the way can change what comes from there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
