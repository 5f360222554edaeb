"""Who may come in: bearer tokens of the settings, tokens of an OAuth issuer, or on this machine anybody."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import SecretStr

from muralist.server.settings import ServerSettings
from muralist.tools.errors import BadSettings

from .oauth import JwtVerifier, Keys


@dataclass(frozen=True)
class NamedTokens:
    """Tokens that stand in the settings, each with its owner's name; they have every scope."""

    tokens: dict[str, SecretStr]
    scopes: list[str]
    resource: str | None

    async def verify_token(self, token: str) -> AccessToken | None:
        """Compares with all of them, and digests of equal length, so that time tells nothing."""
        given = hashlib.sha256(token.encode()).digest()
        names = [
            name
            for name, known in self.tokens.items()
            if hmac.compare_digest(given, hashlib.sha256(known.get_secret_value().encode()).digest())
        ]
        if not names:
            return None
        name = names[0]
        return AccessToken(token=token, client_id=name, subject=name, scopes=self.scopes, resource=self.resource)


@dataclass(frozen=True)
class AnyOf:
    """Takes what the first of several verifiers takes."""

    verifiers: Sequence[TokenVerifier]

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the token says, or None."""
        for verifier in self.verifiers:
            if found := await verifier.verify_token(token):
                return found
        return None


class Admission(NamedTuple):
    """What `MCPServer` takes as `auth` and `token_verifier`; both None where anybody may come in."""

    auth: AuthSettings | None
    token_verifier: TokenVerifier | None


def admission(settings: ServerSettings, keys: Keys | None = None) -> Admission:
    """By the settings; `keys` are those of `settings.oauth_issuer`. Raises BadSettings."""
    verifiers: list[TokenVerifier] = []
    if settings.bearer_tokens:
        verifiers.append(NamedTokens(settings.bearer_tokens, settings.oauth_scopes, settings.resource))
    if settings.oauth_issuer:
        if settings.resource is None:
            raise BadSettings("MURALIST_OAUTH_ISSUER needs MURALIST_PUBLIC_URL: tokens are issued for that address")
        verifiers.append(JwtVerifier(keys or Keys(settings.oauth_issuer), settings.resource))
    if not verifiers:
        return Admission(None, None)
    # Without an issuer there is no metadata to serve, but the SDK wants a name for one.
    issuer = settings.oauth_issuer or settings.public_url or "http://127.0.0.1"
    auth = {
        "issuer_url": issuer,
        "required_scopes": settings.oauth_scopes,
        "resource_server_url": settings.resource if settings.oauth_issuer else None,
        "validate_token_resource": bool(settings.oauth_issuer),
    }
    return Admission(AuthSettings.model_validate(auth), AnyOf(verifiers))
