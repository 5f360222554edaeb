"""Detectors of the picturebook world: which things, in which colours, where, how surely, and how well formed.

Two networks of different shape read the same heads: `residual` sits in the loop, `separable` judges it from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import fsum
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from muralist.tools.detection import Detection
from muralist.tools.layout import Box

from .vocabulary import COLOURS, NOUNS

SIZE = 128
STRIDE = 8
CELLS = SIZE // STRIDE
"""The heads see a grid of CELLS x CELLS cells."""
SAME = 0.5
"""Cells whose boxes share so much of the smaller one speak of the same thing."""

Shape = Literal["residual", "separable"]
NOUN_LIST, COLOUR_LIST = tuple(NOUNS), tuple(COLOURS)
SPLIT = [1, len(NOUN_LIST), len(COLOUR_LIST), 1, 4]
"""Channels of the heads: presence, noun, colour, form, and the box as offsets and log sizes in cells."""
CHANNELS = sum(SPLIT)
INNER = 0.25
"""A cell speaks of a thing whose middle is at most this share of its sides away, or half a cell."""
QUIET = 0.3
"""Cells to which a thing is less present have no say in what it is, unless there are no others."""
LOOKS = ((0, 0), (3, 1), (-1, 3), (-3, -1), (1, -3))
"""Shifts (right, down) in pixels under which a picture is looked at: where between the cells a thing lies is chance."""
PLAIN = (1.0, 1.0, 1.0, 0.0)
"""A calibration that changes nothing: temperatures of nouns and colours, slope and intercept of form's log odds."""


class Residual(nn.Module):
    """3x3 convolutions around a shortcut: (B, C, H, W) to (B, D, H/stride, W/stride)."""

    def __init__(self, inner: int, outer: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outer),
            nn.ReLU(),
            nn.Conv2d(outer, outer, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outer),
        )
        self.shortcut = nn.Identity() if inner == outer and stride == 1 else nn.Conv2d(inner, outer, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class Separable(nn.Module):
    """7x7 depthwise, then two pointwise convolutions (ConvNeXt, arXiv 2201.03545, figure 4)."""

    def __init__(self, inner: int, outer: int, stride: int = 1) -> None:
        super().__init__()
        self.enter = nn.Identity() if inner == outer and stride == 1 else nn.Conv2d(inner, outer, stride, stride)
        self.body = nn.Sequential(
            nn.Conv2d(outer, outer, 7, 1, 3, groups=outer),
            nn.GroupNorm(1, outer),
            nn.Conv2d(outer, 3 * outer, 1),
            nn.GELU(),
            nn.Conv2d(3 * outer, outer, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        out: Tensor = x + self.body(x)
        return out


class Detector(nn.Module):
    """(B, 3, 128, 128) in [-1, 1] to (B, CHANNELS, 16, 16).

    Every cell in the inner part of a thing tells of the whole thing, as in FCOS (arXiv 1904.01355), and their answers
    are averaged: it does not matter where between the cells its centre lies.
    """

    def __init__(self, shape: Shape = "residual") -> None:
        super().__init__()
        block: type[Residual] | type[Separable] = Residual if shape == "residual" else Separable
        widths = (24, 48, 96, 128) if shape == "residual" else (32, 64, 112, 144)
        self.stem = nn.Conv2d(3, widths[0], 4, 2, 1)
        self.fine = nn.Sequential(block(widths[0], widths[1], 2), block(widths[1], widths[2], 2))
        self.middle = nn.Sequential(block(widths[2], widths[2]), block(widths[2], widths[2]))
        self.coarse = nn.Sequential(block(widths[2], widths[3], 2), block(widths[3], widths[3]))
        self.lateral = nn.Conv2d(widths[3], widths[2], 1)
        self.merge = block(widths[2], widths[2])
        self.head = nn.Conv2d(widths[2], CHANNELS, 1)
        nn.init.constant_(self.head.bias[:1], -3.0)  # type: ignore[index]
        self.register_buffer("calibration", torch.tensor(PLAIN))

    calibration: Tensor
    """What makes its probabilities those that are met: of things with p about 0.8, eight in ten are right."""

    def forward(self, pictures: Tensor) -> Tensor:
        fine = self.middle(self.fine(F.relu(self.stem(pictures))))
        coarse = self.lateral(self.coarse(fine))
        merged: Tensor = self.head(self.merge(fine + F.interpolate(coarse, scale_factor=2.0)))
        return merged

    @torch.inference_mode()
    def detect(self, picture: Image.Image, threshold: float = 0.3) -> list[Detection]:
        """All things of a picture, surest first, each as its LOOKS see it on average; any size, scaled to 128x128."""
        scaled = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.asarray(scaled).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        outputs = self(torch.cat([_shifted(pixels, *look) for look in LOOKS]))
        calibration = self.calibration.tolist()
        seen = [
            [_back(each, *look) for each in read(output, QUIET / len(LOOKS), calibration)]
            for output, look in zip(outputs, LOOKS, strict=True)
        ]
        return [each for each in averaged(seen) if each.confidence >= threshold]


def averaged(seen: Sequence[Sequence[Detection]]) -> list[Detection]:
    """What several looks at one picture see, surest first: each thing once, by the mean of all looks that see it.

    A look that does not see it counts as a confidence of 0.
    """
    left = [list(look) for look in seen]
    found: list[Detection] = []
    while first := max((each for look in left for each in look), key=lambda each: each.confidence, default=None):
        same = []
        for look in left:
            alike = [each for each in look if each.box.overlap(first.box) > SAME]
            if alike:
                same.append(max(alike, key=lambda each: each.box.iou(first.box)))
                look[:] = [each for each in look if all(each is not other for other in alike)]
        found.append(_mean(same, len(seen)))
    return sorted(found, key=lambda each: -each.confidence)


def _mean(same: Sequence[Detection], looks: int) -> Detection:
    """One thing as several looks see it."""

    def mean(values: Iterable[float]) -> float:
        return fsum(values) / len(same)

    return Detection(
        Box(**{edge: mean(getattr(each.box, edge) for each in same) for edge in ("x0", "y0", "x1", "y1")}),
        fsum(each.confidence for each in same) / looks,
        {noun: mean(each.nouns[noun] for each in same) for noun in NOUN_LIST},
        {colour: mean(each.colours[colour] for each in same) for colour in COLOUR_LIST},
        mean(each.form for each in same),
    )


def _shifted(pixels: Tensor, right: int, down: int) -> Tensor:
    """(1, 3, H, W) with the pixels at the edges repeated where nothing comes in."""
    edges = (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0))
    wide = F.pad(pixels, edges, mode="replicate")
    top, left = max(-down, 0), max(-right, 0)
    return wide[..., top : top + SIZE, left : left + SIZE]


def _back(seen: Detection, right: int, down: int) -> Detection:
    """What was seen in a shifted picture, where it is in the picture itself."""
    across, along = right / SIZE, down / SIZE
    x0, y0 = (min(max(edge, 0.0), 1 - 1 / SIZE) for edge in (seen.box.x0 - across, seen.box.y0 - along))
    x1, y1 = min(max(seen.box.x1 - across, x0 + 1 / SIZE), 1.0), min(max(seen.box.y1 - along, y0 + 1 / SIZE), 1.0)
    return replace(seen, box=Box(x0=x0, y0=y0, x1=x1, y1=y1))


def read(output: Tensor, threshold: float, calibration: Sequence[float] = PLAIN) -> list[Detection]:
    """What the cells in the inner part of a thing say of it, averaged by how present it is to them.

    `output` is (CHANNELS, 16, 16). Cells at a thing's rim find it, too, but were never asked what it is: they have no
    say.
    """
    cells = output.flatten(1).T  # (256, CHANNELS)
    presence, nouns, colours, form, box = torch.split(cells, SPLIT, dim=1)
    noun_heat, colour_heat, slope, intercept = calibration
    present = presence[:, 0].sigmoid()
    spoken = (present >= min(threshold, QUIET)).nonzero()[:, 0]
    if not len(spoken):
        return []
    order = spoken[present[spoken].argsort(descending=True, stable=True)]
    weights = present[order]
    boxes = _boxes(box[order], order)
    output = torch.cat(
        [
            (nouns[order] / noun_heat).softmax(1),
            (colours[order] / colour_heat).softmax(1),
            (slope * form[order] + intercept).sigmoid(),
            boxes,
        ],
        dim=1,
    )
    found: list[Detection] = []
    free = torch.ones(len(order), dtype=torch.bool)
    while free.any():
        first = int(free.nonzero()[0])
        mine = free & (_overlaps(boxes, boxes[first]) > SAME)
        mine[first] = True
        free &= ~mine
        if weights[first] >= threshold:
            heard = weights >= min(QUIET, float(weights[first]))
            speaking = mine & heard & is_inner(_middles(order), boxes[first] * CELLS)
            speaking[first] = True
            mean = (weights[speaking, None] * output[speaking]).sum(0) / weights[speaking].sum()
            found.append(_detection(float(weights[first]), mean))
    return sorted(found, key=lambda detection: -detection.confidence)


def _detection(confidence: float, output: Tensor) -> Detection:
    *probabilities, corners = torch.split(output, SPLIT[1:])
    nouns, colours, form = (part.clamp(max=1.0).tolist() for part in probabilities)  # a mean may round above 1
    x0, y0, x1, y1 = (min(max(edge, 0.0), 1.0) for edge in corners.tolist())
    return Detection(
        Box(x0=x0, y0=y0, x1=x1, y1=y1),
        confidence,
        dict(zip(NOUN_LIST, nouns, strict=True)),
        dict(zip(COLOUR_LIST, colours, strict=True)),
        form[0],
    )


def _boxes(output: Tensor, order: Tensor) -> Tensor:
    """Offsets from the cells' middles and log sizes, in cells, as (n, 4) corners in fractions of the canvas.

    None is empty, and none has its middle outside of the canvas.
    """
    middles = _middles(order) + output[:, :2]
    halves = output[:, 2:].clamp(-1.0, 3.0).exp() / 2
    middles = middles.clamp(0.1, CELLS - 0.1)
    return torch.cat([middles - halves, middles + halves], dim=1) / CELLS


def is_inner(points: Tensor, box: Tensor, share: float = INNER) -> Tensor:
    """Which points (..., 2) are at most this share of a box's sides, or half a cell, from its middle; in cells."""
    reach = (share * (box[2:] - box[:2])).clamp(min=0.5 + 0.01 / STRIDE)
    return ((points - (box[:2] + box[2:]) / 2).abs() <= reach).all(-1)


def _middles(order: Tensor) -> Tensor:
    """(n, 2): where cells have their middles, in cells."""
    return torch.stack([order % CELLS, order // CELLS], dim=1) + 0.5


def _overlaps(boxes: Tensor, box: Tensor) -> Tensor:
    """Intersection of each box (n, 4) with one, over the smaller area: (n,)."""
    shared = (torch.minimum(boxes[:, 2:], box[2:]) - torch.maximum(boxes[:, :2], box[:2])).clamp(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return shared / torch.minimum(areas, (box[2:] - box[:2]).prod())


def stored(path: Path) -> dict[str, Tensor]:
    """Shipped weights by name: fp16 on disk, float32 in memory."""
    return {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}


def load_detector(path: Path, shape: Shape) -> Detector:
    """A detector with the shipped weights, ready to detect."""
    network = Detector(shape)
    network.load_state_dict(stored(path))
    return network.eval()
