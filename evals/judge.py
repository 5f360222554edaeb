"""The judge: a detector of another shape and seed than the one in the loop, reading the same checklists."""

from __future__ import annotations

from muralist.picturebook.inspector import WEIGHTS, PicturebookInspector


class Judge(PicturebookInspector):
    """Never asked while painting; its verdicts decide every published figure."""

    name = "judge"

    def __init__(self) -> None:
        super().__init__(WEIGHTS / "judge.safetensors", "separable")
