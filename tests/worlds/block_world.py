"""Block world: a painter that fills each region with the colour its prompt names, and an inspector that reads pixels.

Both speak the real ports. Faults are set by seed, so that the loop can really fail and really be mended.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product

from PIL import Image, ImageDraw

from muralist.tools.checklist import Checklist, Question
from muralist.tools.detection import Detection
from muralist.tools.errors import BackboneError, BadPrompt, BadSettings, Cancelled, MuralistError
from muralist.tools.geometry import holds, stands_at
from muralist.tools.layout import Box, Region
from muralist.tools.observation import Observation
from muralist.tools.ports import OnStep, PaintSpec, Vocabulary
from muralist.tools.scene import Scene
from muralist.tools.verdict import Verdict, status_of

PAPER = (240, 240, 240)
COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 160, 60),
    "blue": (40, 60, 210),
    "yellow": (230, 210, 40),
    "purple": (130, 40, 160),
}
_BRUSH = ThreadPoolExecutor(1, thread_name_prefix="brush")
YES, NO = 0.95, 0.05


@dataclass
class BlockPainter:
    """Paints a block in the middle of each region, on a thread of its own."""

    faults: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Seed to the indices of regions that stay empty."""
    breaks_at: int | None = None
    """Seed at which the painter fails."""
    on_paint: Callable[[PaintSpec], None] = lambda spec: None
    name: str = "blocks"
    vocabulary: Vocabulary | None = None

    def admit(self, scene: Scene) -> Scene:
        for entity in scene.entities:
            if colour_of(entity.name) is None:
                raise BadPrompt(f"'{entity.name}' has no colour: blocks are {', '.join(COLOURS)}")
        return scene

    def check(self, spec: PaintSpec) -> None:
        if spec.width % 8 or spec.height % 8:
            raise BadSettings(f"size {spec.width}x{spec.height}: both have to be multiples of 8")

    async def paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        return await asyncio.wrap_future(_BRUSH.submit(self._paint, spec, on_step, cancel))

    def _paint(self, spec: PaintSpec, on_step: OnStep, cancel: threading.Event) -> Image.Image:
        self.on_paint(spec)
        if spec.seed == self.breaks_at:
            raise BackboneError(f"the paint ran dry at seed {spec.seed}")
        for step in range(1, spec.steps + 1):
            on_step(step, spec.steps)
            if cancel.is_set():
                raise Cancelled(f"stopped at step {step} of {spec.steps}")
        picture = spec.source.copy() if spec.source else Image.new("RGB", (spec.width, spec.height), PAPER)
        pen = ImageDraw.Draw(picture)
        for number, region in enumerate(spec.layout.regions):
            if spec.source:
                pen.rectangle(_pixels(region.box, picture), fill=PAPER)
            colour = colour_of(region.prompt)
            if colour and number not in self.faults.get(spec.seed, ()):
                pen.rectangle(_pixels(_middle(region), picture), fill=COLOURS[colour])
        return picture


@dataclass
class BlockInspector:
    """Finds the blocks of a colour as connected pixels, and answers by their number and place.

    Kinds of questions in `blind_to` it does not answer. `names` says what a block of a colour is.
    """

    blind_to: Sequence[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    name: str = "blocks"

    async def observe(self, image: Image.Image, nouns: Sequence[str]) -> Observation:
        return Observation(
            [
                Detection(box, YES, {self.names.get(colour, "block"): 1.0}, {colour: 1.0})
                for colour in COLOURS
                for box in blocks(image, colour)
            ]
        )

    async def inspect(self, image: Image.Image, checklist: Checklist) -> list[Verdict]:
        return [
            self._verdict(image, question, checklist.scene)
            for question in checklist.questions
            if question.kind not in self.blind_to
        ]

    def _verdict(self, image: Image.Image, question: Question, scene: Scene) -> Verdict:
        entity = None if question.entity is None else scene.entity(question.entity)
        found = [] if entity is None else list(blocks(image, colour_of(entity.name)))
        yes = bool(found)
        if question.kind == "count" and entity is not None:
            yes = len(found) == entity.count
        elif question.kind == "place" and entity is not None and entity.place is not None:
            place = entity.place
            yes = all(stands_at(place, box) for box in found)
        elif question.kind == "relation" and question.index is not None:
            relation = scene.relations[question.index]
            others = [list(blocks(image, colour_of(scene.entity(name).name))) for name in relation.objects]
            yes = all(bool(holds(relation.predicate, box, combo)) for box in found for combo in product(*others))
        elif question.kind == "others":
            asked = {colour_of(each.name) for each in scene.entities}
            found = [box for colour in COLOURS if colour not in asked for box in blocks(image, colour)]
            yes = not found
        elif question.kind == "absent" and question.index is not None:
            gone = scene.absent[question.index]
            colours = [
                colour for colour in COLOURS if gone in {self.names.get(colour), f"{colour} {self.names.get(colour)}"}
            ]
            found = [box for colour in colours for box in blocks(image, colour)]
            yes = not found
        elif question.kind == "background":
            yes = image.getpixel((0, 0)) == PAPER
        p = YES if yes else NO
        return Verdict(
            question_id=question.id, status=status_of(p), p=p, source=self.name, box=found[0] if found else None,
            boxes=found, evidence=f"{len(found)} found",
        )  # fmt: skip


def colour_of(text: str) -> str | None:
    """The first colour word in a text."""
    return next((word for word in text.replace(",", " ").split() if word in COLOURS), None)


def blocks(image: Image.Image, colour: str | None) -> Iterator[Box]:
    """Bounding boxes of the connected areas of a colour, in reading order."""
    wanted = COLOURS.get(colour or "")
    width, height = image.size
    data = image.convert("RGB").load()
    assert data is not None
    seen: set[tuple[int, int]] = set()
    for y, x in product(range(0, height, 2), range(0, width, 2)):
        if data[x, y] != wanted or (x, y) in seen:
            continue
        area, queue = [(x, y)], deque([(x, y)])
        seen.add((x, y))
        while queue:
            a, b = queue.popleft()
            for u, v in ((a + 2, b), (a - 2, b), (a, b + 2), (a, b - 2)):
                if 0 <= u < width and 0 <= v < height and (u, v) not in seen and data[u, v] == wanted:
                    seen.add((u, v))
                    queue.append((u, v))
                    area.append((u, v))
        columns, rows = [each[0] for each in area], [each[1] for each in area]
        yield Box(
            x0=min(columns) / width, y0=min(rows) / height,
            x1=(max(columns) + 2) / width, y1=(max(rows) + 2) / height,
        )  # fmt: skip


def _middle(region: Region) -> Box:
    box = region.box
    return Box(
        x0=box.x0 + 0.2 * box.width, y0=box.y0 + 0.2 * box.height,
        x1=box.x1 - 0.2 * box.width, y1=box.y1 - 0.2 * box.height,
    )  # fmt: skip


def _pixels(box: Box, picture: Image.Image) -> tuple[int, int, int, int]:
    width, height = picture.size
    return round(box.x0 * width), round(box.y0 * height), round(box.x1 * width) - 1, round(box.y1 * height) - 1


def install(painter: BlockPainter, inspector: BlockInspector | None = None) -> None:
    """Make block world known by the name `blocks`."""
    from muralist.runs import wiring

    wiring.PAINTERS["blocks"] = lambda settings: painter
    wiring.INSPECTORS["blocks"] = lambda settings: inspector or BlockInspector()


__all__ = ["BlockInspector", "BlockPainter", "MuralistError", "blocks", "colour_of", "install"]
