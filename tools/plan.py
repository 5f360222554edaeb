"""plan: divide the canvas, and check that the division shows the scene."""

from __future__ import annotations

from itertools import combinations

from pydantic import Field

from .drawing import draw_layout
from .errors import BadLayout, PreconditionFailed
from .geometry import broken_relations, stands_at
from .layout import Grid, Layout
from .matching import with_instances
from .outcome import Outcome
from .ports import Painter, PaintSpec, Ports
from .run import Run
from .scene import Scene, Value
from .words import stems

MAX_OVERLAP = 0.5
"""Regions of entities that have nothing to do with each other may share half of the smaller one."""

_SHARING = frozenset({"on", "inside", "in front of", "behind", "under", "next to"})
"""Relations between things whose regions may overlap as they like."""


class PlanArgs(Value):
    """Place every instance of every entity: as boxes, or as nested rows and columns; left out, it is drafted."""

    layout: Layout | None = Field(default=None, description="Regions as boxes in fractions of the canvas.")
    grid: Grid | None = Field(default=None, description="The same as nested rows and columns.")


async def plan(args: PlanArgs, run: Run, ports: Ports) -> Outcome:
    """Give the run a verified layout; of a given picture, the one that came with its scene if none is given.

    Raises PreconditionFailed without a scene, BadLayout for an unfit layout.
    """
    if run.scene is None:
        raise PreconditionFailed("there is no scene yet: call recaption first")
    if args.layout and args.grid:
        raise BadLayout("both a layout and a grid are given: give one of them")
    given = args.grid.layout() if args.grid else args.layout
    if given:
        layout, drafted_by = with_instances(given, run.scene), ports.caller
    elif run.source and run.layout:
        layout, drafted_by = run.layout, run.layout_by
    else:
        layout, drafted_by = await ports.drafter.layout(run.scene), ports.drafter.name
    planned = laid_out(run, layout, drafted_by, ports.painter)
    lines = [f"{region.prompt}: {region.box}" for region in layout.regions]
    data = {"run_id": run.run_id, "layout": layout.model_dump(exclude_defaults=True), "drafted_by": drafted_by}
    text = f"{len(lines)} region{'s' * (len(lines) > 1)}. {'; '.join(lines)}."
    return Outcome(planned, text, data, draw_layout(layout, 256, 256))


def laid_out(run: Run, layout: Layout, by: str, painter: Painter) -> Run:
    """The run with a layout by somebody. Raises BadLayout if it does not show the scene, or what `painter` says."""
    if run.scene is not None:
        check_layout(layout, run.scene)
    painter.check(paint_spec(run, layout, run.options.seed))
    return run.changed(layout=layout, layout_by=by)


def paint_spec(run: Run, layout: Layout, seed: int, steps: int | None = None) -> PaintSpec:
    """A run's options with a layout and a seed, and other steps if any are given."""
    options = run.options
    return PaintSpec(
        layout=layout,
        seed=seed,
        width=options.width,
        height=options.height,
        steps=steps or options.steps,
        guidance=options.guidance,
        negative_prompt=options.negative_prompt,
        absent=tuple(run.scene.absent) if run.scene else (),
    )


def check_layout(layout: Layout, scene: Scene) -> None:
    """Raise BadLayout unless every instance is placed once, no region speaks of what must not be there, and all stated
    places and relations hold on the boxes.
    """
    placed = [(instance.entity, instance.index) for instance, _ in layout.placed()]
    wanted = [(entity.id, index) for entity in scene.entities for index in range(entity.count)]
    for name, index in wanted:
        if (times := placed.count((name, index))) != 1:
            raise BadLayout(
                f"{name} number {index + 1} is in {times} regions: put instance {{entity: {name}, index: {index}}} "
                "into exactly one"
            )
    if strangers := sorted(set(placed) - set(wanted)):
        raise BadLayout(f"a region holds {strangers[0][0]} number {strangers[0][1] + 1}, which the scene does not have")
    for entity in scene.entities:
        for index in range(entity.count):
            if entity.place and not stands_at(entity.place, layout.region_of(entity.id, index).box):
                raise BadLayout(f"{entity.id} has to be at the {entity.place}: move its region there")
    for relation in broken_relations(scene, layout):
        raise BadLayout(
            f"{relation.subject} has to be {relation.predicate} {' and '.join(relation.objects)}, "
            "but the regions say otherwise: move them"
        )
    _check_absent(layout, scene)
    _check_overlaps(layout, scene)


def _check_absent(layout: Layout, scene: Scene) -> None:
    for region in layout.regions:
        for name in scene.absent:
            if stems(name) <= stems(region.prompt):
                raise BadLayout(
                    f"region '{region.prompt}' speaks of '{name}', which must not be there: leave it out, and say in a "
                    "region only what it is to show"
                )


def _check_overlaps(layout: Layout, scene: Scene) -> None:
    related = {
        frozenset((relation.subject, name))
        for relation in scene.relations
        if relation.predicate in _SHARING
        for name in relation.objects
    }
    for a, b in combinations(layout.regions, 2):
        names = {instance.entity for region in (a, b) for instance in region.instances}
        if a.mask or b.mask or names <= set(scene.kept) or any(pair <= names for pair in related):
            continue
        if a.instances and b.instances and a.box.overlap(b.box) > MAX_OVERLAP:
            raise BadLayout(f"regions '{a.prompt}' and '{b.prompt}' share more than half of the smaller: part them")
