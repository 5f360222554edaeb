"""Whose request it is: runs, pictures and links belong to an owner."""

from __future__ import annotations

import hashlib
import json

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, principal_components

LOCAL = "local"
"""Who asks without authentication: over stdio, and over HTTP on this machine."""


def owner() -> str:
    """The owner of what the current request makes, and of all that it may see."""
    token = get_access_token()
    return LOCAL if token is None else owner_of(token)


def owner_of(token: AccessToken) -> str:
    """A stable name: `token:NAME`, or `oauth:` and a digest of issuer and subject.

    A subject is unique only at its issuer, and both may say more about somebody than a file or a link should.
    """
    client, issuer, subject = principal_components(token)
    if issuer is None:
        return f"token:{client}"
    return f"oauth:{hashlib.sha256(json.dumps([issuer, subject]).encode()).hexdigest()[:32]}"
