"""An OAuth authorization server: its metadata, its keys, its tokens, and those of somebody who pretends to be it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from functools import cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER = "https://login.example/realm"
RESOURCE = "https://paint.example/mcp"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key per name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """Speaks HTTP through `client`; `published` are the keys, and `asked` the paths that somebody asked for."""

    def __init__(self) -> None:
        self.published = [
            {**json.loads(RSAAlgorithm.to_jwk(rsa_key("first").public_key())), "kid": "first", "use": "sig"},
            {**json.loads(ECAlgorithm.to_jwk(ec_key().public_key())), "kid": "curve", "alg": "ES256"},
            {"kty": "oct", "kid": "shared", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U", "alg": "HS256"},
            {"kty": "OKP", "kid": "strange", "crv": "X", "x": "AA"},
        ]
        self.metadata: dict[str, Any] = {"issuer": ISSUER, "jwks_uri": "https://login.example/keys"}
        self.asked: list[str] = []
        self.status = 200

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        documents = {"/realm/.well-known/openid-configuration": self.metadata, "/keys": {"keys": self.published}}
        if request.url.path not in documents:
            return httpx.Response(404)
        return httpx.Response(self.status, json=documents[request.url.path])

    def publish(self, name: str) -> None:
        self.published.append({**json.loads(RSAAlgorithm.to_jwk(rsa_key(name).public_key())), "kid": name})


def token(key: Any = None, algorithm: str = "RS256", kid: str | None = "first", **changes: Any) -> str:
    """A token that is good for an hour; a change to None leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER, "sub": "ann", "aud": RESOURCE, "exp": now + 3600, "iat": now, "scope": "paint look",
        "client_id": "desktop", **changes,
    }  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    headers = {"kid": kid} if kid else {}
    return jwt.encode(claims, rsa_key("first") if key is None else key, algorithm, headers=headers)


def signed_with_the_public_key() -> str:
    """The old confusion: what is published taken as a shared secret. PyJWT does not sign so, hence by hand."""

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    public = (
        rsa_key("first")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    _, claims, _ = token().encode().split(b".")
    signed = part(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "first"}).encode()) + b"." + claims
    return (signed + b"." + part(hmac.digest(public, signed, "sha256"))).decode()
