"""What of a run is frozen when it begins: its parts by name, its options and its budget."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadSettings
from muralist.tools.metering import Price
from muralist.tools.profile import Profile, profile_of
from muralist.tools.run import Options, Run
from muralist.tools.usage import Budget

if TYPE_CHECKING:
    from muralist.agent import Settings

PARTS = (
    "backbone", "placement", "model", "inspector", "inspector_model", "detector", "vqa", "vision", "instructions",
    "prices", "call_seconds", "dtype", "quantize", "lora", "vae", "scheduler", "variant", "revision", "compile",
)  # fmt: skip
"""The settings that say what works on a run, and how it is asked."""
FROZEN = frozenset({*PARTS, *Options.model_fields, *Budget.model_fields})
"""The names of all that a run keeps as it was begun."""


SIZES = ("width", "height", "steps", "guidance")
"""The settings that are the painter's own where they are left out."""


def profile_for(settings: Settings, painter: object) -> Profile:
    """The painter's own profile, with the size, steps and guidance that the settings give."""
    given = {name: getattr(settings, name) for name in SIZES}
    return profile_of(painter).model_copy(update={name: value for name, value in given.items() if value is not None})


def new_run(settings: Settings, profile: Profile, seed: int = 0, owner: str = "local", **fields: Any) -> Run:
    """A run with the settings' parts and budget, painted by the profile, before it has a scene. Raises BadSettings."""
    try:
        options = Options(
            seed=seed, strict=settings.strict, approve=settings.approve, **profile.model_dump(include=set(SIZES))
        )
        budget = Budget.of(**{name: getattr(settings, name) for name in Budget.model_fields})
    except ValidationError as error:
        raise BadSettings(one_line(error)) from None
    parts = settings.model_dump(mode="json", include=set(PARTS), exclude_defaults=True)
    parts |= {name: getattr(settings, name) for name in ("backbone", "model", "inspector")}
    return Run.open(owner, options=options, budget=budget, drafted_by=settings.model, parts=parts, **fields)


def settings_of(run: Run, settings: Settings) -> Settings:
    """The settings that a run was begun with, in this environment: home folder, addresses and keys are of today."""
    if not run.parts:
        return settings
    options = run.options.model_dump(include={"width", "height", "steps", "guidance", "strict", "approve"})
    defaults = _defaults()
    prices = {name: Price.model_validate(price) for name, price in run.parts.get("prices", {}).items()}
    # A copy: to read the environment anew takes longer than all else, and the ledger's values were checked once.
    return settings.model_copy(update={**options, **run.budget.model_dump(), **defaults, **run.parts, "prices": prices})


def check_same(run: Run, said: Mapping[str, Any], instead: str = "leave it out to go on, or fork the run") -> None:
    """Raise BadSettings unless all that is said, by the settings' names, is as the run was begun with.

    `instead`: what would be right.
    """
    known = {**_defaults(), **run.options.model_dump(mode="json"), **run.budget.model_dump(mode="json"), **run.parts}
    for name, value in said.items():
        if value is not None and known.get(name) != value:
            raise BadSettings(f"run {run.run_id} was begun with {name} {known.get(name)!r}, not {value!r}: {instead}")


@cache
def _defaults() -> Mapping[str, Any]:
    """The parts of a run of which nothing was said."""
    from muralist.agent.settings import Settings

    return {name: Settings.model_fields[name].get_default(call_default_factory=True) for name in PARTS}
