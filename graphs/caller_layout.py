"""A layout that the caller brought: it takes the place of the agent's plan."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout
from muralist.tools.layout import Grid, Layout
from muralist.tools.matching import with_instances
from muralist.tools.scene import Scene


def layout_from(plan: dict[str, Any]) -> Layout:
    """A `Layout` or a `Grid` as JSON. Raises BadLayout."""
    try:
        return Layout.model_validate(plan) if "regions" in plan else Grid.model_validate(plan).layout()
    except ValidationError as error:
        raise BadLayout(f"the layout cannot be used: {one_line(error)}") from None


def for_scene(plan: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The caller's layout as JSON, its regions matched with the scene's entities by name. Raises BadLayout."""
    return with_instances(layout_from(plan), scene).model_dump(mode="json", exclude_none=True)
