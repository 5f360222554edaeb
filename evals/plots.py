"""Figures for the docs, drawn with matplotlib, which the `dev` extra brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from muralist.tools.errors import BadSettings

from .flops import Counts
from .speed import Ratios


def speed(path: Path, measured: Ratios, counted: Sequence[Counts]) -> None:
    """What regions cost: measured on picturebook, counted at full size. Raises BadSettings without matplotlib."""
    figure = _figure(9.6, 3.8)
    left, right = figure.subplots(1, 2)
    regions = list(measured)
    left.plot(regions, [measured[number]["regional"] for number in regions], "o-", color="C0", label="regional")
    left.plot(regions, [measured[number]["dense"] for number in regions], "o--", color="C7", label="dense reference")
    left.set_title("Picturebook: wall time of a generation")
    for number, each in enumerate(counted):
        regions, name = list(each.by_regions), each.name.split(",")[0]
        whole = [each.by_regions[count].whole for count in regions]
        dense = [each.by_regions[count].dense for count in regions]
        right.plot(regions, whole, "o-", color=f"C{number}", label=name)
        right.plot(regions, dense, "--", color=f"C{number}", linewidth=0.8)
    right.set_title("Full size: operations (dashed: dense)")
    right.set_ylim(0.9, 1.7)  # dense joint attention goes on to seventeen times
    for axes in (left, right):
        axes.axhline(1, color="black", linewidth=0.6)
        axes.set_xscale("log", base=2)
        axes.set_xticks(regions, [str(count) for count in regions])
        axes.set_xlabel("regions")
        axes.set_ylabel("times the plain pipeline")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def reliability(path: Path, curves: Mapping[str, Sequence[tuple[float, float, int]]]) -> None:
    """How often what is said with a probability is right. Raises BadSettings without matplotlib."""
    figure = _figure(4.2, 4.0)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.6)
    for name, rows in curves.items():
        axes.plot([said for said, _, _ in rows], [right for _, right, _ in rows], "o-", label=name)
    axes.set_xlabel("p that the detector says")
    axes.set_ylabel("share that is right")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _figure(width: float, height: float) -> Any:
    """An empty figure, in inches."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise BadSettings("a plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})
