"""Detectors of the picturebook world: which things, in which colours, where, and how surely.

Two networks of different shape read the same heads: `residual` sits in the loop, `separable` judges it from outside.
"""

from __future__ import annotations

import math
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

Shape = Literal["residual", "separable"]
NOUN_LIST, COLOUR_LIST = tuple(NOUNS), tuple(COLOURS)
CHANNELS = 1 + len(NOUNS) + len(COLOURS) + 4


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
    """(B, 3, 128, 128) in [-1, 1] to (B, CHANNELS, 16, 16): centre heat, nouns, colours, offsets and log sizes.

    A thing is read off at the cell that holds its centre (CenterNet, arXiv 1904.07850).
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
        nn.init.constant_(self.head.bias[:1], -4.0)  # type: ignore[index]

    def forward(self, pictures: Tensor) -> Tensor:
        fine = self.middle(self.fine(F.relu(self.stem(pictures))))
        coarse = self.lateral(self.coarse(fine))
        merged: Tensor = self.head(self.merge(fine + F.interpolate(coarse, scale_factor=2.0)))
        return merged

    @torch.inference_mode()
    def detect(self, picture: Image.Image, threshold: float = 0.3) -> list[Detection]:
        """All things of a picture, surest first; any picture size, scaled to 128x128."""
        scaled = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.asarray(scaled).copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        return read(self(pixels)[0], threshold)


def read(output: Tensor, threshold: float) -> list[Detection]:
    """Peaks of the heat (a cell that beats its eight neighbours) as detections; `output` is (CHANNELS, 16, 16)."""
    heat = output[0].sigmoid()
    peaks = (F.max_pool2d(heat[None, None], 3, 1, 1)[0, 0] == heat) & (heat >= threshold)
    found = []
    for row, column in peaks.nonzero().tolist():
        cell = output[:, row, column]
        nouns = cell[1 : 1 + len(NOUNS)].softmax(0)
        colours = cell[1 + len(NOUNS) : -4].softmax(0)
        dx, dy, width, height = cell[-4:].tolist()
        across, down = _span(column + 0.5 + dx, width), _span(row + 0.5 + dy, height)
        box = Box(x0=across[0], y0=down[0], x1=across[1], y1=down[1])
        found.append(
            Detection(
                box,
                float(heat[row, column]),
                dict(zip(NOUN_LIST, nouns.tolist(), strict=True)),
                dict(zip(COLOUR_LIST, colours.tolist(), strict=True)),
            )
        )
    return sorted(found, key=lambda detection: -detection.confidence)


def _span(centre: float, log_size: float) -> tuple[float, float]:
    """A side of a box from cells to fractions of the canvas: never empty, never outside."""
    middle = min(max(centre / CELLS, 0.0), 1.0)
    half = math.exp(min(max(log_size, -1.0), 3.0)) / CELLS / 2
    return max(0.0, middle - half), min(1.0, middle + half)


def load_detector(path: Path, shape: Shape) -> Detector:
    """A detector with the shipped weights (fp16 on disk, float32 in memory), ready to detect."""
    network = Detector(shape)
    network.load_state_dict(
        {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}
    )
    return network.eval()
