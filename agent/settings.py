"""Settings from `MURALIST_*` environment variables; everything has a default that works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from muralist.tools.abilities import Placement
from muralist.tools.errors import BadSettings
from muralist.tools.limits import MAX_GUIDANCE, MAX_SIDE, MAX_STEPS, MIN_SIDE, SIDE_STEP
from muralist.tools.metering import Price
from muralist.tools.painting_settings import PaintingSettings

PRICES = 'per million tokens, or per picture, such as {"model": {"input": 2.5, "output": 10}, "x": {"picture": 0.04}}'


class Settings(PaintingSettings, BaseSettings):
    """Which parts to use, how far a run may go, and how pictures are painted."""

    model_config = SettingsConfigDict(env_prefix="MURALIST_", frozen=True, extra="ignore", env_ignore_empty=True)

    backbone: str = Field(
        default="picturebook", min_length=1, description="What paints: a name, a path, a hub id or openai:MODEL."
    )
    placement: Placement = Field(
        default="auto",
        description="How things get into their regions: by attention, by the model's native layout, or by both.",
    )
    model: str = Field(default="offline", min_length=1, description="What recaptions, plans and edits.")
    inspector: str = Field(
        default="picturebook", min_length=1, description="What answers the checklist; several joined by +."
    )
    detector: str = Field(
        default="google/owlv2-base-patch16-ensemble",
        min_length=1,
        description="Zero-shot object detector of the inspector 'grounded': a folder or a hub id.",
    )
    vqa: str | None = Field(
        default=None, min_length=1, description="VQA or CLIP-type model for what 'grounded' cannot tell from boxes."
    )
    inspector_model: str | None = Field(
        default=None, min_length=1, description="The model of an inspector that asks one; left out, the same model."
    )
    instructions: str = Field(
        default="", max_length=20_000, description="What the model has to heed besides its guide."
    )
    vision: bool | None = Field(default=None, description="Whether the model takes pictures; left out, it is tried.")
    rounds: int | None = Field(
        default=None,
        ge=0,
        le=50,
        description="Retouches or new pictures after the first; left out: what `images` allow.",
    )
    images: int | None = Field(default=None, ge=1, le=100, description="Pictures painted per run, the first included.")
    seconds: float = Field(default=600, gt=0, allow_inf_nan=False, description="Seconds per run at most.")
    calls: int | None = Field(default=None, ge=1, description="Calls of models per run at most.")
    tokens: int | None = Field(default=None, ge=1, description="Tokens per run at most, in and out.")
    money: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="What a run's models may cost, by `prices`."
    )
    prices: dict[str, Price] = Field(default_factory=dict, description=PRICES)
    call_seconds: float = Field(
        default=120, gt=0, allow_inf_nan=False, description="Seconds that a model may take to answer."
    )
    strict: bool = Field(
        default=False, description="Refuse prompts with questions that no chosen inspector can answer."
    )
    approve: bool = Field(default=False, description="Wait for a person's word on the plan before painting.")
    steps: int | None = Field(
        default=None, ge=1, le=MAX_STEPS, description="Denoising steps per picture; left out, the model's own."
    )
    guidance: float | None = Field(
        default=None,
        ge=0,
        le=MAX_GUIDANCE,
        allow_inf_nan=False,
        description="Guidance scale; left out, the model's own.",
    )
    width: int | None = Field(
        default=None, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description="Pixels; left out, the model's own."
    )
    height: int | None = Field(
        default=None, ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP, description="Pixels; left out, the model's own."
    )
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
    except SettingsError as error:  # only `prices` is written as JSON
        raise BadSettings(f"MURALIST_PRICES is not JSON ({error.__cause__}): {PRICES}") from None
