"""From scene to layout: one region per instance, so that the stated places and relations hold between the boxes.

Every instance gets a cell of a small grid. `left of`, `above` and the like are strict orders of columns or rows, places
restrict the cells, `between` is an order on one axis; what is only wished for (neighbours side by side, things that
stand left and right of each other on one height) decides among the grids that remain. Free cells then go to their
neighbours as long as no order is touched. Because orders are kept between whole intervals, whatever is painted inside
its region satisfies them.
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

from muralist.tools.errors import BadLayout
from muralist.tools.geometry import broken_relations
from muralist.tools.layout import MAX_REGIONS, MIN_REGION, Box, Instance, Layout, Region
from muralist.tools.scene import Scene
from muralist.tools.words import with_article, with_ground

from .constraints import Constraints, constraints_of
from .grid import Cells, Grid, best_grid
from .tiling import tile

_INNER = 0.15
"""Share of a container that is left free on each side of what is inside it."""


def lay_out(scene: Scene) -> Layout:
    """One region for each instance of each entity; they tile the canvas where the relations leave no cell free.

    What is inside another thing gets a box inside that thing's region. The same scene always gives the same layout.
    Raises BadLayout if there is nothing to place, if there are more than 16 instances, or if relations and places
    contradict each other (they are named).
    """
    instances = [Instance(entity=entity.id, index=index) for entity in scene.entities for index in range(entity.count)]
    if not instances:
        raise BadLayout("the scene has nothing to place: give it an entity at least")
    if len(instances) > MAX_REGIONS:
        raise BadLayout(f"the scene asks for {len(instances)} things, {MAX_REGIONS} at most fit: lower the counts")
    failure: BadLayout | None = None
    second_best: Layout | None = None
    for constraints in constraints_of(scene, instances):
        try:
            boxes = _boxes(constraints)
        except BadLayout as error:
            failure = failure or error
            continue
        layout = Layout(
            regions=[region_of(scene, each, boxes[at]) for at, each in enumerate(instances)],
            base_prompt=scene.caption,
        )
        if not broken_relations(scene, layout):
            return layout
        second_best = second_best or layout
    if second_best is None:
        raise failure or BadLayout("the scene cannot be laid out: state fewer relations")
    return second_best


def region_of(scene: Scene, instance: Instance, box: Box) -> Region:
    """One instance, whatever the entity's count, on the whole picture's ground."""
    prompt = with_ground(with_article(scene.entity(instance.entity).name), scene.background)
    return Region(prompt, box.x0, box.y0, box.x1, box.y1, instances=[instance])


def _boxes(constraints: Constraints) -> list[Box]:
    """A box for every instance: the grid's cells first, then what is inside one of them."""
    grid = best_grid(constraints)
    placed = dict(zip(constraints.free, tile(grid, constraints), strict=True))
    boxes = {at: _box(cell, grid) for at, cell in placed.items()}
    for container in TopologicalSorter({at: [around] for at, around in constraints.inside.items()}).static_order():
        if contents := [at for at, around in constraints.inside.items() if around == container]:
            boxes.update(zip(contents, _within(boxes[container], len(contents)), strict=True))
    return [boxes[at] for at in range(len(boxes))]


def _box(cells: Cells, grid: Grid) -> Box:
    (row0, column0), (row1, column1) = cells
    return Box(
        x0=column0 / grid.columns, y0=row0 / grid.rows, x1=(column1 + 1) / grid.columns, y1=(row1 + 1) / grid.rows
    )


def _within(box: Box, number: int) -> Sequence[Box]:
    """Boxes side by side around the middle of a container."""
    left, right = box.x0 + _INNER * box.width, box.x1 - _INNER * box.width
    top, bottom = box.y0 + _INNER * box.height, box.y1 - _INNER * box.height
    step = (right - left) / number
    if min(step, bottom - top) < MIN_REGION:
        raise BadLayout(f"{number} things do not fit inside another one of width {box.width:g}: lower the counts")
    return [Box(x0=left + at * step, y0=top, x1=left + (at + 1) * step, y1=bottom) for at in range(number)]
