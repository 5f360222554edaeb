"""plan: divide the canvas, and check that the division shows the scene."""

from __future__ import annotations

import asyncio
from itertools import combinations

from pydantic import Field

from .abilities import abilities_of
from .drawing import draw_layout
from .errors import BadLayout, BadSettings, PreconditionFailed
from .geometry import broken_relations, stands_at
from .layout import BASE_RATIO, Grid, Layout, every
from .masks import packed
from .matching import with_instances
from .outcome import Outcome
from .ports import Painter, PaintSpec, Ports
from .predicates import PREDICATES
from .profile import profile_of
from .run import Run
from .scene import Scene
from .value import Value
from .words import stems

MAX_OVERLAP = 0.5
"""Regions of entities that have nothing to do with each other may share half of the smaller one."""


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
    planned = await laid_out(run, layout, drafted_by, ports)
    layout = planned.layout or layout
    lines = [f"{region.prompt}: {region.box}" for region in layout.regions]
    data = {"run_id": run.run_id, "layout": layout.model_dump(exclude_defaults=True), "drafted_by": drafted_by}
    text = f"{len(lines)} region{'s' * (len(lines) > 1)}. {'; '.join(lines)}."
    return Outcome(planned, text, data, draw_layout(layout, 256, 256))


async def laid_out(run: Run, layout: Layout, by: str, ports: Ports) -> Run:
    """The run with a layout by somebody, its masks as blobs.

    Raises BadLayout if it does not show the scene, or what the painter says.
    """
    if "base_ratio" not in layout.model_fields_set:
        own = await asyncio.to_thread(profile_of, ports.painter)  # it may read files
        layout = layout if own.base_ratio == BASE_RATIO else layout.model_copy(update={"base_ratio": own.base_ratio})
    layout = await packed(layout, ports.store)
    if run.scene is not None:
        check_layout(layout, run.scene)
    check_spec(paint_spec(run, layout, run.options.seed), ports.painter)
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


def check_spec(spec: PaintSpec, painter: Painter) -> None:
    """Raise BadSettings, BadLayout or BadPrompt if the painter says that it cannot paint the spec."""
    able = abilities_of(painter)
    if (wrong := able.size_trouble(spec.width, spec.height)) is not None:
        raise BadSettings(f"{painter.name} cannot paint {spec.width}x{spec.height} pixels: {wrong}")
    if spec.negative_prompt and not able.negative_prompt:
        raise BadSettings(f"{painter.name} takes no negative prompt: say in the prompt what is wanted instead")
    if (number := len(every(spec.layout.regions))) > able.regions:
        raise BadLayout(f"the layout has {number} regions, parts included: {painter.name} takes {able.regions} at most")
    painter.check(spec)


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
        if PREDICATES[relation.predicate].shares
        for name in relation.objects
    }
    for a, b in combinations(layout.regions, 2):
        names = {instance.entity for region in (a, b) for instance in region.instances}
        if a.masked or b.masked or names & set(scene.kept) or any(pair <= names for pair in related):
            continue  # what is kept of a given picture stands where it stands
        if a.instances and b.instances and a.box.overlap(b.box) > MAX_OVERLAP:
            raise BadLayout(f"regions '{a.prompt}' and '{b.prompt}' share more than half of the smaller: part them")
