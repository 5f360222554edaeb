"""Which edits to try on the best picture, given what an inspection found on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from muralist.tools.edits import MAX_SHARED, MIN_EDIT, Action, Edit, sizeable
from muralist.tools.layout import Box, Layout
from muralist.tools.numbering import home
from muralist.tools.run import TRIES, Move, rejections
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict

from .matches import Matches, match

_MARGIN = 1 / 32
"""How much of its surroundings an edit of a found thing takes along, so that its outline may change."""
_HOME = 0.7
"""Share of a found box that has to lie in its region for it to be in its place."""
_MOSTLY = 0.7
"""Share of an edit's box that has to be left for its rim to be cut off."""
_INSTEAD: dict[Action, list[Action]] = {"refine": ["replace"], "recolour": ["replace"]}
_MOST = 8
"""Edits at once."""


def propose_edits(
    scene: Scene,
    layout: Layout,
    verdicts: Sequence[Verdict],
    rejected: Sequence[Move],
    *,
    beyond: Collection[str] = (),
    doubtful: Collection[str] = (),
) -> list[Edit]:
    """Edits that mend what did not pass: what is missing first, then what is badly formed, counts, what nobody
    asked for, looks, places, and what passes but hardly. What a given picture has to keep is left alone, and so is what
    nobody could verify (`beyond`; `doubtful` is what passes, but hardly: ids of questions).

    Several at once where their boxes do not overlap. What was rejected with TRIES seeds is not tried again; another
    action on the same target is, if there is one. An empty list means: nothing left to try.
    """
    matches = match(scene, layout, verdicts, beyond)
    faults = [
        *_missing(matches),
        *_badly_formed(matches),
        *_surplus(matches),
        *_unasked(matches),
        *_looks(matches),
        *_places(matches),
    ]
    wished = [_sparing(edit, matches) for edit in faults if edit.entity not in scene.kept]
    # What fails again and again must not keep the rest from being tried: substitutes come last.
    options = [edit for edit in wished if _rejections(edit, rejected) < TRIES]
    options.sort(key=lambda edit: _rejections(edit, rejected))
    options += [other for edit in wished if edit not in options for other in _substitutes(edit, rejected)]
    options += [edit for edit in _doubtful(matches, doubtful) if _rejections(edit, rejected) < TRIES]
    chosen: list[Edit] = []
    targets: set[str] = set()
    for edit in options:
        if edit.target in targets or len(chosen) == _MOST:
            continue
        targets.add(edit.target)
        if all(edit.apart_from(known) for known in chosen):
            chosen.append(edit)
    return chosen


def _rejections(edit: Edit, rejected: Sequence[Move]) -> int:
    return rejections(rejected, edit.action, edit.target)


def _substitutes(edit: Edit, rejected: Sequence[Move]) -> list[Edit]:
    """Other actions on the same target that have not had their chance."""
    others = [edit.model_copy(update={"action": action}) for action in _INSTEAD.get(edit.action, [])]
    return [other for other in others if _rejections(other, rejected) < TRIES]


def _missing(matches: Matches) -> Iterator[Edit]:
    """Whole entities first, then the rest of a number."""
    entities = sorted(matches.scene.entities, key=lambda entity: bool(matches.found[entity.id].boxes))
    unsure = {question.entity for question, verdict in matches.open if question.aspect in ("presence", "number")}
    for entity in entities:
        if entity.id not in unsure:
            continue
        for index in matches.found[entity.id].missing(entity):
            region = home(matches.layout, entity.id, index)
            if region is not None:
                box = _clear(_whole(region, matches), matches)
                yield Edit(action="add", entity=entity.id, index=index, box=box)


def _badly_formed(matches: Matches) -> Iterator[Edit]:
    """What was found, but hardly as what it is meant to be: refined where it stands, before it is painted anew."""
    for question, verdict in matches.open:
        if question.aspect == "presence" and question.entity is not None and verdict.box is not None:
            yield _refined(matches, question.entity, verdict, verdict.box)


def _doubtful(matches: Matches, doubtful: Collection[str]) -> Iterator[Edit]:
    """The same of what passes, but hardly; it is never painted anew."""
    for entity in matches.scene.entities:
        verdict = matches.verdicts.get(f"{entity.id}.exists")
        if verdict is not None and verdict.question_id in doubtful and verdict.box is not None:
            yield _refined(matches, entity.id, verdict, verdict.box)


def _refined(matches: Matches, entity: str, verdict: Verdict, box: Box) -> Edit:
    index = _instance(verdict, box, matches.found[entity].boxes)
    return Edit(action="refine", entity=entity, index=index, box=sizeable(box.grown(_MARGIN)))


def _surplus(matches: Matches) -> Iterator[Edit]:
    """One too many: painted over. It counts on behind the wanted ones."""
    wrong = {question.entity for question, _ in matches.open if question.aspect == "number"}
    for entity in matches.scene.entities:
        if entity.id in wrong:
            for extra, box in enumerate(matches.found[entity.id].surplus):
                index = min(15, entity.count + extra)
                yield Edit(action="remove", entity=entity.id, index=index, box=sizeable(box.grown(_MARGIN)))


def _unasked(matches: Matches) -> Iterator[Edit]:
    """Painted over, as far as it leaves alone what has to stay."""
    for box in _strange(matches):
        edit = Edit(action="remove", box=_clear(box, matches, MIN_EDIT))
        if not _was_given(edit.box, matches):
            yield edit


def _whole(region: Box, matches: Matches) -> Box:
    """The region with all of what nobody asked for that reaches into it: half of it would be left else."""
    for box in _strange(matches):
        if region.overlap(box) > MAX_SHARED:
            region = Box(
                x0=min(region.x0, box.x0), y0=min(region.y0, box.y0), x1=max(region.x1, box.x1),
                y1=max(region.y1, box.y1),
            )  # fmt: skip
    return region


def _strange(matches: Matches) -> Iterator[Box]:
    """What nobody asked for, with its rim."""
    for question, verdict in matches.open:
        if question.aspect == "strangers":
            for box in verdict.boxes or ([verdict.box] if verdict.box is not None else []):
                yield sizeable(box.grown(_MARGIN))


def _was_given(box: Box, matches: Matches) -> bool:
    """True of what lies on a kept thing of a given picture, or nowhere near what is repainted of it."""
    kept = matches.scene.kept
    if not kept:
        return False
    theirs = [found for name, _, found in matches.boxes() if name in kept]
    ours = [
        region.box
        for region in matches.layout.regions
        if not any(instance.entity in kept for instance in region.instances)
    ]
    return any(box.overlap(each) > MAX_SHARED for each in theirs) or all(box.overlap(each) == 0 for each in ours)


def _sparing(edit: Edit, matches: Matches) -> Edit:
    """The edit without the rim that it would take along of a kept thing."""
    kept = [box for name, _, box in matches.boxes() if name in matches.scene.kept]

    def spared(box: Box) -> Box:
        cut = _free(box, kept, MIN_EDIT, shared=0)
        return cut if cut.area >= _MOSTLY * box.area else box

    return edit.model_copy(update={"box": spared(edit.box), "to": edit.to and spared(edit.to)})


def _looks(matches: Matches) -> Iterator[Edit]:
    """A wrong colour is repainted, anything else painted anew, where the thing stands."""
    for question, verdict in matches.open:
        if question.aspect != "look" or question.entity is None or question.index is None:
            continue
        found = matches.found[question.entity].boxes
        kind = matches.scene.entity(question.entity).attributes[question.index].kind
        action: Action = "recolour" if kind == "colour" else "replace"
        wrong = [verdict.box, *(box for box in verdict.boxes if box != verdict.box)]
        for pointed in wrong:
            index = _instance(verdict, pointed, found)
            box = pointed or found.get(index) or home(matches.layout, question.entity, index)
            if box is not None:
                yield Edit(action=action, entity=question.entity, index=index, box=sizeable(box.grown(_MARGIN)))


def _places(matches: Matches) -> Iterator[Edit]:
    """What is not in its region moves there; of things that all are, the one the question is about."""
    for question, _ in matches.open:
        if question.aspect != "position":
            continue
        concerned = question.concerns(matches.scene)
        standing = [(name, index, box) for name, index, box in matches.boxes() if name in concerned]
        away = [each for each in standing if not _at_home(matches, *each)]
        for name, index, box in away or [each for each in standing if each[0] == question.entity]:
            region = home(matches.layout, name, index)
            if region is None:
                continue
            source, goal = sizeable(box.grown(_MARGIN)), _centred(sizeable(box.grown(_MARGIN)), region)
            if source.iou(goal) < 0.9:
                yield Edit(action="move", entity=name, index=index, box=source, to=goal)


def _at_home(matches: Matches, entity: str, index: int, box: Box) -> bool:
    region = home(matches.layout, entity, index)
    if region is None:
        return False
    width = min(box.x1, region.x1) - max(box.x0, region.x0)
    height = min(box.y1, region.y1) - max(box.y0, region.y0)
    return max(0.0, width) * max(0.0, height) >= _HOME * box.area


def _instance(verdict: Verdict, box: Box | None, found: dict[int, Box]) -> int:
    """The instance whose box the verdict points at; the first that was found if it is none."""
    return next((index for index, each in verdict.instances if each == box), min(found, default=0))


def _clear(region: Box, matches: Matches, least: float = 2 * MIN_EDIT) -> Box:
    """The largest part of a region that leaves found things alone."""
    return _free(region, [box.grown(_MARGIN) for _, _, box in matches.boxes()], least)


def _free(region: Box, others: Sequence[Box], least: float, shared: float = MAX_SHARED) -> Box:
    """The largest part of a region, cut along one side per obstacle, that shares no more than `shared` with any.

    If less than `least` a side would be left, the whole region.
    """
    free = region
    for other in others:
        if free.overlap(other) <= shared:
            continue
        sides = [
            (free.x0, free.y0, min(free.x1, other.x0), free.y1),
            (max(free.x0, other.x1), free.y0, free.x1, free.y1),
            (free.x0, free.y0, free.x1, min(free.y1, other.y0)),
            (free.x0, max(free.y0, other.y1), free.x1, free.y1),
        ]
        roomy = [side for side in sides if side[2] - side[0] >= least and side[3] - side[1] >= least]
        if not roomy:
            return region
        x0, y0, x1, y1 = max(roomy, key=lambda side: (side[2] - side[0]) * (side[3] - side[1]))
        free = Box(x0=x0, y0=y0, x1=x1, y1=y1)
    return free


def _centred(box: Box, region: Box) -> Box:
    """A box of the same size, as far as it fits, in the middle of the region."""
    width, height = min(box.width, region.width), min(box.height, region.height)
    x, y = region.centre
    return Box(
        x0=max(0.0, x - width / 2), y0=max(0.0, y - height / 2),
        x1=min(1.0, x + width / 2), y1=min(1.0, y + height / 2),
    )  # fmt: skip
