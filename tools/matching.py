"""Telling from their prompts which regions show which instances, where a layout does not say."""

from __future__ import annotations

from .errors import BadLayout
from .layout import Instance, Layout, Region
from .scene import Entity, Scene
from .words import stems


def with_instances(layout: Layout, scene: Scene) -> Layout:
    """Give the regions the instances that the layout leaves out; what it states is kept.

    Every missing instance goes to the region whose prompt shares the most words with the entity's name, the noun among
    them: first one to each region that shows nothing yet, then what is left (`three red apples` in one region).
    Raises BadLayout for an instance that no region's prompt speaks of.
    """
    stated = {(instance.entity, instance.index) for instance, _ in layout.placed()}
    missing = [
        (entity, index)
        for entity in scene.entities
        for index in range(entity.count)
        if (entity.id, index) not in stated
    ]
    open_regions = [number for number, region in enumerate(layout.regions) if not region.instances]
    given: dict[int, list[Instance]] = {number: [] for number in open_regions}
    while missing:
        found = _best(missing, [number for number in open_regions if not given[number]], layout)
        found = found or _best(missing, open_regions, layout)
        if found is None:
            raise BadLayout(_unmatched(missing[0][0], layout))
        (entity, index), number = found
        missing.remove((entity, index))
        given[number].append(Instance(entity=entity.id, index=index))
    regions = [
        region.model_copy(update={"instances": given[number]}) if given.get(number) else region
        for number, region in enumerate(layout.regions)
    ]
    return layout.model_copy(update={"regions": regions})


def _best(
    missing: list[tuple[Entity, int]], numbers: list[int], layout: Layout
) -> tuple[tuple[Entity, int], int] | None:
    """The best pair of an instance and a region's number; the earlier one where several are as good."""
    pairs = [
        (likeness, instance, number)
        for instance in missing
        for number in numbers
        if (likeness := _likeness(instance[0], layout.regions[number])) is not None
    ]
    if not pairs:
        return None
    _, instance, number = max(pairs, key=lambda pair: pair[0])
    return instance, number


def _likeness(entity: Entity, region: Region) -> tuple[int, int] | None:
    """Words shared, then as few other words as possible; None if the noun is not among the shared."""
    said, wanted, noun = stems(region.prompt), stems(entity.name), stems(entity.noun)
    if not noun <= said:
        return None
    return len(said & wanted), -len(said - wanted)


def _unmatched(entity: Entity, layout: Layout) -> str:
    prompts = ", ".join(f"'{region.prompt[:40]}'" for region in layout.regions)
    return (
        f"no region of the layout shows {entity.id} ({entity.name}): name the {entity.noun} in the prompt of one of "
        f"{prompts}"
    )
