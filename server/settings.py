"""Settings of the server, from `MURALIST_*` variables beside those of `muralist.agent.settings`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings


class ServerSettings(BaseSettings):
    """How many jobs there may be, what may be read, and who may come in over HTTP."""

    model_config = SettingsConfigDict(env_prefix="MURALIST_", frozen=True, extra="ignore", env_ignore_empty=True)

    jobs_at_once: int = Field(default=4, ge=1, le=64, description="Jobs that run at the same time.")
    jobs_waiting: int = Field(default=16, ge=0, le=10_000, description="Jobs that may wait; then the server is busy.")
    disk_mb: int = Field(default=4096, ge=1, description="No new picture is begun while the home folder holds more.")
    max_pixels: int = Field(default=1024 * 1024, ge=64 * 64, description="Pixels that a caller may ask for.")
    max_steps: int = Field(default=100, ge=1, le=200, description="Denoising steps that a caller may ask for.")

    roots: list[Path] = Field(default_factory=list, description="Folders that import_image may read; JSON list.")
    import_bytes: int = Field(default=8 << 20, ge=1024, description="Bytes of an imported picture at most.")
    import_pixels: int = Field(default=40_000_000, ge=64 * 64, description="Pixels of an imported picture at most.")
    fetch: bool = Field(default=False, description="Whether import_image may fetch https URLs.")

    public_url: str | None = Field(
        default=None, description="How the outside reaches this server: https://host[/path]."
    )
    tokens: dict[str, SecretStr] = Field(default_factory=dict, description='Bearer tokens, JSON: {"owner": "token"}.')
    oauth_issuer: str | None = Field(default=None, description="OAuth authorization server whose tokens are taken.")
    oauth_scopes: list[str] = Field(default_factory=list, description="Scopes that a token must have; JSON list.")
    allowed_hosts: list[str] = Field(default_factory=list, description="Host headers taken, JSON: host or host:port.")
    allowed_origins: list[str] = Field(default_factory=list, description="Origin headers taken; JSON list.")

    @field_validator("roots")
    @classmethod
    def _resolved(cls, roots: list[Path]) -> list[Path]:
        return [root.expanduser().resolve() for root in roots]


def load(**changes: Any) -> ServerSettings:
    """The environment's settings, with `changes` that are not None on top. Raises BadSettings in one line."""
    try:
        return ServerSettings(**{name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        raise BadSettings(f"MURALIST_{one_line(error)}") from None
    except SettingsError as error:
        raise BadSettings(f"{error}: give JSON") from None
