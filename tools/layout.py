"""The layout: where everything goes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from .errors import BadLayout
from .value import Value

if TYPE_CHECKING:
    from PIL import Image

MAX_REGIONS = 16
BASE_RATIO = 0.5
"""The base prompt's share inside regions where nothing else is said; `docs/controls.md` has the figures for it."""
MIN_REGION = 1 / 16
"""Smallest side of a region, as a fraction of the canvas: one latent cell of a 128-pixel picture."""


class Box(Value):
    """A rectangle in fractions of the canvas; the origin is the top left, x1 and y1 are exclusive."""

    x0: float = Field(ge=0, le=1, allow_inf_nan=False)
    y0: float = Field(ge=0, le=1, allow_inf_nan=False)
    x1: float = Field(ge=0, le=1, allow_inf_nan=False)
    y1: float = Field(ge=0, le=1, allow_inf_nan=False)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise ValueError(
                f"box ({self.x0:g}, {self.y0:g}, {self.x1:g}, {self.y1:g}) is empty: x0 < x1 and y0 < y1 are needed"
            )
        return self

    def __str__(self) -> str:
        return f"x {self.x0:.2f} to {self.x1:.2f}, y {self.y0:.2f} to {self.y1:.2f}"

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def overlap(self, other: Box) -> float:
        """Intersection over the smaller of the two areas, in [0, 1]."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0.0, width) * max(0.0, height) / min(self.area, other.area)

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        width = min(self.x1, other.x1) - max(self.x0, other.x0)
        height = min(self.y1, other.y1) - max(self.y0, other.y0)
        shared = max(0.0, width) * max(0.0, height)
        return shared / (self.area + other.area - shared)

    def grown(self, margin: float) -> Box:
        """The box with `margin` more on every side, cut to the canvas."""
        return Box(
            x0=max(0.0, self.x0 - margin),
            y0=max(0.0, self.y0 - margin),
            x1=min(1.0, self.x1 + margin),
            y1=min(1.0, self.y1 + margin),
        )


class Instance(Value):
    """One of an entity's `count`: index 0 is the first."""

    entity: str
    index: int = Field(default=0, ge=0, le=15)


class Region(Value):
    """A part of the canvas with a prompt of its own.

    `mask` holds rows of weights in [0, 1] over the whole canvas, of any resolution; it may be given as a nested list,
    an array, a picture or the `Path` of one (white is 1). Without it the region is its box. `base_ratio` is the share
    of the base prompt inside this region; None takes the layout's. `strength` is the share of the noise schedule that
    is run through where the region is repainted on a picture: 1 forgets what was there. `parts` are regions within this
    one, for which its prompt is the base (RPG, arXiv 2401.11708, section 2.3). A ledger holds `mask_id`, the blob that
    keeps the weights, in place of `mask`.
    """

    prompt: str = Field(min_length=1, max_length=2000)
    x0: float = Field(ge=0, le=1, allow_inf_nan=False)
    y0: float = Field(ge=0, le=1, allow_inf_nan=False)
    x1: float = Field(ge=0, le=1, allow_inf_nan=False)
    y1: float = Field(ge=0, le=1, allow_inf_nan=False)
    instances: list[Instance] = Field(default_factory=list, max_length=16)
    base_ratio: float | None = Field(default=None, ge=0, le=1)
    negative_prompt: str | None = Field(default=None, max_length=2000)
    mask: list[list[float]] | None = None
    mask_id: SkipJsonSchema[str] = Field(default="", pattern="^[0-9a-f]{0,64}$")
    strength: SkipJsonSchema[float] = Field(default=1.0, gt=0, le=1)
    parts: SkipJsonSchema[list[Region]] = Field(default_factory=list, max_length=MAX_REGIONS)

    def __init__(
        self,
        prompt: str | None = None,
        /,
        x0: float | None = None,
        y0: float | None = None,
        x1: float | None = None,
        y1: float | None = None,
        **rest: Any,
    ) -> None:
        """`Region("a red car", x0, y0, x1, y1)`; edges left out are the canvas's. Raises BadLayout, in one line.

        Whoever names every field, as JSON does, has to give all four edges, and gets pydantic's ValidationError.
        """
        edges = {"x0": x0, "y0": y0, "x1": x1, "y1": y1}
        given = {name: edge for name, edge in edges.items() if edge is not None}
        canvas = {} if prompt is None else {"prompt": prompt, "x0": 0, "y0": 0, "x1": 1, "y1": 1}
        try:
            super().__init__(**{**canvas, **given, **rest})
        except ValidationError as error:
            if prompt is None:
                raise
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadLayout(f"region '{prompt[:60]}': {where and where + ': '}{first['msg']}") from None

    @field_validator("mask", mode="before")
    @classmethod
    def _as_rows(cls, value: object) -> object:
        """Text is never taken for a file's name: it may come from outside."""
        if isinstance(value, str):
            raise ValueError("a mask is no text: give rows of weights, an array, a picture or the Path of one")
        if isinstance(value, Path) or hasattr(value, "convert"):
            value = _grey(cast("Path | Image.Image", value))
        if hasattr(value, "tolist"):
            if getattr(value, "ndim", 2) != 2:
                raise ValueError(f"a mask needs the shape (height, width), not {tuple(value.shape)}")  # type: ignore[attr-defined]
            return value.tolist()
        return value

    @field_validator("mask")
    @classmethod
    def _weights(cls, value: list[list[float]] | None) -> list[list[float]] | None:
        if value is None:
            return None
        if not value or not value[0] or any(len(row) != len(value[0]) for row in value):
            raise ValueError("a mask needs rows of equal length")
        flat = [weight for row in value for weight in row]
        if not all(0 <= weight <= 1 for weight in flat) or not any(flat):
            raise ValueError("a mask needs weights between 0 and 1, and one at least above 0")
        return value

    @model_validator(mode="after")
    def _large_enough(self) -> Self:
        if self.x1 - self.x0 < MIN_REGION - 1e-6 or self.y1 - self.y0 < MIN_REGION - 1e-6:
            raise ValueError(
                f"region '{self.prompt}' ({self.x0:g}, {self.y0:g}, {self.x1:g}, {self.y1:g}) is too small or "
                f"inside out: x1 - x0 and y1 - y0 have to be at least {MIN_REGION:g}"
            )
        return self

    @property
    def masked(self) -> bool:
        """Whether it has a shape of its own within its rectangle."""
        return self.mask is not None or bool(self.mask_id)

    @property
    def box(self) -> Box:
        """The region's rectangle."""
        return Box(x0=self.x0, y0=self.y0, x1=self.x1, y1=self.y1)


def every(regions: Iterable[Region]) -> list[Region]:
    """Regions and their parts, at any depth: a region first, then its parts."""
    return [each for region in regions for each in (region, *every(region.parts))]


def _grey(picture: Path | Image.Image) -> list[list[float]]:
    """Its weights by rows: luminance, and where it is transparent 0."""
    from PIL import Image, ImageChops

    try:
        image = Image.open(picture) if isinstance(picture, Path) else picture
        grey = ImageChops.multiply(*image.convert("LA").split())
    except OSError as error:
        raise ValueError(f"the mask {picture} cannot be read as a picture: {error}") from None
    pixels = grey.tobytes()
    rows = (pixels[start : start + grey.width] for start in range(0, len(pixels), grey.width))
    return [[weight / 255 for weight in row] for row in rows]


class Layout(Value):
    """Regions over a base prompt; pixels that no region covers follow the base prompt alone."""

    regions: list[Region] = Field(min_length=1, max_length=MAX_REGIONS)
    base_prompt: str = Field(min_length=1, max_length=8000)
    base_ratio: float = Field(default=BASE_RATIO, ge=0, le=1)

    def placed(self) -> Iterator[tuple[Instance, Region]]:
        """Every instance with the region that holds it."""
        for region in every(self.regions):
            for instance in region.instances:
                yield instance, region

    def region_of(self, entity: str, index: int = 0) -> Region:
        """The region that holds an instance; BadLayout if none does."""
        for instance, region in self.placed():
            if instance.entity == entity and instance.index == index:
                return region
        raise BadLayout(f"no region holds {entity} number {index + 1}: give one of the regions this instance")


class Part(Value):
    """A cell of a grid: a prompt, its share of the row or column, and what it is split into, if anything.

    A part's prompt is the base of its own parts (RPG, section 2.3: hierarchical regions).
    """

    prompt: str = Field(min_length=1, max_length=2000)
    share: float = Field(default=1, gt=0, allow_inf_nan=False)
    instances: list[Instance] = Field(default_factory=list, max_length=16)
    rows: list[Part] = Field(default_factory=list, description="Split from top to bottom.")
    columns: list[Part] = Field(default_factory=list, description="Split from left to right.")

    @model_validator(mode="after")
    def _one_split(self) -> Self:
        if self.rows and self.columns:
            raise ValueError(f"part '{self.prompt}' has both rows and columns: nest one inside the other")
        return self


class Grid(Value):
    """A layout as nested rows and columns, each with a share; the alternative to boxes."""

    base_prompt: str = Field(min_length=1, max_length=8000)
    base_ratio: float = Field(default=BASE_RATIO, ge=0, le=1)
    rows: list[Part] = Field(default_factory=list)
    columns: list[Part] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_split(self) -> Self:
        if bool(self.rows) == bool(self.columns):
            raise ValueError("a grid has either rows or columns, and not both: nest one inside the other")
        return self

    def layout(self, nested: bool = False) -> Layout:
        """The same as boxes; shares are normalised per split.

        A split part gives way to its own parts; if `nested`, its prompt is kept as their base. Raises BadLayout for
        more than 16 regions, or one that is too small.
        """
        regions = list(_cells(self.rows, self.columns, Box(x0=0, y0=0, x1=1, y1=1), nested))
        if len(every(regions)) > MAX_REGIONS:
            raise BadLayout(
                f"the grid has {len(every(regions))} cells: at most {MAX_REGIONS} can be painted, so join some"
            )
        said = self.model_dump(include={"base_ratio"}, exclude_unset=True)
        return Layout(regions=regions, base_prompt=self.base_prompt, **said)


def _cells(rows: list[Part], columns: list[Part], box: Box, nested: bool) -> Iterator[Region]:
    total = sum(part.share for part in rows or columns)
    start = 0.0
    for part in rows or columns:
        a, b = start / total, (start + part.share) / total
        start += part.share
        if rows:
            cell = {"x0": box.x0, "x1": box.x1, "y0": box.y0 + a * box.height, "y1": box.y0 + b * box.height}
        else:
            cell = {"x0": box.x0 + a * box.width, "x1": box.x0 + b * box.width, "y0": box.y0, "y1": box.y1}
        cell = {key: min(1.0, round(value, 9)) for key, value in cell.items()}
        width, height = cell["x1"] - cell["x0"], cell["y1"] - cell["y0"]
        if not min(width, height) >= MIN_REGION - 1e-6:
            raise BadLayout(
                f"the grid's cell '{part.prompt[:60]}' takes {width:.3g} by {height:.3g} of the canvas: both sides "
                f"have to be at least {MIN_REGION:g}, so give it a larger share"
            )
        parts = list(_cells(part.rows, part.columns, Box(**cell), nested))
        if parts and not nested:
            yield from parts
        else:
            yield Region(part.prompt, **cell, instances=part.instances, parts=parts)


def parse_split_ratio(ratio: str, prompts: str, base_prompt: str, base_ratio: float = BASE_RATIO) -> Grid:
    """The paper's text form: rows by `;`, in each its height and then its columns' widths; prompts by `BREAK`.

    `1,1,1;2,1,1` is two rows of heights 1 and 2 with two equal columns each; a row of one number is one cell.
    Source: RPG (arXiv 2401.11708), section 2.3 and appendix A.
    """
    texts = [text.strip() for text in prompts.split("BREAK") if text.strip()]
    try:
        numbers = [[float(word) for word in row.split(",")] for row in ratio.strip().strip(";").split(";")]
    except ValueError:
        raise BadLayout(f"split ratio '{ratio}' is not numbers: write rows like '1,1,1;2,1,1'") from None
    if not all(0 < number < math.inf for row in numbers for number in row):
        raise BadLayout(f"split ratio '{ratio}' has a number that is not positive and finite")
    wanted = sum(max(1, len(row) - 1) for row in numbers)
    if wanted != len(texts):
        raise BadLayout(f"split ratio '{ratio}' has {wanted} cells, but {len(texts)} prompts are given by BREAK")
    rows, rest = [], iter(texts)
    for height, *widths in numbers:
        if not widths:
            rows.append(Part(prompt=next(rest), share=height))
        else:
            columns = [Part(prompt=next(rest), share=width) for width in widths]
            rows.append(Part(prompt=base_prompt, share=height, columns=columns))
    return Grid(base_prompt=base_prompt, base_ratio=base_ratio, rows=rows)
