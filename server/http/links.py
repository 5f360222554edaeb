"""Links that open one picture or page to whoever holds them, for a while."""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from muralist.tools.errors import BadSettings, NotAllowed

SECRET_BYTES = 32
LASTS = 3600.0
"""Seconds that a link is good for, unless told otherwise."""


@dataclass(frozen=True)
class Links:
    """Signs and checks paths under `public_url`; HMAC-SHA-256 over path, owner and time of expiry."""

    public_url: str
    secret: bytes = field(repr=False)

    def link(self, path: str, owner: str, expires: float | None = None) -> str:
        """An absolute URL of `path` that shows what is `owner`'s until `expires`, in seconds of Unix time."""
        return self.public_url.removesuffix("/") + self.path(path, owner, expires)

    def path(self, path: str, owner: str, expires: float | None = None) -> str:
        """The same without the host, for a page of this server."""
        until = int(time.time() + LASTS if expires is None else expires)
        query = urlencode({"owner": owner, "expires": until, "signature": self._signature(path, owner, until)})
        return f"{quote(path)}?{query}"

    def checked(self, path: str, query: Mapping[str, str], now: float | None = None) -> str:
        """The owner that a link speaks for. Raises NotAllowed if it was changed, or is too old."""
        owner, until = query.get("owner", ""), query.get("expires", "")
        if not (until.isascii() and until.isdigit() and len(until) <= 12):
            raise NotAllowed("the link is not whole: ask for a new one")
        expected = self._signature(path, owner, int(until))
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
            raise NotAllowed("the link is not one that this server made: ask for a new one")
        if int(until) < (time.time() if now is None else now):
            raise NotAllowed("the link has expired: ask for a new one")
        return owner

    def _signature(self, path: str, owner: str, expires: int) -> str:
        signed = json.dumps(["muralist link", path, owner, expires]).encode()
        return base64.urlsafe_b64encode(hmac.digest(self.secret, signed, "sha256")).decode().rstrip("=")


def secret(home: Path) -> bytes:
    """The secret of the links of one home folder, made at the first call; only the user may read it.

    Several processes may ask at once: it is written beside its place and linked into it, which only one can do. Raises
    BadSettings.
    """
    path = home.expanduser() / "links.secret"
    try:
        if not path.exists():
            _make(path)
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise BadSettings(f"{path} can be read by others: run chmod 600 on it, or delete it to have a new one made")
        found = path.read_bytes()
    except OSError as error:
        raise BadSettings(f"{path} cannot be read or made ({error.strerror}): choose another MURALIST_HOME") from None
    if len(found) != SECRET_BYTES:
        raise BadSettings(f"{path} is damaged: delete it, and a new one is made; links that were given out end")
    return found


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(secrets.token_bytes(SECRET_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # another process was faster
            os.link(beside, path)
    finally:
        beside.unlink()
