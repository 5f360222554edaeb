"""Settings of the server, from `MURALIST_*` variables beside those of `muralist.agent.settings`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from muralist.intake.bounds import Bounds
from muralist.tools.address import LOOPBACK
from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings

MIN_TOKEN = 16
"""Characters of a bearer token at least: fewer could be guessed."""


class ServerSettings(BaseSettings):
    """How many jobs there may be, what may be read, and who may come in over HTTP."""

    model_config = SettingsConfigDict(env_prefix="MURALIST_", frozen=True, extra="ignore", env_ignore_empty=True)

    jobs_at_once: int = Field(default=4, ge=1, le=64, description="Jobs that run at the same time.")
    jobs_waiting: int = Field(default=16, ge=0, le=10_000, description="Jobs that may wait; then the server is busy.")
    jobs_per_owner: int = Field(default=8, ge=1, le=10_000, description="Unfinished jobs of one owner at most.")
    disk_mb: int = Field(default=4096, ge=1, description="No new picture is begun while the home folder holds more.")
    max_pixels: int = Field(default=1024 * 1024, ge=64 * 64, description="Pixels that a caller may ask for.")
    max_steps: int = Field(default=100, ge=1, le=200, description="Denoising steps that a caller may ask for.")

    roots: list[Path] = Field(default_factory=list, description="Folders that import_image may read; JSON list.")
    import_bytes: int = Field(default=8 << 20, ge=1024, description="Bytes of an imported picture at most.")
    import_pixels: int = Field(
        default=40_000_000, ge=64 * 64, le=80_000_000, description="Pixels of an imported picture at most."
    )
    fetch: bool = Field(default=False, description="Whether import_image may fetch https URLs.")

    public_url: str | None = Field(
        default=None, description="How the outside reaches this server: https://host[/path]."
    )
    bearer_tokens: dict[str, SecretStr] = Field(
        default_factory=dict, description='Bearer tokens, JSON: {"owner": "token"}.'
    )
    oauth_issuer: str | None = Field(default=None, description="OAuth authorization server whose tokens are taken.")
    oauth_scopes: list[str] = Field(default_factory=list, description="Scopes that a token must have; JSON list.")
    allowed_hosts: list[str] = Field(default_factory=list, description="Host headers taken, JSON: host or host:port.")
    allowed_origins: list[str] = Field(default_factory=list, description="Origin headers taken; JSON list.")

    @property
    def bounds(self) -> Bounds:
        """Of a picture that is imported."""
        return Bounds(bytes=self.import_bytes, pixels=self.import_pixels)

    @field_validator("roots")
    @classmethod
    def _resolved(cls, roots: list[Path]) -> list[Path]:
        resolved = [root.expanduser().resolve() for root in roots]
        if any(root == root.parent for root in resolved):
            raise ValueError("the whole file system cannot be a root: name folders of pictures")
        return resolved

    @field_validator("bearer_tokens")
    @classmethod
    def _hard_to_guess(cls, tokens: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for owner, token in tokens.items():
            if not re.fullmatch(r"[\w.@-]{1,64}", owner):
                raise ValueError("an owner's name has letters, digits, '.', '_', '@' and '-', 64 at most")
            if not re.fullmatch(rf"[!-~]{{{MIN_TOKEN},}}", token.get_secret_value()):
                raise ValueError(f"the token of {owner} needs {MIN_TOKEN} or more ASCII characters and no spaces")
        values = [token.get_secret_value() for token in tokens.values()]
        if len(set(values)) < len(values):
            raise ValueError("two owners have the same token: give each one of its own")
        return tokens

    @field_validator("public_url", "oauth_issuer")
    @classmethod
    def _proven(cls, url: str | None) -> str | None:
        """https, or http on this machine: over anything else a token can be read on the way."""
        if url is None:
            return None
        parts = urlsplit(url)
        plain = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (parts.scheme == "https" or plain) or not parts.hostname or "@" in parts.netloc:
            raise ValueError("that is not an https URL, such as https://host/path")
        if parts.query or parts.fragment:
            raise ValueError("an address with '?' or '#' cannot be it: leave that out")
        return url

    @property
    def resource(self) -> str | None:
        """The protocol's address as the outside knows it; what OAuth tokens have to be issued for (RFC 8707)."""
        return None if self.public_url is None else f"{self.public_url.removesuffix('/')}/mcp"


def load(**changes: Any) -> ServerSettings:
    """The environment's settings, with `changes` that are not None on top. Raises BadSettings in one line."""
    try:
        return ServerSettings(**{name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        name, _, complaint = one_line(error).partition(":")  # and no value, which may be a secret
        raise BadSettings(f"MURALIST_{name.upper()}:{complaint}") from None
    except SettingsError as error:
        name = re.findall(r'"(\w+)"', str(error))[0]
        raise BadSettings(
            f"MURALIST_{name.upper()} is not JSON: {ServerSettings.model_fields[name].description}"
        ) from None
