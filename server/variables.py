"""The `MURALIST_*` variables of the environment that nothing reads: a misspelt one would be as good as not set."""

from __future__ import annotations

import difflib
import os

from muralist.agent.settings import Settings
from muralist.server.settings import ServerSettings
from muralist.tools.errors import BadSettings

PREFIX = "MURALIST_"
ENGINE = ("batch", "idle", "picture_seconds", "queue", "threads")
"""What `muralist.diffusion` reads."""
IMAGES = tuple(f"images_{name}" for name in ("base_url", "extra", "key", "layout", "options", "partial", "sizes"))
"""What `muralist.diffusion.hosted` reads."""
TRAINING = ("training_supervisor",)
"""What the picturebook's training tells its own processes."""


def known() -> list[str]:
    """All that are read."""
    fields = (*Settings.model_fields, *ServerSettings.model_fields, *ENGINE, *IMAGES, *TRAINING)
    return [PREFIX + name.upper() for name in fields]


def unknown() -> list[str]:
    """A line for each that is set and not read, with the one that was probably meant; values are not repeated."""
    names = known()
    given = {name.upper() for name, value in os.environ.items() if value}
    return [_line(name, names) for name in sorted(given) if name.startswith(PREFIX) and name not in names]


def check(settings: Settings) -> None:
    """Raise BadSettings if there are any, or one that no server can keep to."""
    if lines := unknown():
        raise BadSettings("; ".join(lines))
    if settings.approve:
        raise BadSettings(
            "MURALIST_APPROVE is not for a server, where nobody is asked: unset it; assistants that call recaption and "
            "plan show the plan before they paint"
        )


def _line(name: str, names: list[str]) -> str:
    meant = difflib.get_close_matches(name.removeprefix(PREFIX), [each.removeprefix(PREFIX) for each in names], n=1)
    if meant:
        return f"{name} is not known: did you mean {PREFIX}{meant[0]}?"
    return f"{name} is not known: unset it; docs/settings.md lists those that are"
