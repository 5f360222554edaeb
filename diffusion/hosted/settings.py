"""Where pictures are painted by the OpenAI images protocol, and what the service takes: read from the environment."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from muralist.diffusion.layout_prompts import FormatName
from muralist.tools.address import OPENAI, Address, Variables
from muralist.tools.errors import BadSettings

Extra = Literal["seed", "num_inference_steps", "guidance_scale", "negative_prompt"]
Size = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$")]
MODEL = "MURALIST_BACKBONE"
PREFIX = "MURALIST_"


class HostedSettings(BaseSettings):
    """`MURALIST_IMAGES_*`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    images_base_url: str = Field(default="", description="Where `openai:…` paints; left out: `OPENAI_BASE_URL`.")
    images_key: str = Field(default="", repr=False, description="Its key; left out: `OPENAI_API_KEY`.")
    images_sizes: list[Size] = Field(
        default_factory=list,
        description='The only sizes that it paints, such as ["1024x1024"]; left out: known of OpenAI\'s, else any.',
    )
    images_layout: FormatName | None = Field(
        default=None,
        description="How it is told a layout: ideogram, fibo, flux2, moss or words; left out: by its name.",
    )
    images_extra: list[Extra] = Field(
        default_factory=list,
        description="What it takes besides, JSON list of seed, num_inference_steps, guidance_scale, negative_prompt.",
    )
    images_options: dict[str, Any] = Field(
        default_factory=dict, description='Fields that are sent as they are, such as {"quality": "low"}.'
    )
    images_partial: int = Field(
        default=2, ge=0, le=3, description="Pictures shown while one is painted, where it streams; 0 asks for none."
    )

    @property
    def address(self) -> Address:
        """Where to paint. A key goes with the address that it was given for. Raises BadSettings if it cannot be one."""
        url, key = self.images_base_url, self.images_key
        variables = Variables(f"{PREFIX}IMAGES_BASE_URL", f"{PREFIX}IMAGES_KEY", MODEL)
        if not url:
            url = os.environ.get("OPENAI_BASE_URL") or OPENAI
            key = key or os.environ.get("OPENAI_API_KEY", "")
            variables = Variables(key=variables.key if self.images_key else Variables.key, model=MODEL)
        address = Address(url, key.strip(), variables)
        address.check()
        return address

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """`images_sizes` as (width, height)."""
        return tuple((int(width), int(height)) for width, height in (size.split("x") for size in self.images_sizes))


def load() -> HostedSettings:
    """The environment's settings. Raises BadSettings, naming the variable."""
    try:
        return HostedSettings()
    except ValidationError as error:
        first = error.errors()[0]
        raise BadSettings(
            f"{PREFIX}{str(first['loc'][0]).upper()} is {first['input']!r}: {first['msg'].lower()}"
        ) from None
    except SettingsError as error:  # names the field, not the variable
        raise BadSettings(f"one of {PREFIX}IMAGES_SIZES, _EXTRA and _OPTIONS is not JSON: {error.__cause__}") from None
