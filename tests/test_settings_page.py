"""docs/settings.md lists every setting as the code has it; `python tests/test_settings_page.py` prints its tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from muralist.agent.settings import Settings
from muralist.diffusion.engine.settings import EngineSettings
from muralist.diffusion.hosted.settings import HostedSettings
from muralist.server.settings import ServerSettings
from muralist.server.variables import PREFIX, TRAINING, known
from muralist.tools.painting_settings import PaintingSettings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
TABLES: list[type[BaseModel]] = [Settings, PaintingSettings, EngineSettings, HostedSettings, ServerSettings]


def table(settings: type[BaseModel]) -> str:
    """A row per setting of its own: variable, default, description."""
    inherited = {name for base in settings.__bases__ for name in getattr(base, "model_fields", {})}
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |"
        for name, field in settings.model_fields.items()
        if name not in inherited
    ]
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows])


def _shown(default: object) -> str:
    """Empty if there is none, or one that depends on the machine."""
    if default is None or default is PydanticUndefined or default == "":
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize("settings", TABLES)
def test_the_page_has_every_setting_with_its_default(settings: type[BaseModel]) -> None:
    assert table(settings) in PAGE.read_text("utf-8"), f"the table has to be:\n\n{table(settings)}"


def test_the_page_names_every_variable_that_is_read() -> None:
    page = PAGE.read_text("utf-8")
    inside = [PREFIX + name.upper() for name in TRAINING]
    assert [name for name in known() if f"`{name}`" not in page and name not in inside] == []


if __name__ == "__main__":
    print("\n\n".join(map(table, TABLES)))
