"""What every value of the project is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value; unknown fields are refused by name."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")
