"""Edits: what can be changed on a picture, where, and as which layout it is repainted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, model_validator

from .errors import BadEdit
from .layout import Box, Instance, Layout, Region
from .scene import Entity, Scene
from .value import Value
from .words import with_article, with_ground

Action = Literal["add", "remove", "refine", "replace", "recolour", "move"]
"""`replace` forgets what was there, `refine` goes on from it: the same thing in the same place, better formed."""

REFINING = 0.5
"""Strength at which a thing is refined."""

MIN_EDIT = 1 / 8
"""Shortest side of a repainted box, as a fraction of the canvas; shorter ones are widened."""
MAX_SHARED = 0.1
"""Share of the smaller box up to which two edits, or an edit and what stands beside it, do not disturb each other."""


class Edit(Value):
    """One change to a picture. `box` is where it happens; a move goes from `box` to `to`."""

    action: Action
    entity: str = Field(
        default="",
        description="Id of the scene's entity that this edit is for; to remove what nobody asked for, left out.",
    )
    index: int = Field(default=0, ge=0, le=15, description="Which of the entity's instances.")
    box: Box = Field(description="Where: of a move, where it stands now.")
    to: Box | None = Field(default=None, description="Of a move: where it has to go.")

    @model_validator(mode="after")
    def _move_has_two_boxes(self) -> Self:
        if (self.action == "move") != (self.to is not None):
            raise ValueError("a move needs both 'box' and 'to'; every other action only 'box'")
        if not self.entity and self.action != "remove":
            raise ValueError(f"{self.action} needs an 'entity' of the scene; only remove can do without")
        return self

    @property
    def target(self) -> str:
        """The instance it is for, `cup.0`, or about where it is that nobody asked for: `other.3-5`."""
        if self.entity:
            return f"{self.entity}.{self.index}"
        return "other." + "-".join(str(int(middle / MIN_EDIT)) for middle in self.box.centre)

    def of(self, names: Mapping[str, str]) -> str:
        """What it is for as readers are told it; `names` are those of entities by id, which else go by that."""
        return names.get(self.entity, self.entity) or "what nobody asked for"

    @property
    def boxes(self) -> list[Box]:
        """The boxes that are repainted, none below the smallest size."""
        return [sizeable(box) for box in (self.box, self.to) if box is not None]

    def apart_from(self, other: Edit) -> bool:
        """True if the two can be painted at once."""
        return all(one.overlap(two) <= MAX_SHARED for one in self.boxes for two in other.boxes)


def sizeable(box: Box) -> Box:
    """The box, widened about its centre to the smallest size of an edit and kept on the canvas."""
    x0, x1 = _stretched(box.x0, box.x1)
    y0, y1 = _stretched(box.y0, box.y1)
    return Box(x0=x0, y0=y0, x1=x1, y1=y1)


def _stretched(low: float, high: float) -> tuple[float, float]:
    if high - low >= MIN_EDIT:
        return low, high
    start = min(max(0.0, (low + high - MIN_EDIT) / 2), 1.0 - MIN_EDIT)
    return start, start + MIN_EDIT


def edit_layout(edits: Sequence[Edit], scene: Scene) -> Layout:
    """The edits as regions to repaint: an entity's name where it has to appear, bare background where it has to go.

    Around the regions there is nothing to be painted, and the base prompt says so: else a thing would reach over the
    edge of its box and be cut off there.

    Raises BadEdit for an unknown entity or instance (one too many may be removed), for what has to be kept of a given
    picture, or edits whose boxes overlap by more than a tenth.
    """
    regions: list[Region] = []
    clears = with_ground("nothing", scene.background)
    for edit in edits:
        if not edit.entity:
            regions += [_region(clears, box, []) for box in edit.boxes]
            continue
        entity = _entity(edit, scene)
        paints = with_ground(with_article(entity.name), scene.background)
        *cleared, painted = edit.boxes
        if edit.action == "remove":
            regions.append(_region(clears, painted, []))
        else:
            regions += [_region(clears, box, []) for box in cleared]
            strength = REFINING if edit.action == "refine" else 1.0
            regions.append(_region(paints, painted, [Instance(entity=entity.id, index=edit.index)], strength))
    for a, b in combinations(edits, 2):
        if not a.apart_from(b):
            raise BadEdit(
                f"the edits of {a.entity or 'others'} and {b.entity or 'others'} overlap: do one after the other"
            )
    return Layout(regions=regions, base_prompt=clears, base_ratio=0.0)


def _entity(edit: Edit, scene: Scene) -> Entity:
    try:
        entity = scene.entity(edit.entity)
    except KeyError:
        names = ", ".join(entity.id for entity in scene.entities)
        raise BadEdit(f"there is no entity '{edit.entity}': the scene has {names}") from None
    if entity.id in scene.kept:
        raise BadEdit(f"the {entity.name} has to stay as it is: the wish does not speak of it, so edit something else")
    if edit.action != "remove" and edit.index >= entity.count:
        raise BadEdit(
            f"there is no {entity.id} number {edit.index + 1} to {edit.action}: the scene has {entity.count}, "
            f"so index goes from 0 to {entity.count - 1}"
        )
    return entity


def _region(prompt: str, box: Box, instances: list[Instance], strength: float = 1.0) -> Region:
    return Region(prompt, box.x0, box.y0, box.x1, box.y1, instances=instances, strength=strength)
