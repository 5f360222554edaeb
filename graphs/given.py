"""A scene and a layout that the caller brought, as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from muralist.tools.catalogue import one_line
from muralist.tools.errors import BadLayout, BadScene
from muralist.tools.layout import Grid, Layout
from muralist.tools.scene import Scene


def layout_from(plan: dict[str, Any]) -> Layout:
    """A `Layout` or a `Grid` as JSON. Raises BadLayout."""
    try:
        return Layout.model_validate(plan) if "regions" in plan else Grid.model_validate(plan).layout()
    except ValidationError as error:
        raise BadLayout(f"the layout cannot be used: {one_line(error)}") from None


def scene_from(scene: dict[str, Any] | None, prompt: str) -> Scene | None:
    """A `Scene` as JSON; the prompt is the user's, word for word. Raises BadScene."""
    if scene is None:
        return None
    try:
        return Scene.model_validate({**scene, "prompt": prompt})
    except ValidationError as error:
        raise BadScene(f"the scene cannot be used: {one_line(error)}") from None
