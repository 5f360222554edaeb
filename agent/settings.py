"""Settings from `MURALIST_*` environment variables; everything has a default that works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from muralist.tools.errors import BadSettings
from muralist.tools.limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE, SIDE_STEP


class Settings(BaseSettings):
    """Which parts to use, how far a run may go, and how pictures are painted."""

    model_config = SettingsConfigDict(env_prefix="MURALIST_", frozen=True, extra="ignore", env_ignore_empty=True)

    backbone: str = Field(default="picturebook", min_length=1, description="What paints: a name, a path or a hub id.")
    model: str = Field(default="offline", min_length=1, description="What recaptions, plans and edits.")
    inspector: str = Field(default="picturebook", min_length=1, description="What answers the checklist.")
    rounds: int = Field(default=4, ge=0, le=50, description="Retouches or new pictures after the first.")
    images: int = Field(default=8, ge=1, le=100, description="Pictures per run at most.")
    seconds: float = Field(default=600, gt=0, allow_inf_nan=False, description="Seconds per run at most.")
    steps: int = Field(default=20, ge=1, le=MAX_STEPS, description="Denoising steps per picture.")
    guidance: float = Field(default=4.0, ge=0, le=MAX_GUIDANCE, allow_inf_nan=False, description="Guidance scale.")
    width: int = Field(default=128, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description="Pixels.")
    height: int = Field(default=128, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description="Pixels.")
    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("muralist")), description="Where runs are kept."
    )

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        """`~` as shells have it: variables in a client's configuration file pass through none."""
        try:
            return home.expanduser()
        except RuntimeError:
            raise ValueError("there is no home folder of that user") from None


def load(**given: Any) -> Settings:
    """The settings of this environment, with `given` (None: not given) on top; BadSettings naming what is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        origin = name if given.get(name) is not None else f"MURALIST_{name.upper()}"
        raise BadSettings(f"{origin} is {first['input']!r}: {first['msg'].lower()}") from None
