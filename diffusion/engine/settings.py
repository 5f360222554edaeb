"""How the engine shares its backbone: read from the environment, once per process."""

from __future__ import annotations

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from muralist.tools.errors import BadSettings


class EngineSettings(BaseSettings):
    """`MURALIST_BATCH`, `MURALIST_QUEUE`, `MURALIST_IDLE`, `MURALIST_PICTURE_SECONDS`."""

    model_config = SettingsConfigDict(env_prefix="MURALIST_", frozen=True, extra="ignore", env_ignore_empty=True)

    batch: int = Field(
        default=1, ge=1, le=64, description="Pictures painted together; 1 paints one by one, byte for byte the same."
    )
    queue: int = Field(default=64, ge=1, description="Pictures that may wait; more are refused as busy.")
    idle: float = Field(default=600, gt=0, description="Seconds without work after which the backbone is unloaded.")
    picture_seconds: float | None = Field(
        default=None, gt=0, description="Seconds that a picture may take, waiting included."
    )


def load() -> EngineSettings:
    """The environment's settings. Raises BadSettings, naming the variable."""
    try:
        return EngineSettings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"MURALIST_{str(first['loc'][0]).upper()}"
        raise BadSettings(f"{variable} is '{first['input']}': {first['msg'].lower()}") from None
