"""Free cells of a grid go to their neighbours, so that the regions tile the canvas as far as the constraints allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from muralist.tools.predicates import X

from .constraints import Constraints
from .grid import Cells, Grid, in_third


@dataclass(frozen=True)
class _Growth:
    """Free instance number `owner` taking the rectangle `cells`; the lower `cost` and `rank`, the sooner."""

    owner: int
    cells: Cells
    cost: float
    rank: int


def tile(grid: Grid, constraints: Constraints) -> list[Cells]:
    """Grow every instance's cell strip by strip into free cells, first where it disturbs the alignment least."""
    taken: list[Cells] = [(cell, cell) for cell in grid.cells]
    while growths := list(_growths(taken, grid, constraints)):
        chosen = min(growths, key=lambda growth: (growth.cost, growth.rank, growth.owner))
        taken[chosen.owner] = chosen.cells
    return taken


def _growths(taken: list[Cells], grid: Grid, constraints: Constraints) -> Iterator[_Growth]:
    free = constraints.free
    for owner, ((row0, column0), (row1, column1)) in enumerate(taken):
        sideways = [((row0, column0), (row1, column1 + 1)), ((row0, column0 - 1), (row1, column1))]
        upwards = [((row0, column0), (row1 + 1, column1)), ((row0 - 1, column0), (row1, column1))]
        for rank, cells in enumerate(sideways + upwards):
            (top, left), (bottom, right) = cells
            if top < 0 or left < 0 or bottom >= grid.rows or right >= grid.columns:
                continue
            if any(other != owner and _meet(cells, taken[other]) for other in range(len(taken))):
                continue
            tried = [cells if at == owner else known for at, known in enumerate(taken)]
            if in_third(constraints, free[owner], cells, (grid.rows, grid.columns)) and _keeps(tried, constraints):
                yield _Growth(owner, cells, _askew(tried, grid, constraints), rank // 2)


def _meet(one: Cells, two: Cells) -> bool:
    return all(one[0][axis] <= two[1][axis] and two[0][axis] <= one[1][axis] for axis in (0, 1))


def _keeps(taken: list[Cells], constraints: Constraints) -> bool:
    """True if every ordered pair still has all of one before all of the other."""
    position = {instance: at for at, instance in enumerate(constraints.free)}
    for edge in constraints.edges:
        side = 1 if edge.axis == X else 0
        if taken[position[edge.before]][1][side] >= taken[position[edge.after]][0][side]:
            return False
    return True


def _askew(taken: list[Cells], grid: Grid, constraints: Constraints) -> float:
    """By how much things that should be on one height, or one above the other, are not, in canvas sides."""
    position = {instance: at for at, instance in enumerate(constraints.free)}
    total = 0.0
    for pairs, side, length in ((constraints.level, 0, grid.rows), (constraints.upright, 1, grid.columns)):
        for one, two in pairs:
            a, b = taken[position[one]], taken[position[two]]
            total += abs(a[0][side] + a[1][side] - b[0][side] - b[1][side]) / 2 / length
    return round(total, 9)
