"""The search for cells: the smallest grid on which all constraints and places hold, and the best filling of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from muralist.tools.errors import BadLayout
from muralist.tools.predicates import X, Y

from .constraints import Constraints, levels

Cell = tuple[int, int]
"""(row, column)."""
Cells = tuple[Cell, Cell]
"""The first and the last cell of a rectangle, both inclusive."""

_MOST_SIDES = 16
_MOST_STEPS = 4000
"""Cells tried per grid: enough for every scene of eight things, and a bound for the worst of sixteen."""
_MOST_FILLINGS = 12
"""Grids tried in vain before every instance is given a row and a column of its own."""

_SLACK = 1e-6


@dataclass(frozen=True)
class Grid:
    """`cells[i]` is where the i-th free instance goes."""

    rows: int
    columns: int
    cells: tuple[Cell, ...]


def best_grid(constraints: Constraints) -> Grid:
    """Fill the first grid that can be filled, near-square ones first.

    Where the search comes to nothing, constraints alone can always be kept by a row and a column for each instance.
    With places that may fail too: BadLayout.
    """
    number = len(constraints.free)
    (left, right), (over, under) = levels(constraints, X), levels(constraints, Y)
    narrow = max(left[at] + right[at] + 1 for at in constraints.free)
    low = max(over[at] + under[at] + 1 for at in constraints.free)
    tried = 0
    for rows, columns in _shapes(number, low, narrow):
        domains = [
            [
                (row, column)
                for row, column in product(range(over[at], rows - under[at]), range(left[at], columns - right[at]))
                if in_third(constraints, at, ((row, column), (row, column)), (rows, columns))
            ]
            for at in constraints.free
        ]
        if not all(domains):
            continue
        cells = _fill(constraints, domains)
        if cells is not None:
            return Grid(rows, columns, cells)
        tried += 1
        if tried == _MOST_FILLINGS:
            break
    apart = _apart(constraints, over, left)
    if all(
        in_third(constraints, at, (cell, cell), (number, number))
        for at, cell in zip(constraints.free, apart, strict=True)
    ):
        return Grid(number, number, apart)
    spoken = "; ".join(dict.fromkeys(edge.why for edge in constraints.edges)) or "the places"
    raise BadLayout(f"no grid of up to {_MOST_SIDES} rows and columns holds all of this: {spoken}"[:500])


def _apart(constraints: Constraints, over: dict[int, int], left: dict[int, int]) -> tuple[Cell, ...]:
    """A row and a column of its own for every instance; longest chains are topological orders."""
    rows = sorted(constraints.free, key=lambda at: (over[at], at))
    columns = sorted(constraints.free, key=lambda at: (left[at], at))
    return tuple((rows.index(at), columns.index(at)) for at in constraints.free)


def in_third(constraints: Constraints, instance: int, cells: Cells, shape: tuple[int, int]) -> bool:
    """True if the centre of a rectangle of cells lies in the third of the canvas that the instance's place names."""
    (first, last), (rows, columns) = cells, shape
    wanted = constraints.thirds.get(instance, (None, None))
    x = (first[1] + last[1] + 1) / 2 / columns
    y = (first[0] + last[0] + 1) / 2 / rows
    return all(
        third is None or third / 3 + _SLACK < centre < (third + 1) / 3 - _SLACK
        for third, centre in zip(wanted, (x, y), strict=True)
    )


def _shapes(number: int, low: int, narrow: int) -> list[tuple[int, int]]:
    """Grids that are large enough: the shorter their longer side the better, then the fewer cells, then the wider."""
    sides = range(1, _MOST_SIDES + 1)
    shapes = [(r, c) for r, c in product(sides, sides) if r * c >= number and r >= low and c >= narrow]
    return sorted(shapes, key=lambda shape: (max(shape), shape[0] * shape[1], shape[0]))


def _fill(constraints: Constraints, domains: list[list[Cell]]) -> tuple[Cell, ...] | None:
    """Give every free instance a cell of its own: depth first in order of mention, keeping the cheapest filling."""
    free = constraints.free
    position = {instance: at for at, instance in enumerate(free)}
    checks: list[list[tuple[int, int, bool]]] = [[] for _ in free]
    for edge in constraints.edges:
        one, two = position[edge.before], position[edge.after]
        later = max(one, two)
        checks[later].append((edge.axis, min(one, two), later == two))
    wishes: list[list[tuple[str, int]]] = [[] for _ in free]
    for kind, pairs in (("level", constraints.level), ("upright", constraints.upright)):
        for one, two in pairs:
            if one != two:
                wishes[max(position[one], position[two])].append((kind, min(position[one], position[two])))
    nearest: list[list[tuple[int, list[int]]]] = [[] for _ in free]
    for one, others in constraints.near:
        if one not in others:
            group = [position[two] for two in others]
            nearest[max(position[one], *group)].append((position[one], group))
    best: tuple[Cell, ...] | None = None
    best_cost, steps = float("inf"), 0
    taken: list[Cell] = []

    def descend(cost: float) -> None:
        nonlocal best, best_cost, steps
        at = len(taken)
        if at == len(free):
            best, best_cost = tuple(taken), cost
            return
        for cell in domains[at]:
            steps += 1
            if steps > _MOST_STEPS or best_cost == 0:
                return
            if cell in taken or not all(_ordered(axis, taken[other], cell, after) for axis, other, after in checks[at]):
                continue
            total = cost + sum(_price(kind, taken[other], cell) for kind, other in wishes[at])
            cells = (*taken, cell)
            total += sum(min(_price("near", cells[one], cells[two]) for two in group) for one, group in nearest[at])
            if total < best_cost:
                taken.append(cell)
                descend(total)
                taken.pop()

    descend(0.0)
    return best


def _ordered(axis: int, known: Cell, cell: Cell, after: bool) -> bool:
    """True if the new cell stands after (or before) the known one on the axis."""
    side = 1 if axis == X else 0
    return known[side] < cell[side] if after else cell[side] < known[side]


def _price(kind: str, one: Cell, two: Cell) -> float:
    """How far two cells are from what is wished for: one height, one column, or side by side."""
    rows, columns = abs(one[0] - two[0]), abs(one[1] - two[1])
    return float({"level": rows, "upright": columns, "near": rows + columns - 1}[kind])
